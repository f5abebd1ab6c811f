"""The factories: the parts as the settings want them; what each needs to know of the configuration stands here."""

from assembly.control import control, serving_bot
from assembly.custody import key_cures, key_custody
from assembly.disk import disk_check, housekeeping, route_reports, takers
from assembly.link import link_takers, machine, packet_takers, target
from assembly.parts import Parts, memory, open_storage, send_queue, sender
from assembly.questions import commands, dispatcher, mesh_commands, online_commands
from assembly.reloading import Reloader, apply_live
from assembly.status_side import Watched, observe, status_server
from assembly.telegram_side import telegram, telegram_options
from assembly.watching import watchdog

__all__ = [
    "Parts",
    "Reloader",
    "Watched",
    "apply_live",
    "commands",
    "control",
    "disk_check",
    "dispatcher",
    "housekeeping",
    "key_cures",
    "key_custody",
    "link_takers",
    "machine",
    "memory",
    "mesh_commands",
    "observe",
    "online_commands",
    "open_storage",
    "packet_takers",
    "route_reports",
    "send_queue",
    "sender",
    "serving_bot",
    "status_server",
    "takers",
    "target",
    "telegram",
    "telegram_options",
    "watchdog",
]
