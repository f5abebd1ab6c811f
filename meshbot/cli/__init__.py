"""The command line: what can be asked of the program beside running the bot."""

from meshbot.cli.arguments import parser_for
from meshbot.cli.errors import CommandError
from meshbot.cli.main import main
from meshbot.cli.program import Program

__all__ = ["CommandError", "Program", "main", "parser_for"]
