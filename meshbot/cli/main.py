"""From the arguments to a command, or to the bot itself; errors are said in the person's language."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from meshbot.cli.arguments import parser_for
from meshbot.cli.errors import CommandError
from meshbot.cli.first_start import run_setup
from meshbot.cli.program import Call, CliSettings, Program
from meshbot.commands import Translate, translator
from meshbot.commands import mark as _
from meshbot.installation import language_of, speak
from meshbot.runtime import log
from meshbot.settings import ConfigError
from meshbot.storage import StorageError

FAILED: Final = 1
# 128 and the signal's number, as a shell has it: SIGINT, SIGPIPE
INTERRUPTED: Final = 130
UNREAD: Final = 141
BAD_SETTINGS: Final = _("⚠️ The settings here have faults, which `meshbot check` names; the running bot has its own.")
S = TypeVar("S", bound=CliSettings)


def main(program: Program[S], arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run what the arguments ask for; return the exit code: 78 for bad settings, else the command's, or the bot's."""
    try:
        code = _main(program, arguments, environ)
        # what is left may find nobody to read it
        if sys.stdout is not None:
            sys.stdout.flush()
    # who read it has seen enough, as with `| head`
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
        return UNREAD
    return code


def _main(program: Program[S], arguments: Sequence[str] | None, environ: Mapping[str, str]) -> int:
    language = language_of(environ)
    speak(language or "en")
    log.use_utf8(sys.stdout, sys.stderr)
    name = Path(sys.argv[0]).name or "meshbot"
    tr = translator(language or "en")
    options = parser_for(name, program.version, tr).parse_args(arguments)
    if options.alone is not None:
        code = int(options.alone(options, tr))
        # what was just written is looked at
        return main(program, ["doctor"], environ) if options.alone is run_setup and not code else code
    if options.demo:
        return program.demo()
    try:
        of_service = program.load_service(language) if options.is_for_service and options.config is None else None
        settings = of_service or program.load(options.config, language)
    except ConfigError as error:
        if options.needs_settings:
            return int((options.on_bad_settings or _tell_problems)(error.problems, options, tr))
        print(tr(BAD_SETTINGS), file=sys.stderr)
        settings = program.defaults()
    if options.check_config:
        print(program.effective(settings, language or settings.language), end="")
        return 0
    if options.command is None:
        return program.run(settings, partial(program.load, options.config, None))
    spoken = language or settings.language
    call = Call(program, settings, translator(spoken), spoken)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return int(options.command(call, options) or 0)
    except CommandError as error:
        print(f"❌ {error.translated(call.tr)}", file=sys.stderr)
    except StorageError as error:
        failed = CommandError(_("The database cannot be used: {reason}"), reason=error)
        print(f"❌ {failed.translated(call.tr)}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED


def _tell_problems(problems: Sequence[str], _options: argparse.Namespace, _tr: Translate) -> int:
    for problem in problems:
        print(f"❌ {problem}", file=sys.stderr)
    return os.EX_CONFIG
