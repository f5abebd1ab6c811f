"""Write the manual pages and the completion for bash from the command line's parser."""

from __future__ import annotations

import sys
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

ROOT = Path(__file__).resolve().parent.parent
# Run as a script, Python looks for modules beside it alone
sys.path.insert(0, str(ROOT))

from meshbot.cli import parser_for  # noqa: E402 - found by the line above
from meshbot.commands import translator  # noqa: E402 - the same
from meshbot.installation import speak  # noqa: E402 - the same
from meshbot.version import __version__  # noqa: E402 - the same

PROGRAM = "meshbot"
FOLDER = ROOT / "packaging"
# What argparse-manpage writes in English alone
HEADINGS = {"fr": {".SH NAME": ".SH NOM", ".SH COMMAND ": ".SH COMMANDE "}}


def manual(language: str) -> str:
    """Return the manual page, in troff's man(7)."""
    speak(language)
    parser = parser_for(PROGRAM, __version__, translator(language))
    page = Manpage(parser)
    # a date would be another one at each build
    page.date, page.manual, page.source = "", "MeshBot", f"MeshBot {__version__}"
    page.description = (parser.description or "").removeprefix("MeshBot: ").rstrip(".")
    text = str(page)
    for english, translated in HEADINGS.get(language, {}).items():
        text = text.replace(english, translated)
    return text


def completion() -> str:
    """Return the completion script; what it completes is the same in every language."""
    speak("en")
    return str(shtab.complete(parser_for(PROGRAM, __version__, translator("en")), "bash"))


def pages() -> dict[Path, str]:
    """Return each file with its text."""
    return {
        FOLDER / "meshbot.1": manual("en"),
        FOLDER / "meshbot.fr.1": manual("fr"),
        FOLDER / "meshbot.bash": completion(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
