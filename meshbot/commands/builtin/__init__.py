"""The built-in commands, one a module; assembly puts those that the settings ask for into the registry."""

from meshbot.commands.builtin.bot import bot_command
from meshbot.commands.builtin.echo import EchoOptions, EchoReports, echo_command
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.info import info_command
from meshbot.commands.builtin.key_decisions import Deciding, trust_command
from meshbot.commands.builtin.keys import keys_command
from meshbot.commands.builtin.mail import mail_command
from meshbot.commands.builtin.my import HOURS, my_command
from meshbot.commands.builtin.neighbors import neighbors_command
from meshbot.commands.builtin.nodes import DAYS, MOST_PAGES, nodes_command
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.propag import propag_command
from meshbot.commands.builtin.rain import rain_command
from meshbot.commands.builtin.reboot import reboot_command
from meshbot.commands.builtin.reconnect import reconnect_command
from meshbot.commands.builtin.stats import PORTS, parse_stats_argument, stats_command
from meshbot.commands.builtin.status import status_command
from meshbot.commands.builtin.sync import sync_command
from meshbot.commands.builtin.sys import sys_command
from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.builtin.weather import weather_command

__all__ = [
    "DAYS",
    "HELP",
    "HOURS",
    "MOST_PAGES",
    "PORTS",
    "Deciding",
    "EchoOptions",
    "EchoReports",
    "bot_command",
    "echo_command",
    "info_command",
    "keys_command",
    "mail_command",
    "my_command",
    "neighbors_command",
    "nodes_command",
    "parse_stats_argument",
    "ping_command",
    "propag_command",
    "rain_command",
    "reboot_command",
    "reconnect_command",
    "stats_command",
    "status_command",
    "sync_command",
    "sys_command",
    "trace_command",
    "trust_command",
    "weather_command",
]
