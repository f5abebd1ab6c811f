"""`meshbot service`: the arguments, and what is said while it is done."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from meshbot.installation.language import mark as _
from meshbot.installation.layout import Layout, Source
from meshbot.installation.plan import SETTINGS, Options, RefusedError, install, remove
from meshbot.installation.runner import StepFailedError, facts_of, run
from meshbot.installation.steps import Step

SUMMARY: Final = _("the service of systemd: install, update, remove")
FAILED: Final = 1


def add_arguments(parser: argparse.ArgumentParser, tr: Callable[[str], str]) -> None:
    """Add the commands to the parser of `service`."""
    commands = parser.add_subparsers(title=tr(_("commands")), metavar=tr(_("COMMAND")), required=True, dest="action")
    texts = {
        "install": _("installs the service in /opt/meshbot and starts it; keeps settings that are there"),
        "update": _("brings the installed program, its libraries and its unit to this version"),
        "remove": _("removes the service, not its settings and data"),
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=tr(text), description=tr(text))
        command.add_argument(
            "--root",
            type=Path,
            default=Path("/"),
            metavar=tr(_("FOLDER")),
            help=tr(_("below this folder, for packages")),
        )
        if name == "remove":
            command.add_argument("--purge", action="store_true", help=tr(_("also settings and data")))
            continue
        command.add_argument("--no-start", action="store_true", help=tr(_("does not start the service")))
        command.add_argument(
            "--pictures",
            action=argparse.BooleanOptionalAction,
            help=tr(_("with the libraries that draw pictures, which is the default, or without")),
        )


def perform(options: argparse.Namespace, tr: Callable[[str], str]) -> int:
    """Do what was asked; return the exit code."""

    def fail(text: str) -> int:
        print(f"❌ {text}", file=sys.stderr)
        return FAILED

    layout = Layout(options.root.absolute())
    values: dict[str, object] = {"settings": layout.settings / SETTINGS}
    try:
        steps = _steps(options, layout)
        run(steps, lambda step: print(tr(step.text).format(**step.values), flush=True))
    except RefusedError as error:
        return fail(tr(error.text).format(**error.values))
    except StepFailedError as error:
        print(error.lines, file=sys.stderr)
        return fail(tr(error.text).format(**values))
    except (OSError, subprocess.SubprocessError) as error:
        return fail(str(error))
    return 0


def _steps(options: argparse.Namespace, layout: Layout) -> list[Step]:
    facts = facts_of(layout, shlex.join(sys.argv))
    if options.action == "remove":
        return remove(layout, facts, Options(purge=options.purge))
    wanted = Options(pictures=options.pictures, start=not options.no_start)
    return install(layout, Source.of(), facts, wanted, is_update=options.action == "update")
