"""What other computers are asked over HTTP; the only package that knows httpx."""

from meshbot.web.chat import ChatClient, ChatServer, Message
from meshbot.web.faults import Fault, WebError
from meshbot.web.forecast import HOUR, Day, Forecast, Hour, Place
from meshbot.web.http_client import HttpClient
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
    "Message",
    "MeteoServers",
    "OpenMeteo",
    "Place",
    "WebError",
]
