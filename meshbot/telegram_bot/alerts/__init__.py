"""Alerts: what operators read of incidents, one message each."""

from meshbot.telegram_bot.alerts.feed import Alerts

__all__ = [
    "Alerts",
]
