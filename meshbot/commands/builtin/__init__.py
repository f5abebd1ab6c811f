"""The built-in commands, one a module."""

from meshbot.commands.builtin.bot import bot_command
from meshbot.commands.builtin.echo import EchoReports
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.mail import mail_command
from meshbot.commands.builtin.mesh import mesh_commands
from meshbot.commands.builtin.my import HOURS
from meshbot.commands.builtin.nodes import DAYS, MOST_PAGES
from meshbot.commands.builtin.operator import BotParts, OperatorOptions, operator_commands
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.propag import parse_argument
from meshbot.commands.builtin.rain import rain_command
from meshbot.commands.builtin.stats import PORTS
from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.builtin.weather import weather_command

__all__ = [
    "DAYS",
    "HELP",
    "HOURS",
    "MOST_PAGES",
    "PORTS",
    "BotParts",
    "EchoReports",
    "OperatorOptions",
    "bot_command",
    "mail_command",
    "mesh_commands",
    "operator_commands",
    "parse_argument",
    "ping_command",
    "rain_command",
    "trace_command",
    "weather_command",
]
