"""The faults that can be injected into the node, as data: names, parameters with unit and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

Value = float | str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a fault; its default's type is its type."""

    name: str
    default: Value
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail; a fault that happens once cannot be healed."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    once: bool = False


_HOW_MANY = "how many are affected, 0 for all until healed"
_CONNECTIONS = Parameter("connections", 0, "connections", _HOW_MANY)
_FRAMES = Parameter("frames", 1, "frames", _HOW_MANY)
_USER = Parameter("user", "", "short name", "whose, the first user's by default")
_PACKETS = Parameter("packets", 0, "packets", _HOW_MANY)
_TABLE = (
    Fault("drop", "closes the client's connection (FIN)", once=True),
    Fault("reset", "resets the client's connection (RST)", once=True),
    Fault("refuse", "refuses new connections, keeps the present one"),
    Fault(
        "reboot",
        "drops the client, refuses for a while, comes back with its volatile memory empty",
        (
            Parameter("seconds", 10.0, "s", "time away; an ESP32 needs 10 to 20"),
            Parameter("forget_recent", 1, "0 or 1", "lose what its node database got since its last save"),
        ),
        once=True,
    ),
    Fault("mute", "accepts bytes, sends nothing, keeps the connection open", (_CONNECTIONS,)),
    Fault(
        "stall",
        "stops sending in the middle of a configuration",
        (Parameter("after", 10, "node infos", "other nodes sent before that"), _CONNECTIONS),
    ),
    Fault("accept_then_nothing", "accepts new connections and neither reads nor writes", (_CONNECTIONS,)),
    Fault(
        "pauses",
        "main loop stops now and then, as in a flash write; the system still takes connections and bytes",
        (Parameter("seconds", 10.0, "s", "each time"), Parameter("every", 60.0, "s", "from one to the next")),
    ),
    Fault("stuck", "main loop stopped: only the system's accept backlog answers"),
    Fault("blackhole", "new connections hang unanswered, the present one is no longer served"),
    Fault(
        "garbage",
        "puts noise between its frames",
        (
            Parameter("bytes", 64, "bytes", "noise before each frame"),
            Parameter("start_byte", 0, "0 or 1", "end the noise with a lone 0x94"),
        ),
    ),
    Fault(
        "cut_frame",
        "sends a frame in two pieces",
        (Parameter("pause", 0.5, "s", "time between the pieces"), _FRAMES),
    ),
    Fault("truncated_frame", "sends half a frame, then the next one whole", (_FRAMES,)),
    Fault("oversized", "sends a header with a bogus length", (Parameter("length", 4096, "bytes", "claimed"), _FRAMES)),
    Fault("slow", "sends slowly", (Parameter("rate", 2000.0, "bytes/s", "of the whole stream"),)),
    Fault(
        "delay",
        "sends late; a lost segment is sent again after 1.1 times the delay, then twice that, and so on, as in TCP",
        (
            Parameter("seconds", 4.0, "s", "of the whole round trip"),
            Parameter("loss", 0.0, "percent", "of what it sends"),
        ),
    ),
    Fault(
        "lose_heartbeats",
        "loses answers to heartbeats, as to another client that polls at that moment",
        (Parameter("loss", 20.0, "percent", "of the answers"),),
    ),
    Fault(
        "rival_client",
        "another client takes the link again and again",
        (Parameter("every", 5.0, "s", "between two of its connections"),),
    ),
    Fault("tx_queue_full", "has no free slot in its TX queue: free = 0, packets answered with res = 32"),
    Fault(
        "nak",
        "answers packets with a NAK",
        (
            Parameter("reason", "NO_CHANNEL", "Routing.Error", "name of the error"),
            _PACKETS,
            Parameter("remote", 0, "0 or 1", "sent by the destination over the air, not by the node itself"),
        ),
    ),
    Fault(
        "forged_routing",
        "lets an attacker answer each text with a ROUTING packet, before its recipient does",
        (
            Parameter("reason", "DUTY_CYCLE_LIMIT", "Routing.Error", "name or number; ROUTE_REPLY for that variant"),
            Parameter("sender", "stranger", "stranger, own or recipient", "under whose number"),
            _PACKETS,
        ),
    ),
    Fault(
        "flood",
        "lets an attacker send texts, each under a number that nobody has used",
        (
            Parameter("rate", 30.0, "texts/s", "how many"),
            Parameter("text", "/ping", "text", "what they say"),
            Parameter("channel", "direct", "direct or a channel's index", "where"),
        ),
    ),
    Fault("lose_status", "loses the queue status that confirms a text", (_PACKETS,)),
    Fault(
        "cut_at_text",
        "closes the connection when the client sends a text, before confirming it",
        (
            Parameter("packets", 1, "packets", _HOW_MANY),
            Parameter("taken", 1, "0 or 1", "the text goes on air; else it is lost with the connection"),
            Parameter("status_kept", 0, "0 or 1", "the confirmation waits for the next client; else it is lost too"),
        ),
    ),
    Fault("unheard", "no other node rebroadcasts, acknowledges or answers what it sends"),
    Fault("echo", "delivers every packet it hears to the client twice"),
    Fault("forget_nodes", "loses its node database but its own entry", once=True),
    Fault("cut_names", "cuts every name inside a character, so that it is no UTF-8", once=True),
    Fault(
        "renumber",
        "takes another number and tells it by my_info alone",
        (Parameter("number", 0, "node number", "the new one, 0 for what 2.8 makes of its key, else of a new key"),),
        once=True,
    ),
    Fault(
        "step_clock",
        "its clock jumps, as by another client's time or a wrong GPS fix; not before a client has set it",
        (
            Parameter("seconds", 86400.0, "s", "how far"),
            Parameter("backwards", 0, "0 or 1", "into the past"),
        ),
        once=True,
    ),
    Fault(
        "warn",
        "warns its client by a clientNotification",
        (Parameter("text", "Remote_device_has_advertised_your_public_key", "text", "_ stands for a space"),),
        once=True,
    ),
    Fault(
        "upgrade",
        "reboots with another firmware on the same data; from 2.8 on its number follows its key",
        (
            Parameter("version", "2.8.0", "version", "of that firmware"),
            Parameter("seconds", 10.0, "s", "time away"),
            Parameter(
                "silence", 30.0, "s", "until it introduces itself to the mesh, which has its old number till then"
            ),
        ),
        once=True,
    ),
    Fault("upgrade_user", "a user's node gets firmware 2.8: another number, the same key", (_USER,), once=True),
    Fault("change_key", "a user's node makes itself a new key", (_USER,), once=True),
    Fault(
        "mistake_our_key",
        "a user's node has lost this node's key, or holds a wrong one",
        (_USER, Parameter("held", "none", "none or wrong", "what it holds")),
        once=True,
    ),
    Fault(
        "lockdown",
        "keeps its settings from a client, and sends nothing for it, until it gives the passphrase (firmware 2.8)",
        (Parameter("passphrase", "secret", "text", "by AdminMessage.lockdown_auth, on each connection"),),
    ),
    Fault(
        "old_firmware",
        "behaves like an earlier version",
        (Parameter("version", "2.7.5", "version", "heartbeats are answered from 2.7.6 on"),),
    ),
)
FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for fault in _TABLE}


