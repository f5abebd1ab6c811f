"""Commands: the registry, the dispatcher, access, execution, and what answers have in common."""

from meshbot.commands.access import Access, CommandPolicy, Refusal
from meshbot.commands.dispatcher import Dispatcher, MeshRules
from meshbot.commands.executor import CommandExecutor, CommandLimits, InterimAnswer, Job, JobResult
from meshbot.commands.filter import MessageFilter
from meshbot.commands.formatting import (
    CHAT_BYTES,
    DAY,
    HOUR,
    age,
    decibels,
    duration,
    ident,
    length,
    name_of,
    too_long,
    whole_number,
)
from meshbot.commands.language import LOCALE_DIR, Translate, mark, translator
from meshbot.commands.mail_notices import MailNotices
from meshbot.commands.node_lookup import MARKED_ID, Directory, addressees, only_one, renaming, short_name_of
from meshbot.commands.rate_limit import RateLimiter
from meshbot.commands.registry import (
    PREFIX,
    UNKNOWN_RECEPTION,
    Command,
    Example,
    Platform,
    Registry,
    Request,
    bare,
    parse,
)
from meshbot.commands.roles import (
    NO_NODES,
    MeshRoles,
    NodeList,
    Role,
    User,
    is_proven,
    node_list,
    report_moved,
    report_unverified,
)
from meshbot.commands.teaching import taught_by

__all__ = [
    "CHAT_BYTES",
    "DAY",
    "HOUR",
    "LOCALE_DIR",
    "MARKED_ID",
    "NO_NODES",
    "PREFIX",
    "UNKNOWN_RECEPTION",
    "Access",
    "Command",
    "CommandExecutor",
    "CommandLimits",
    "CommandPolicy",
    "Directory",
    "Dispatcher",
    "Example",
    "InterimAnswer",
    "Job",
    "JobResult",
    "MailNotices",
    "MeshRoles",
    "MeshRules",
    "MessageFilter",
    "NodeList",
    "Platform",
    "RateLimiter",
    "Refusal",
    "Registry",
    "Request",
    "Role",
    "Translate",
    "User",
    "addressees",
    "age",
    "bare",
    "decibels",
    "duration",
    "ident",
    "is_proven",
    "length",
    "mark",
    "name_of",
    "node_list",
    "only_one",
    "parse",
    "renaming",
    "report_moved",
    "report_unverified",
    "short_name_of",
    "taught_by",
    "too_long",
    "translator",
    "whole_number",
]
