"""Installing the service, with the standard library alone: it runs before any other library is there."""

from meshbot.installation.arguments import SUMMARY, add_arguments, perform
from meshbot.installation.language import LANGUAGES, language_of, mark, speak, translation
from meshbot.installation.libraries import explain_missing_libraries
from meshbot.installation.unit import core_requirements, installed_unit, outdated_unit

__all__ = [
    "LANGUAGES",
    "SUMMARY",
    "add_arguments",
    "core_requirements",
    "explain_missing_libraries",
    "installed_unit",
    "language_of",
    "mark",
    "outdated_unit",
    "perform",
    "speak",
    "translation",
]
