"""The bot without a radio: a virtual node, the real program, and faults on demand."""

from meshbot.demo.__main__ import main
from meshbot.demo.bot import BotProcess
from meshbot.demo.stage import NODES, SHORTENED

__all__ = [
    "NODES",
    "SHORTENED",
    "BotProcess",
    "main",
]
