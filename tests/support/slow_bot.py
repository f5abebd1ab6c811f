"""The bot with one command that never ends by itself: run as a process by the tests."""

import sys
from queue import SimpleQueue
from threading import Event

import config
from main_bot import MeshBot
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.registry import Command
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.runtime import log
from meshbot.runtime.supervisor import catch_signals


def _hang(_request):
    print("hanging", flush=True)
    Event().wait(60)
    return "late"


if __name__ == "__main__":
    log.set_up("DEBUG")
    requests = SimpleQueue()
    catch_signals(requests)
    commands = (HELP, ping_command(LinkFigures), Command("hang", "never ends", _hang))
    sys.exit(MeshBot(config.load(), requests=requests, commands=commands).run())
