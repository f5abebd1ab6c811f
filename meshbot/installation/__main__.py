"""`python -m meshbot.installation`: `meshbot service` where no library is installed yet."""

from __future__ import annotations

import argparse
import os
import sys

from meshbot.installation.arguments import SUMMARY, add_arguments, perform
from meshbot.installation.language import language_of, speak, translation


def main() -> int:
    """Return the exit code."""
    language = language_of(os.environ) or "en"
    speak(language)
    tr = translation(language)
    parser = argparse.ArgumentParser(prog="meshbot service", description=tr(SUMMARY))
    add_arguments(parser, tr)
    return perform(parser.parse_args(), tr)


if __name__ == "__main__":
    sys.exit(main())
