"""Installing the service, with the standard library alone: it runs before any other library is there."""

from meshbot.installation.arguments import SUMMARY, add_arguments, perform
from meshbot.installation.language import LANGUAGES, language_of, mark, speak, translation
from meshbot.installation.layout import Layout, example_text
from meshbot.installation.libraries import explain_missing_libraries
from meshbot.installation.service_check import SUMMARY as CHECK_SUMMARY
from meshbot.installation.service_check import check_service
from meshbot.installation.unit import core_requirements, installed_unit, outdated_unit

__all__ = [
    "CHECK_SUMMARY",
    "LANGUAGES",
    "SUMMARY",
    "Layout",
    "add_arguments",
    "check_service",
    "core_requirements",
    "example_text",
    "explain_missing_libraries",
    "installed_unit",
    "language_of",
    "mark",
    "outdated_unit",
    "perform",
    "speak",
    "translation",
]
