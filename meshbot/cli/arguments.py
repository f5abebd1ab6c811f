"""The parser: one tree of commands, from which the help texts come too."""

from __future__ import annotations

import argparse
import gettext
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from meshbot.cli import keys, radio
from meshbot.commands import LOCALE_DIR, Translate
from meshbot.commands import mark as _

LANGUAGES: Final = ("fr", "en")
# As gettext looks for the language of messages
VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
# What argparse says itself: it asks gettext for a translation of each
ARGPARSE: Final = (
    _("usage: "),
    _("options"),
    _("positional arguments"),
    _("show this help message and exit"),
    _("show program's version number and exit"),
    _("%(prog)s: error: %(message)s\n"),
    _("the following arguments are required: %s"),
    _("unrecognized arguments: %s"),
    _("argument %(argument_name)s: %(message)s"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("expected one argument"),
)


def language_of(environ: Mapping[str, str]) -> str | None:
    """Return the language that the person has set, None for none or for another one."""
    for name in VARIABLES:
        if value := environ.get(name):
            language = value.split(":")[0][:2].lower()
            return language if language in LANGUAGES else None
    return None


def speak(language: str) -> None:
    """Have argparse speak the language too, as far as the catalogs go."""
    gettext.bindtextdomain("meshbot", str(LOCALE_DIR))
    gettext.textdomain("meshbot")
    os.environ["LANGUAGE"] = language


def parser_for(name: str, version: str, tr: Translate) -> argparse.ArgumentParser:
    """Return the parser, whose texts are in `tr`'s language."""
    parser = argparse.ArgumentParser(prog=name, description=tr(_("MeshBot: a bot for a Meshtastic network.")))
    parser.add_argument("--config", type=Path, metavar="FILE", help=tr(_("settings in TOML, see meshbot.toml.example")))
    parser.add_argument("--check-config", action="store_true", help=tr(_("print the settings in force and exit")))
    parser.add_argument("--demo", action="store_true", help=tr(_("try the bot on a virtual node, without a radio")))
    parser.add_argument("--version", action="version", version=f"MeshBot {version}")
    # without a command the bot runs
    parser.set_defaults(command=None)
    groups = parser.add_subparsers(title=tr(_("commands")), metavar=tr(_("COMMAND")))
    for module in (keys, radio):
        group = groups.add_parser(module.NAME, help=tr(module.SUMMARY), description=tr(module.SUMMARY))
        commands = group.add_subparsers(title=tr(_("commands")), metavar=tr(_("COMMAND")), required=True)
        module.add_commands(Commands(commands, tr))
    return parser


class Commands:
    """Adds commands to a group."""

    def __init__(self, subparsers: Any, tr: Translate) -> None:
        self._subparsers = subparsers
        self.tr = tr

    def add(self, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
        """Add a command whose `run(call, options)` returns the exit code; return its parser, for its arguments."""
        parser: argparse.ArgumentParser = self._subparsers.add_parser(
            name, help=self.tr(summary), description=self.tr(summary)
        )
        parser.set_defaults(command=run)
        return parser
