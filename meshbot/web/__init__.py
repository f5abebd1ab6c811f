"""Clients of other servers over HTTP: the weather, a language model; the only package that imports httpx."""

from meshbot.web.chat import ChatClient, ChatServer, Message
from meshbot.web.errors import Fault, WebError
from meshbot.web.forecast import HOUR, Day, Forecast, Hour, Place
from meshbot.web.http_client import HttpClient, HttpRequest, Limits
from meshbot.web.open_meteo import MeteoServers, OpenMeteo

__all__ = [
    "HOUR",
    "ChatClient",
    "ChatServer",
    "Day",
    "Fault",
    "Forecast",
    "Hour",
    "HttpClient",
    "HttpRequest",
    "Limits",
    "Message",
    "MeteoServers",
    "OpenMeteo",
    "Place",
    "WebError",
]
