"""A command of the command line, run in this process as main_bot.py runs it."""

import logging
import os
from contextlib import contextmanager
from dataclasses import replace

import command_line
from meshbot import cli


@contextmanager
def command_runner(monkeypatch, capsys, folder):
    """Give a function that runs a command on a data folder, and returns its exit code and what it said."""
    language = os.environ.get("LANGUAGE")

    def run(*arguments, at=folder, environ=None, clock=None, **settings):
        for name, value in {"data_dir": at, **settings}.items():
            monkeypatch.setenv(f"MESHBOT_{name.upper()}", str(value))
        program = command_line.program(lambda _settings, _load: 99, "1.2.3")
        program = replace(program, clock=clock) if clock else program
        try:
            code = cli.main(program, [str(each) for each in arguments], environ or {"LANG": "en_US.UTF-8"})
        except SystemExit as exc:
            code = exc.code
        told = capsys.readouterr()
        return code, told.out, told.err

    yield run
    logging.getLogger().handlers[:] = [each for each in logging.getLogger().handlers if "stderr" not in repr(each)]
    monkeypatch.setenv("LANGUAGE", language or "")
