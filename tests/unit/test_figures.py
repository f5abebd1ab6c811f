"""The figures that documents state are the code's own constants, and none is stated that is not compared here.

Constants are found by name, wherever the module lies. A name to which several modules give different values is asked
for as `code("package").NAME` or `code("package/module").NAME`.
"""

import ast
import re
from pathlib import Path

import pytest

import config
from bench.effort import Effort
from meshbot.mesh_memory.memory import MeshMemory
from meshbot.persistence.queue_writer import QueueWriter
from meshbot.persistence.update_writer import UpdateWriter
from node_manager import NodeManager

ROOT = Path(__file__).parents[2]
NOT_THE_PROGRAM = {"bench", "chaos", "scripts", "tests", "locale", "docs"}


# -- the code's constants


class Names(dict):
    """The names within one module; one that it does not define stands for its own attributes' names."""

    def __missing__(self, name):
        return Symbol()


class Symbol:
    def __getattr__(self, name):
        return name


def constants_of(path):
    """Every constant of a module, of its classes too, that can be computed from literals."""
    names, found = Names(), {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        else:
            continue
        keys = [one.id for one in getattr(target, "elts", [target]) if isinstance(one, ast.Name) and one.id.isupper()]
        if not keys:
            continue
        try:
            value = eval(compile(ast.Expression(node.value), path.name, "eval"), {"__builtins__": {}}, names)
        except (TypeError, NameError, AttributeError, KeyError):
            continue
        values = dict(zip(keys, value, strict=True)) if isinstance(target, ast.Tuple) else {keys[0]: value}
        names |= values
        found |= values
    return found


class Missing(float):
    """Stands for a constant that is not there, so that all missing ones are reported together."""

    def __getitem__(self, key):
        return self

    def __iter__(self):
        return iter(())


class Code:
    """Constants as attributes, of the whole program or of a part of it."""

    def __init__(self):
        self.complaints = []
        files = [path for path in sorted(ROOT.rglob("*.py")) if self._is_program(path.relative_to(ROOT).parts)]
        self._modules = [(f"/{path.relative_to(ROOT).with_suffix('')}/", constants_of(path)) for path in files]

    @staticmethod
    def _is_program(parts):
        return not parts[0].startswith(".") and parts[0] not in NOT_THE_PROGRAM and "versions" not in parts

    def __call__(self, where):
        part = Code.__new__(Code)
        part.complaints = self.complaints
        part._modules = [(module, found) for module, found in self._modules if f"/{where}/" in module]
        return part

    def __getattr__(self, name):
        if not name.isupper():  # pytest looks for attributes of its own
            raise AttributeError(name)
        found = [(module, names[name]) for module, names in self._modules if name in names]
        if found and all(value == found[0][1] for _module, value in found):
            return found[0][1]
        self.complaints.append(f"{name}: {f'one of {found}' if found else 'not there, or not in that part'}")
        return Missing("nan")


code = Code()
effort = Effort()


def shown(value):
    """A number as documents write it; a sequence with commas."""
    if isinstance(value, tuple):
        return ", ".join(shown(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- what documents state: document, phrase with a {} for each figure, and the figures

README, CONTRIBUTING, PICTURE = "README.md", "CONTRIBUTING.md", "docs/images/link.svg"
COMMANDS, SETTINGS, TELEGRAM = "docs/commands.md", "docs/settings.md", "docs/telegram.md"
CONTROL, DOCTOR = "docs/control.md", "docs/doctor.md"
TROUBLES, LINK, FIX = "docs/troubleshooting.md", "docs/TCP_ARCHITECTURE.md", "docs/TCP_RECONNECTION_PUBKEY_SYNC_FIX.md"
SUMMARY, COMPARISON = "docs/TCP_RECONNECTION_FIX_COMPLETE_SUMMARY.md", "docs/TCP_RECONNECTION_VISUAL_COMPARISON.md"
DESIGN, KEYS = "docs/decisions/0001-design.md", "docs/decisions/0003-keys-and-trust.md"
LOGGED, STORED, DATABASE = "docs/logging.md", "docs/database.md", "docs/decisions/0004-database-durability.md"
STRANGERS = "docs/decisions/0012-what-strangers-can-do.md"
ACCESS, SENDING = "docs/decisions/0006-who-may-ask.md", "docs/decisions/0007-sending.md"
CHATS, BENCH, CHANGES = "docs/decisions/0008-telegram.md", "bench/README.md", "CHANGELOG.md"
IDENTITY = "docs/decisions/0017-identity.md"
FACTS, AIR = "docs/link_facts.md", "docs/decisions/0014-air-time.md"

SYNC, AFTER, ANSWER = config.TCP_PUBKEY_SYNC_DELAY, config.TCP_PROBE_AFTER, config.TCP_PROBE_TIMEOUT
MISSES, SILENT = config.TCP_PROBE_MISSES, config.TCP_SILENT_TIMEOUT
TROUBLE_WAITS, REFUSAL_WAITS = code.TROUBLE_WAITS, code.REFUSAL_WAITS
IDLE = code.IDLE_LIMIT  # of the firmware, as the virtual node has it
PROBED = AFTER + MISSES * ANSWER
EAGER, SOON = code.EAGER_FOR, code.CLOSED_SOON
DETECTOR = "docs/decisions/0015-failure-detector.md"
LATER = tuple(seconds / 60 for seconds in code.LATER)

KEY_PAGE, KEY_STATES = "docs/keys.md", "docs/decisions/0019-key-states-and-files.md"

FIGURES = (
    (KEY_PAGE, "A fingerprint is {} digits in six groups", code("fingerprint").DIGITS),
    (KEY_PAGE, "All {} digits, or it proves little", code("fingerprint").DIGITS),
    (KEY_PAGE, "at least {} characters", code("kinds").PASSPHRASE_LENGTH),
    (KEY_PAGE, "From {}:00 on, a night", code.NIGHT_HOUR),
    (STORED, "From {}:00 on the bot copies the file", code.NIGHT_HOUR),
    (LOGGED, "warns at most {} times in {} s", code.SITE_LINES, code.SITE_PERIOD),
    (STORED, "The newest `database_backups` ({}) are kept", config.DATABASE_BACKUPS),
    (KEY_PAGE, "{} files of one identity are kept", code("nightly").KEPT),
    (KEY_STATES, "**Fingerprints are {} digits**", code("fingerprint").DIGITS),
    (KEY_STATES, "scrypt with {} MiB", 128 * code("backup").N * code("backup").R / 2**20),
    (KEY_STATES, "is written again, {} times at most", code("restore").ROUNDS),
    (README, "put back into the link {} s after every reconnection", SYNC),
    (README, "virtual node of {} nodes", code("demo").NODES),
    (README, "programmée dans {}s...", SYNC),
    (README, "SYNC COMPLETE: {} public keys", code("demo").NODES),
    (PICTURE, "TCP connect within {} s,", config.TCP_CONNECT_TIMEOUT),
    (PICTURE, "configuration within {} s and", config.TCP_CONFIG_TIMEOUT),
    (PICTURE, "never {} s without a byte", config.TCP_CONFIG_SILENCE),
    (PICTURE, "public keys are synced after {} s", SYNC),
    (PICTURE, "closed within {} s, or abandoned", config.TCP_CLOSE_TIMEOUT),
    (PICTURE, "after a good link: {} s", config.TCP_INTERFACE_CLEANUP_DELAY),
    (PICTURE, "refused: {} s, after {} s: {}, {} s …", code.EAGER_WAIT, EAGER, REFUSAL_WAITS, REFUSAL_WAITS[-1]),
    (PICTURE, "no configuration: {} s …", TROUBLE_WAITS),
    (PICTURE, "silence: {} s, then", AFTER),
    (PICTURE, "{} waits for a heartbeat", MISSES),
    (PICTURE, "of {} s or more each", ANSWER),
    (COMMANDS, "packets of at most {} bytes", config.ANSWER_MAX_BYTES),
    (COMMANDS, "Each mailbox keeps {} messages", code.MAX_MAIL),
    (COMMANDS, "for `mail_ttl` ({} days)", config.MAIL_TTL // 86400),
    (COMMANDS, "on air at most every {} s", code.TRACE_EVERY),
    (COMMANDS, "may fill {} bytes", f"{code.CHAT_BYTES:,}"),
    (COMMANDS, "heard directly in {} days", code("builtin/nodes").DAYS),
    (COMMANDS, "heard in the last {} h", code("builtin/my").HOURS),
    (COMMANDS, "who heard whom directly in {} h", code("builtin/neighbors").HOURS),
    (COMMANDS, "the rain of the next {} hours", code("builtin/rain").HOURS),
    (COMMANDS, "weather of the coming days, {} at most", code.MOST_DAYS),
    (COMMANDS, "your last questions for {} min", code.CONTEXT_LIFETIME / 60),
    (SETTINGS, "A conversation is remembered for {} min", code.CONTEXT_LIFETIME / 60),
    (SETTINGS, "keep the forecasts for {} min", code.CACHED_FOR / 60),
    (SETTINGS, "the exit code is then {}", code.EXIT_CONFIG),
    (SETTINGS, "standard ESP32 | {} (default)", SYNC),
    (TELEGRAM, "by a press on *Yes*, within {} s", code.CONFIRMATION_LIFETIME),
    (TROUBLES, "SILENCE TCP: {}s sans paquet (max: {}s)", SILENT, SILENT),
    (TROUBLES, "SILENCE TCP: {}s sans paquet (max: {}s)", PROBED, PROBED),
    (TROUBLES, "it is tried again every {} min", code.UPKEEP_EVERY / 60),
    (TROUBLES, "answered no heartbeat in {} s", MISSES * ANSWER),
    (TROUBLES, "Échec reconnexion TCP après {} tentatives", code.ALERT_FAILURES),
    (TROUBLES, "toutes les {} s au plus", code("failures").BACKOFF[-1]),
    (TROUBLES, "exit code {}: a value", code.EXIT_CONFIG),
    (TROUBLES, "exit code {}: a name in the file", code.EXIT_CONFIG),
    (TROUBLES, "exit code {}: a variable", code.EXIT_CONFIG),
    (TROUBLES, "exit code {} |", code.EXIT_IN_USE),
    (TROUBLES, "did not answer for {} s", code.HUNG_AFTER),
    (LINK, "one that is silent for {} s ends", code.HUNG_AFTER),
    (LINK, "{} s for the last log lines", code.DRAIN_TIMEOUT),
    (LINK, "the next upkeep ({} min)", code.UPKEEP_EVERY / 60),
    (LINK, "Telegram, {} at most", code.LOOKUPS),
    (LINK, "looks a name up, ended after {} s", code.LOOKUP_TIMEOUT),
    (LINK, "ended after {} s.", code("pictures").TIMEOUT),
    (LINK, "`tcp_send_timeout` = {} s", config.TCP_SEND_TIMEOUT),
    (LINK, "see below | {} s + {} × {} s |", AFTER, MISSES, ANSWER),
    (LINK, "repeated our bytes {} times", code.REPEATED_IN_VAIN),
    (LINK, "acknowledged none, on a path of up to {} s", code.QUICK_PATH),
    (LINK, "of round trip | {} s + {} s |", AFTER, ANSWER),
    (LINK, "at least {} round trips of the connection | {} s |", code.ROUND_TRIPS_FOR_REPAIR, config.TCP_USER_TIMEOUT),
    (LINK, "in doubt, {} heartbeats go out", code.PROBES_A_WAIT),
    (LINK, "from then on {} times its longest delay", code.LATENESS_MARGIN),
    (LINK, "first {} s of an outage | {} |", EAGER, code.EAGER_WAIT),
    (LINK, "… later | {}, …", (*REFUSAL_WAITS, REFUSAL_WAITS[-1])),
    (LINK, "within {} s of READY, {} times in a row", SOON, code.CONTENTION_LOSSES),
    (LINK, "4th time and on | {}, {}, …", TROUBLE_WAITS[1:], TROUBLE_WAITS[-1]),
    (LINK, "After {} links in a row that the node closed within {} s of READY", code.CONTENTION_LOSSES, SOON),
    (LINK, "after {} links in a row that the node closed within {} s", code.REGULAR_LOSSES, code.REGULAR_WITHIN),
    (LINK, "that lasted equally long, but for {} s", code.REGULAR_SPREAD),
    (LINK, "after {} in a row that began and did not complete", code.INCOMPLETE_LIMIT),
    (LINK, "fetched {} s later (69421)", code.FETCH_AFTER),
    (LINK, "comes {} times as late, after {} s at most", code.FETCH_LATER, code.FETCH_AT_MOST),
    (LINK, "and {} s when an address is known", code.KNOWN_LOOKUP_TIMEOUT),
    (DETECTOR, "doubts the node after {} s and asks", AFTER),
    (DETECTOR, "never under {} s, so", ANSWER),
    (DETECTOR, "{} s in all are noticed", PROBED),
    (DETECTOR, "the {} s decide", ANSWER),
    (DETECTOR, "with up to {} under way".capitalize(), code.MAX_MATCHED_PROBES),
    (DETECTOR, "gets {} times that delay", code.LATENESS_MARGIN),
    (DETECTOR, "not for more time: {} in {} s", code.PROBES_A_WAIT, ANSWER),
    (DETECTOR, "bytes that were repeated {} times", code.REPEATED_IN_VAIN),
    (DETECTOR, "decides, after {} s.", AFTER + ANSWER),
    (DETECTOR, "at least {} round trips", code.ROUND_TRIPS_FOR_REPAIR),
    (DETECTOR, "The specification's {} s bound", SILENT),
    (DETECTOR, "within {} s of READY three times", SOON),
    (DETECTOR, "again after {} s.", config.TCP_INTERFACE_CLEANUP_DELAY),
    (DETECTOR, "for {} minutes, then {} s.", EAGER / 60, REFUSAL_WAITS),
    (DETECTOR, "its length stays, {} s,", config.TCP_CONFIG_TIMEOUT),
    (DETECTOR, "fetched {} s after READY", code.FETCH_AFTER),
    (LINK, "cannot be parsed) | {} s |", SILENT),
    (LINK, "a heartbeat goes out every {} minutes", code.KEEPALIVE_EVERY / 60),
    (LINK, "sends nothing for {} min", IDLE / 60),
    (LINK, "waits, in seconds, ±{} % |", code.JITTER * 100),
    (LINK, "`tcp_stable_after` ({} s)", config.TCP_STABLE_AFTER),
    (LINK, "`tcp_interface_cleanup_delay` ({})", config.TCP_INTERFACE_CLEANUP_DELAY),
    (LINK, "until READY has lasted | {}, {}, …", TROUBLE_WAITS, TROUBLE_WAITS[-1]),
    (LINK, "`tcp_alert_after` ({} s)", config.TCP_ALERT_AFTER),
    (LINK, "après {} tentatives", code.ALERT_FAILURES),
    (LINK, "an attempt is logged every {} minutes", code.LATE_ATTEMPTS_EVERY / 60),
    (LINK, "`tcp_connect_timeout`, {} s,", config.TCP_CONNECT_TIMEOUT),
    (LINK, "`tcp_config_timeout` {} s in all |", config.TCP_CONFIG_TIMEOUT),
    (LINK, "`tcp_config_silence` {} s without a byte", config.TCP_CONFIG_SILENCE),
    (LINK, "`tcp_send_timeout` each, {} s", config.TCP_SEND_TIMEOUT),
    (LINK, "{} s to send, {} s for the node to close", code.GOODBYE_TIMEOUT, code.GOODBYE_TIMEOUT),
    (LINK, "the reader's end {} s", code.READER_JOIN_TIMEOUT),
    (LINK, "`tcp_close_timeout`, {} s;", config.TCP_CLOSE_TIMEOUT),
    (LINK, "with {} abandoned ones still alive", code.ABANDONED_LIMIT),
    (LINK, "confirmation of a packet | {} s, then", code.CONFIRM_TIMEOUT),
    (LINK, "{} s after its sending, at least {} s from READY", code.EVIDENCE_TIME, code.SETTLE_TIME),
    (LINK, "then the same id again; after {} s never", code.RECEIVERS_REMEMBER),
    (LINK, "{} s while the link is up", code.ACK_TIMEOUT),
    (LINK, "again after {} s, with a new id", code.SOON),
    (LINK, "remembered | {} each; the oldest", code.USERS_REMEMBERED),
    (LINK, "remembered | {} each; the oldest", code("replay_guard").KEPT),
    (DATABASE, "after {} s ({} s for the queue", NodeManager.retry_after, QueueWriter.retry_after),
    (DATABASE, "after {} s ({} s for the queue", MeshMemory.retry_after, UpdateWriter.retry_after),
    (LINK, "confirmed the answer, after {} s at the latest", code.ANSWER_LEAVES_WITHIN),
    (LINK, "`answer_ttl`, {} s; a mail notice, {} s", config.ANSWER_TTL, code.NOTICE_TTL),
    (LINK, "`bridge_ttl`, {} s; `alert_ttl`, {} s", config.BRIDGE_TTL, config.ALERT_TTL),
    (LINK, "{} packets of a kind", code.WAITING_LIMITS["ANSWER"]),
    (LINK, "{} of bridged ones", code.WAITING_LIMITS["BRIDGE"]),
    (LINK, "`command_timeout`, {} s;", config.COMMAND_TIMEOUT),
    (LINK, "with {} such threads lost none is started", code.LOST_WORKERS_LIMIT),
    (LINK, 'commands that wait or run | {}, then "too busy"', code("commands").WAITING_LIMIT),
    (LINK, "waits for its *Yes* | {} s; {} of them", code.CONFIRMATION_LIFETIME, code.CONFIRMATIONS_LIMIT),
    (LINK, "for Telegram | {}, {} MB;", code("telegram_bot").WAITING_LIMIT, code("telegram_bot").BYTES_LIMIT / 1e6),
    (LINK, "`telegram_command_max_age`, {} s;", config.TELEGRAM_COMMAND_MAX_AGE),
    (LINK, "a picture | {} s, then", code("pictures").TIMEOUT),
    (LINK, "Telegram's inboxes | {} messages", code("commands").INBOX_LIMIT),
    (LINK, "Telegram's inboxes | {} messages", code("telegram_bot").INBOX_LIMIT),
    (LINK, "inbox of `Housekeeping` | {} messages", code("persistence").INBOX_LIMIT),
    (LINK, "the database's lock | {} s", code.BUSY_TIMEOUT),
    (LINK, "{} s for the link, {:.1f} s for all threads", code.STOP_CLOSE_TIMEOUT, code.STOP_GRACE),
    (LINK, "{} s for a key sync", code.PUBKEY_SYNC_JOIN),
    (LINK, "`send_interval` ({} s)", config.SEND_INTERVAL),
    (LINK, "1 crashed, {} another bot holds `data_dir`, {} bad", code.EXIT_IN_USE, code.EXIT_CONFIG),
    (SUMMARY, "`TCP_PUBKEY_SYNC_DELAY` = {} s after every READY", SYNC),
    (SUMMARY, "{} s later the keys are in sync", SYNC),
    (SUMMARY, "programmée dans {}s...", SYNC),
    (FIX, "What the {} seconds are still good for", SYNC),
    (FIX, "Every {} minutes housekeeping", code.UPKEEP_EVERY / 60),
    (FIX, "programmée dans {}s...", SYNC),
    (FIX, "{} s later: the link was lost", SYNC),
    (COMPARISON, "noticed after {} + {} × {} s instead of", AFTER, MISSES, ANSWER),
    (COMPARISON, "a stalled configuration after {} s instead", config.TCP_CONFIG_SILENCE),
    (COMPARISON, "keys follow after {} s instead", SYNC),
    (DESIGN, "then one every {} minutes", code.LATE_ATTEMPTS_EVERY / 60),
    (DESIGN, "{} s from the node's confirmation", config.SEND_INTERVAL),
    (KEYS, "at most {} a node", code.MAX_PENDING),
    (KEYS, "{} nodes", f"{code.MAX_NODES:,}"),
    (STRANGERS, "{} nodes | of {} at once", f"{code.MAX_NODES:,}", f"{code.EVICTED:,}"),
    (STRANGERS, "sums and links of an hour | {} nodes", f"{code.STRANGERS_AN_HOUR:,}"),
    (STRANGERS, "{} messages | {} by one sender, {} by", code.MAX_MAIL, code.MAX_SENDER, code.MAX_UNPROVEN),
    (STRANGERS, "{} messages | {} by one sender", f"{code.MAX_ALL:,}", code.MAX_SENDER_ALL),
    (STRANGERS, "have half; {} wait", code.QUEUE_LIMIT),
    (STRANGERS, "{} of all others", f"{code.KEPT_OF_ALL:,}"),
    (STRANGERS, "direct texts, no commands, that get a line | {} an hour", code.IN_AN_HOUR),
    (STRANGERS, "for {} minutes", code.LISTING_KEPT / 60),
    (STRANGERS, "name of {} bytes or more", code.LEAST_CLIPPED),
    (IDENTITY, "the old one was silent for {} s before", code.SILENCE),
    (IDENTITY, "writes again, {} s after the last", code.SILENCE),
    (IDENTITY, "What is evicted from the {} nodes", f"{code.MAX_NODES:,}"),
    (LINK, "everybody else remembered | {};", code.KEPT_OF_ALL),
    (COMMANDS, "{} of one sender, for", code.MAX_SENDER),
    (ACCESS, "some {} answers a minute", int(60 / config.SEND_INTERVAL)),
    (ACCESS, "the next batch, {} s later at most", code.WRITE_AFTER),
    (SENDING, "a text every {} s", config.SEND_INTERVAL),
    (SENDING, "no `queueStatus` within {} s", code.CONFIRM_TIMEOUT),
    (SENDING, "after {} s the other texts pass", code.SENDS_PER_LINK * code.CONFIRM_TIMEOUT),
    (SENDING, "Passing at {} s", code.CONFIRM_TIMEOUT),
    (SENDING, "sent {} s after the first sending, and not before {} s from", code.EVIDENCE_TIME, code.SETTLE_TIME),
    (SENDING, "or the node rebooted | {} s from READY", code.SETTLE_TIME),
    (SENDING, "the same, and {} s have passed", code.RECEIVERS_REMEMBER),
    (SENDING, "the same id again, within {} s", code.RECEIVERS_REMEMBER),
    (SENDING, "after {} s `sans nouvelle du réseau`", code.ACK_TIMEOUT),
    (SENDING, "mail is retried after {:g}, {:g} and {:g} minutes", *LATER),
    (SENDING, "once more after {} s", code.KEY_EXCHANGE),
    (SENDING, "may wait in {} packets", code.WAITING_LIMITS["BRIDGE"]),
    (SENDING, "first waits {} s from READY", code.SETTLE_TIME),
    (SENDING, "telemetry of the last {} minutes", code.LOAD_VALID / 60),
    (SENDING, "by up to {} s at each loss", code.EVIDENCE_TIME),
    (AIR, "waits ({:g} s if the recipient lacks", *code.KEY_EXCHANGE),
    (AIR, "`air_time_limit`, {} % by default", config.AIR_TIME_LIMIT),
    (AIR, "notices of mail by strangers alone | at most {:g} %", code.TO_STRANGERS * 100),
    (AIR, "and alerts | at most {:g} %", code.OF_FORWARDED * 100),
    (AIR, "at least {:g} %", 100 * (1 - code.TO_STRANGERS - code.OF_FORWARDED)),
    (AIR, "because {} packets for strangers wait", code.ANSWERS_TO_STRANGERS),
    (CHATS, "a new loop starts after {} s", code.RESTART_AFTER),
    (CHATS, "retried after {}, {}, then every {} s", *code.CONFLICT_BACKOFF),
    (CHATS, "with waits of up to {} s", code("failures").BACKOFF[-1]),
    (CHATS, "({} in {} s to a chat", *code.PRIVATE_LIMITS[0]),
    (CHATS, "{} in {} s to a group", *code.GROUP_LIMITS[1]),
    (CHATS, "{} a second in all", code.OVERALL_LIMITS[0][0]),
    (CHATS, "{} messages and {} MB", code("telegram_bot").WAITING_LIMIT, code("telegram_bot").BYTES_LIMIT / 1e6),
    (CHATS, "for {} s at most: an unreachable database", code.HANDLED_TIMEOUT),
    (CHATS, "{} lines in {} min for all together", code.STRANGERS_LIMIT[0], code.STRANGERS_LIMIT[1] / 60),
    (CHATS, "within {} minutes of its end", code.JOIN / 60),
    (CHATS, "then lasts for {} minutes", code.JOIN / 60),
    (CHATS, "one every {} s, because", code("menu").INTERVAL),
    (FACTS, "(retried after {} s)", code.KEY_EXCHANGE),
    (FACTS, "sends nothing for {} min (900.1 s measured) is closed", IDLE / 60),
    (CHANGES, "kept {} min", code.CACHED_FOR / 60),
    (CHANGES, "remembers a conversation for {} min", code.CONTEXT_LIFETIME / 60),
    (CHANGES, "{} commands in {} s for each user", config.RATE_LIMIT_COMMANDS, config.RATE_LIMIT_SECONDS),
    (CONTROL, "{} clients at once", code.CLIENTS),
    (CONTROL, "{} bytes a request", code.LONGEST_LINE),
    (CONTROL, "{} s without a request", code("control").IDLE),
    (CONTROL, "{} s without reading an answer", code.STALLED),
    (CONTROL, "ends with code {}", code.EXIT_IN_USE),
    (DOCTOR, "read through up to {} MB", code.LARGEST_READ / 1e6),
    (DOCTOR, "{} s for a name, {} s for a port", code.NAME_TIMEOUT, code("doctor").CONNECT_TIMEOUT),
    (DOCTOR, "{} s for a configuration", code("doctor").PATIENCE),
    (DOCTOR, "{} s for a heartbeat", code("mesh_link").WATCH),
    (BENCH, "The bot keeps {} s between two texts", config.SEND_INTERVAL),
    (BENCH, "waits {} s (`tcp_interface_cleanup_delay`)", config.TCP_INTERFACE_CLEANUP_DELAY),
    (BENCH, "in batches of {}, or after {} s", f"{code('mesh_memory').BATCH:,}", code("mesh_memory").FLUSH_EVERY),
    (CHANGES, "wait up to {} s for their commit", code("mesh_memory").FLUSH_EVERY),
    (CHANGES, "names {} s", code.NAMES_WAIT),
    (CHANGES, "states of nodes {} min", code.STATES_EVERY / 60),
    (CHANGES, "who hears whom {} h", code.LINKS_EVERY / 3600),
    (BENCH, "{} nodes, each heard directly", f"{effort.traffic_nodes:,}"),
    (BENCH, "{} times each. The bot", effort.rounds),
    (BENCH, "{} reconnections after RST; growth from the {}th", effort.reconnections, effort.early_reconnections),
    (BENCH, "for {} real minutes", effort.traffic_minutes),
    (BENCH, "{} of them a busy mesh", effort.traffic_minutes),
    (BENCH, "for {} real seconds", effort.held_seconds),
    (BENCH, "{} answers accepted and sent through {} faults", f"{effort.commands:,}", effort.faults),
    (BENCH, "| questions over {} packets |", f"{effort.packets:,}"),
    (BENCH, "{} in all, to `main_bot.py`", effort.telegram_questions),
    (BENCH, "and {} packets heard", f"{effort.telegram_packets:,}"),
    (BENCH, "write {} messages at once", effort.telegram_burst),
    (BENCH, "| {} hours in which the server", effort.telegram_outage_hours),
)


def text_of(document):
    return (ROOT / document).read_text("utf-8")


def stated(phrase, figures):
    return phrase.format(*(one if "{:" in phrase else shown(one) for one in figures))


def test_every_constant_that_is_asked_for_exists():
    assert code.complaints == []


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: f"{row[0]}: {row[1]}")
def test_a_figure_in_a_document_is_the_code_s(row):
    document, phrase, *figures = row
    assert stated(phrase, figures) in text_of(document)


@pytest.mark.parametrize("delay", [10, 20, 30])
def test_the_tuning_table_matches_the_setting_s_meaning(delay):
    """The specification's delays; the setting's description has the same ones."""
    assert re.search(rf"^\| [a-z ]+ESP32 \| {delay} \|$", text_of(SETTINGS), re.MULTILINE)
    assert str(delay) in config.Settings.model_fields["tcp_pubkey_sync_delay"].description


def test_all_documents_tell_the_same_minutes_for_the_bench():
    """As many as the last run's own seconds make."""
    runs = re.search(r"In two runs: .*? in (\d+) s .*? in (\d+) s", text_of(BENCH))
    minutes = sum(map(int, runs.groups())) / 60
    told = [re.search(r"about (\d+) minutes", text_of(document)) for document in (BENCH, CONTRIBUTING)]
    assert {int(one[1]) for one in told} == {round(minutes, -1)}


# -- what no row above compares

UNITS = "s|ms|min|minutes?|h|hours?|days?|seconds|MB|kB|GB|bytes|packets|messages|posts|lines|%|percent|nodes|times"
FIGURE = re.compile(rf"(?<![\w.,#/])\d[\d,.]*(?: × \d+)?[ -](?:{UNITS})(?![\w/])")
BY_SETTING = re.compile(r"`([a-z_]+)`(?: =|,)? \(?(\d+(?:\.\d+)?) s\b")  # test_documents compares it with its default
COMPLETE = (README, CONTRIBUTING, COMMANDS, SETTINGS, TELEGRAM, TROUBLES, LINK, FIX, SUMMARY)
COMPLETE += (DESIGN, STORED, LOGGED, KEYS, ACCESS, SENDING, CHATS, DATABASE, AIR, CONTROL, DOCTOR)
# Of the firmware, of the library, of Telegram, or measured: no constant of ours
OTHERS = {
    README: ("within 1 to 2 seconds", "| 1.3 s |", "| 6.9 s |", "| 5.3 s |", "node away for 5 s"),
    CONTRIBUTING: ("about 30 minutes", "up to 400 lines"),
    TROUBLES: ("about 95 MB",),
    LINK: ("within 2 s",),
    FIX: ("| 30 s |", "300 s by default", "| 600 s |", "every 300 s (`mesh_interface.py:1175`)"),
    SENDING: ("for 5 or 10 minutes", "after about 23 s", "stalls for 10 s", "1.5 kB each", "100 messages of up to"),
    AIR: ("in 90 s",),
    DOCTOR: ("after 15 idle minutes", "42 nodes", "1.6 s", "3 s for each question to Telegram", "five seconds"),
    CHATS: ("every 10 to 15 minutes", "71 MB", "89 MB"),
    ACCESS: ("70 lines", "4 MB of memory"),
}


def without_tables_from_code(text):
    return re.sub(r"<!-- settings -->.*<!-- /settings -->|```.*?```|\]\([^)]*\)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("document", COMPLETE)
def test_no_figure_is_stated_that_nothing_compares(document):
    text = without_tables_from_code(text_of(document))
    known = [stated(phrase, figures) for name, phrase, *figures in FIGURES if name == document]
    for phrase in (*known, *OTHERS.get(document, ()), *(found[0] for found in BY_SETTING.finditer(text))):
        text = text.replace(phrase, "")
    assert FIGURE.findall(text) == []


@pytest.mark.parametrize("document", OTHERS)
def test_what_is_excused_is_still_stated(document):
    assert [phrase for phrase in OTHERS[document] if phrase not in text_of(document)] == []


def test_a_false_figure_would_be_found():
    assert FIGURE.findall("a grace of 2.5 s, 15 s + 2 × 15 s, 3,500 bytes, 8 MB") == [
        "2.5 s",
        "15 s",
        "2 × 15 s",
        "3,500 bytes",
        "8 MB",
    ]
    assert stated("{} s for the link", (code.STOP_CLOSE_TIMEOUT + 1,)) not in text_of(LINK)
    assert str(code("nowhere").NO_CONSTANT) == "nan"
    code.complaints.pop()
