"""Threads and time: the lowest layer, which knows nothing of radios or people."""

from meshbot.runtime import log
from meshbot.runtime.clock import Clock, SystemClock, night_of
from meshbot.runtime.disk import DiskCheck
from meshbot.runtime.errors import EXHAUSTED, MeshBotError
from meshbot.runtime.folder_lock import FolderInUseError, lock_folder, lock_in_time
from meshbot.runtime.host import HostFigures, read_host, read_process
from meshbot.runtime.incidents import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    Incident,
    IncidentBus,
    KeyChanged,
    KeyChangeSource,
    KeyShared,
    LinkCause,
    LinkLost,
    LinkRecovered,
    NodeLocked,
    NodeRebooted,
    NodeUnlocked,
    NodeWarning,
    OwnNumberChanged,
    RadioForgot,
    Report,
    unreported,
)
from meshbot.runtime.log import PASSWORD_COMMANDS, end_quietly, hush, mask_command
from meshbot.runtime.name_lookup import NameLookup, is_address, is_same_host
from meshbot.runtime.pool import WorkerPool
from meshbot.runtime.private_file import private_file, write_private
from meshbot.runtime.recent import RecentKeys
from meshbot.runtime.service import PING, STOP, Service, ServiceHandle
from meshbot.runtime.supervisor import RELOAD, Supervisor, catch_signals, ignore_hangups, outlive_hangups
from meshbot.runtime.systemd import notify, watchdog_interval
from meshbot.runtime.throttle import Throttle
from meshbot.runtime.timed_cache import TimedCache
from meshbot.runtime.watchdog import Beating, HealthCheck, HungThreadError, Watchdog

__all__ = [
    "EXHAUSTED",
    "PASSWORD_COMMANDS",
    "PING",
    "RELOAD",
    "STOP",
    "Beating",
    "Clock",
    "DatabaseFailed",
    "DatabaseRecovered",
    "DiskCheck",
    "DiskLow",
    "DiskRecovered",
    "FolderInUseError",
    "HealthCheck",
    "HostFigures",
    "HungThreadError",
    "Incident",
    "IncidentBus",
    "KeyChangeSource",
    "KeyChanged",
    "KeyShared",
    "LinkCause",
    "LinkLost",
    "LinkRecovered",
    "MeshBotError",
    "NameLookup",
    "NodeLocked",
    "NodeRebooted",
    "NodeUnlocked",
    "NodeWarning",
    "OwnNumberChanged",
    "RadioForgot",
    "RecentKeys",
    "Report",
    "Service",
    "ServiceHandle",
    "Supervisor",
    "SystemClock",
    "Throttle",
    "TimedCache",
    "Watchdog",
    "WorkerPool",
    "catch_signals",
    "end_quietly",
    "hush",
    "ignore_hangups",
    "is_address",
    "is_same_host",
    "lock_folder",
    "lock_in_time",
    "log",
    "mask_command",
    "night_of",
    "notify",
    "outlive_hangups",
    "private_file",
    "read_host",
    "read_process",
    "unreported",
    "watchdog_interval",
    "write_private",
]
