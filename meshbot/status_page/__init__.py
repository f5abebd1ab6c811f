"""The status page and the metrics, by HTTP; imported only where the settings ask for them."""

from meshbot.status_page.application import Application
from meshbot.status_page.incident_log import IncidentLog
from meshbot.status_page.metrics import BotMetrics
from meshbot.status_page.page import StatusPage
from meshbot.status_page.server import StatusServer
from meshbot.status_page.sources import Sources, Telegram

__all__ = ["Application", "BotMetrics", "IncidentLog", "Sources", "StatusPage", "StatusServer", "Telegram"]
