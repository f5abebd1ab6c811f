"""Installing the service, with the standard library alone: it runs before any other library is there."""

from meshbot.installation.arguments import SUMMARY, add_arguments, perform
from meshbot.installation.language import language_of, speak
from meshbot.installation.unit import core_requirements, installed_unit, outdated_unit

__all__ = [
    "SUMMARY",
    "add_arguments",
    "core_requirements",
    "installed_unit",
    "language_of",
    "outdated_unit",
    "perform",
    "speak",
]
