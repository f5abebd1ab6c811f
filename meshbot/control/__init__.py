"""The control socket: the running bot asked from the command line, from scripts, and by a bot that starts."""

from meshbot.control.client import ControlClient, NoBotError, NotAllowedError, serving
from meshbot.control.desk import Desk, DeskParts, Reloaded
from meshbot.control.figures import node_figures
from meshbot.control.place import ServedNode, candidates, service_socket, socket_path
from meshbot.control.protocol import LANGUAGES, Error, Verb
from meshbot.control.server import ControlServer

__all__ = [
    "LANGUAGES",
    "ControlClient",
    "ControlServer",
    "Desk",
    "DeskParts",
    "Error",
    "NoBotError",
    "NotAllowedError",
    "Reloaded",
    "ServedNode",
    "Verb",
    "candidates",
    "node_figures",
    "service_socket",
    "serving",
    "socket_path",
]
