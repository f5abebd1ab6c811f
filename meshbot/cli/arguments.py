"""The parser: one tree of commands, from which the help texts come too."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from meshbot.cli import bot, database, doctor, first_start, keys, radio
from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.installation import CHECK_SUMMARY, SUMMARY, add_arguments, check_service, perform

CONFIG: Final = _("settings in TOML, see meshbot.toml.example")
CHECK: Final = _("prints the settings in force, and where each comes from")
DEMO: Final = _("tries the bot on a virtual node, without a radio")
VERSION: Final = _("shows the version and the commit")
FILE: Final = _("FILE")
# What argparse says itself: it asks gettext for a translation of each
ARGPARSE: Final = (
    _("usage: "),
    _("options"),
    _("positional arguments"),
    _("show this help message and exit"),
    _("%(prog)s: error: %(message)s\n"),
    _("the following arguments are required: %s"),
    _("unrecognized arguments: %s"),
    _("argument %(argument_name)s: %(message)s"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("expected one argument"),
)


def parser_for(name: str, version: str, tr: Translate) -> argparse.ArgumentParser:
    """Return the parser, whose texts are in `tr`'s language."""
    parser = argparse.ArgumentParser(prog=name, description=tr(_("MeshBot: a bot for a Meshtastic network.")))
    parser.add_argument("--config", type=Path, metavar=tr(FILE), help=tr(CONFIG))
    parser.add_argument("--check-config", action="store_true", help=tr(CHECK))
    parser.add_argument("--demo", action="store_true", help=tr(DEMO))
    parser.add_argument("--version", action="version", version=f"MeshBot {version}", help=tr(VERSION))
    # without a command the bot runs; what is alone needs no settings
    parser.set_defaults(command=None, alone=None, on_bad_settings=None, needs_settings=True, is_for_service=False)
    groups = parser.add_subparsers(title=tr(_("commands")), metavar=tr(_("COMMAND")))
    top = Commands(groups, tr)
    top.add("run", None, _("runs the bot, as without a command"))
    check = top.add("check", None, CHECK)
    check.set_defaults(check_config=True)
    check.add_argument(
        "--service", dest="alone", action="store_const", const=check_service, default=None, help=tr(CHECK_SUMMARY)
    )
    top.add("setup", None, first_start.SUMMARY).set_defaults(alone=first_start.run_setup)
    top.add("demo", None, DEMO).set_defaults(demo=True)
    bot.add_commands(top)
    doctor.add_command(top)
    for module in (keys, radio, database):
        group = groups.add_parser(module.NAME, help=tr(module.SUMMARY), description=tr(module.SUMMARY))
        # they use what the bot has: as root the service's
        group.set_defaults(is_for_service=True)
        commands = group.add_subparsers(title=tr(_("commands")), metavar=tr(_("COMMAND")), required=True)
        module.add_commands(Commands(commands, tr))
    service = groups.add_parser("service", help=tr(SUMMARY), description=tr(SUMMARY))
    service.set_defaults(alone=perform)
    add_arguments(service, tr)
    return parser


class Commands:
    """Adds commands to a group."""

    def __init__(self, subparsers: Any, tr: Translate) -> None:
        self._subparsers = subparsers
        self.tr = tr

    def add(self, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
        """Add a command whose `run(call, options)` returns the exit code; return its parser, for its arguments.

        Without `run` it is one that the main program itself knows.
        """
        parser: argparse.ArgumentParser = self._subparsers.add_parser(
            name, help=self.tr(summary), description=self.tr(summary)
        )
        parser.set_defaults(command=run)
        # after the command too; without a default of its own, which would replace what was given before the command
        parser.add_argument(
            "--config", type=Path, metavar=self.tr(FILE), help=self.tr(CONFIG), default=argparse.SUPPRESS
        )
        return parser
