"""The bot with one command that never ends by itself: run as a process by the tests."""

import sys
from queue import SimpleQueue
from threading import Event

import config
from commands.help import HELP
from commands.ping import ping_command
from commands.registry import Command
from main_bot import MeshBot
from mesh_link.statistics import LinkFigures
from runtime import journal
from runtime.service import catch_signals


def _hang(_request):
    print("hanging", flush=True)
    Event().wait(60)
    return "late"


if __name__ == "__main__":
    journal.set_up("DEBUG")
    requests = SimpleQueue()
    catch_signals(requests)
    commands = (HELP, ping_command(LinkFigures), Command("hang", "never ends", _hang))
    sys.exit(MeshBot(config.load(), requests=requests, commands=commands).run())
