"""Alerts: one message to the operators for each incident."""

from meshbot.telegram_bot.alerts.feed import Alerts

__all__ = [
    "Alerts",
]