class ActiveFaults:
    """The faults that are on, each with its parameters."""

    def __init__(self) -> None:
        self._active: dict[str, dict[str, Value]] = {}
        # the fault `pauses` has stopped the main loop
        self.paused = False
        self._since: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the fault is on."""
        return name in self._active

    def names(self) -> tuple[str, ...]:
        """Return the names of the faults that are on."""
        return tuple(self._active)

    def switch_on(self, name: str, params: Mapping[str, Value], first_connection: int) -> dict[str, Value]:
        """Check and complete the parameters; keep the fault unless it happens once. ValueError says what is wrong."""
        values = complete(name, params)
        if not FAULTS[name].once:
            self._active[name] = values
            self._since[name] = first_connection
        return values

    def heal(self, name: str | None) -> None:
        """Switch one fault off, or all of them."""
        if name is None:
            self._active.clear()
            return
        known(name)
        self._active.pop(name, None)

    def number(self, name: str, parameter: str) -> float:
        """Return a parameter of a fault that is on."""
        return float(self._active[name][parameter])

    def text(self, name: str, parameter: str) -> str:
        """Return a parameter of a fault that is on."""
        return str(self._active[name][parameter])

    def affects_connection(self, name: str, number: int) -> bool:
        """Whether the fault is on and affects the connection with this ordinal number."""
        if name not in self._active:
            return False
        first, count = self._since[name], self.number(name, "connections")
        return first <= number and (not count or number < first + count)

    def set_time(self, now: float) -> None:
        """Let `pauses` stop the main loop, or start it again: at the end of each period."""
        if "pauses" not in self:
            self.paused = False
            return
        every, seconds = self.number("pauses", "every"), self.number("pauses", "seconds")
        self.paused = now % every >= every - seconds

    def use_up(self, name: str, counter: str) -> None:
        """Count one use of a fault that is on; after the last it is healed."""
        left = self.number(name, counter)
        if 0 < left <= 1:
            del self._active[name]
        elif left:
            self._active[name][counter] = left - 1


def known(name: str) -> Fault:
    """Return the fault of that name; ValueError suggests the nearest one."""
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(FAULTS)}"
        raise ValueError(f"no fault is called {name!r}: {hint}")
    return FAULTS[name]


def complete(name: str, params: Mapping[str, Value]) -> dict[str, Value]:
    """Return all parameters of a fault, the given ones converted; ValueError says which is wrong."""
    parameters = {parameter.name: parameter for parameter in known(name).parameters}
    for given in params:
        if given not in parameters:
            takes = ", ".join(parameters) or "no parameters"
            raise ValueError(f"fault {name!r} has no parameter {given!r}: it takes {takes}")
    return {key: _convert(name, parameter, params.get(key)) for key, parameter in parameters.items()}


def _convert(name: str, parameter: Parameter, value: Value | None) -> Value:
    if value is None or isinstance(parameter.default, str):
        return parameter.default if value is None else str(value)
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"fault {name!r}: {parameter.name}={value!r} is not a number ({parameter.unit})") from None
    if number < 0:
        raise ValueError(f"fault {name!r}: {parameter.name}={value} is negative ({parameter.unit})")
    return number
