"""The alerts about public keys: changed ones, and those that several nodes share; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from meshbot.commands import mark as _
from meshbot.runtime import Incident, KeyChanged, KeyChangeSource, KeyShared, RecentKeys
from meshbot.telegram_bot.alerts.message import JOIN, SHOWN, AlertMessage, Moment, Totals

NAME_SHOWN: Final = 40  # characters
# Messages about one suspicious key each, within JOIN seconds; nodes in one message beyond that: 4000 characters
MOST_ALONE: Final = 20
TOGETHER: Final = 10
MESSAGES_KEPT: Final = 100
WAITING_LIMIT: Final = 500  # nodes, while Telegram is out of reach
# What the operator is to decide about
ASKING: Final = frozenset({KeyChangeSource.NODE, KeyChangeSource.FILE, KeyChangeSource.FIRST})


class KeyWarnings:
    """Each node whose new key waits for the operator: in a message with a sound, which nothing else pushes aside.

    A message has one node; of a series of more than MOST_ALONE within JOIN seconds, and of those that came while
    Telegram was out of reach, it has several. What is kept is bounded, a message that is forgotten stays as it is.
    """

    def __init__(self) -> None:
        self._messages: RecentKeys[str, dict[int, tuple[float, KeyChanged]]] = RecentKeys(MESSAGES_KEPT)  # by node
        self._key_of: RecentKeys[int, str] = RecentKeys(MESSAGES_KEPT * TOGETHER)  # of the node's message
        self._waiting: dict[int, tuple[float, KeyChanged]] = {}  # until Telegram can be reached
        self._lately: deque[float] = deque(maxlen=MOST_ALONE)

    def take(self, change: KeyChanged, now: float, new_key: Callable[[], str], *, reachable: bool) -> str:
        """Take a change; return the key of the message that it changes or makes, empty: none for now."""
        key = self._key_of.get(change.num)
        if change.source not in ASKING:
            return self._decide(change, now, key, reachable=reachable)
        if not reachable:
            if len(self._waiting) < WAITING_LIMIT or change.num in self._waiting:
                self._waiting[change.num] = now, change
            return ""
        is_series = len(self._lately) == MOST_ALONE and now < self._lately[0] + JOIN
        last = next(reversed(list(self._messages)), "")
        key = last if is_series and len(self._messages.get(last) or ()) < TOGETHER else new_key()
        self._lately.append(now)
        self._put(key, change, now)
        return key

    def concerns(self, change: KeyChanged) -> bool:
        """Return whether a change belongs here: it is suspicious, or decides about one that was.

        Of a newcomer it is not: who makes nodes up can contradict each, and would hide what is true among them.
        """
        is_suspicious = change.source in ASKING and not change.is_newcomer
        return is_suspicious or change.num in self._key_of or change.num in self._waiting

    def on_reachable(self, new_key: Callable[[], str]) -> list[str]:
        """Return the keys of the new messages about what came while Telegram was out of reach, and of changed ones."""
        keys = []
        waiting, self._waiting = list(self._waiting.values()), {}
        for start in range(0, len(waiting), TOGETHER):
            keys.append(new_key())
            for at, change in waiting[start : start + TOGETHER]:
                self._put(keys[-1], change, at)
        return keys

    def text(self, key: str, moment: Moment) -> str:
        """Return the message of that key."""
        return "\n".join(
            _key_line(change, moment.stamp(at), moment) for at, change in (self._messages.get(key) or {}).values()
        )

    def _decide(self, change: KeyChanged, now: float, key: str | None, *, reachable: bool) -> str:
        if change.num in self._waiting:
            self._waiting[change.num] = now, change
        if key is None or change.num not in (self._messages.get(key) or ()):
            return ""
        self._put(key, change, now)
        return key if reachable else ""

    def _put(self, key: str, change: KeyChanged, at: float) -> None:
        changes = self._messages.get(key) or {}
        changes[change.num] = at, change
        self._messages.put(key, changes)
        self._key_of.put(change.num, key)


class KeyAlert(AlertMessage):
    """Nodes have other public keys, by a word that counts: nothing waits for the operator."""

    opened_by = (KeyChanged,)
    missed = _("🔑 other public keys ({times}): {nodes}. /keys tells more")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._changes: dict[int, tuple[float, KeyChanged]] = {}  # the latest of each node, at most SHOWN
        self._more = 0

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case KeyChanged(num) if num in self._changes or len(self._changes) < SHOWN:
                self._changes[num] = now, incident
            case KeyChanged():
                self._more += 1

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        lines = [_key_line(change, moment.stamp(at), moment) for at, change in self._changes.values()]
        if self._more:
            lines.append(moment.format(_("… and {count} more, see /keys"), count=self._more))
        return "\n".join(lines)

    def totals(self) -> Totals:
        """See AlertMessage."""
        names = tuple(_label(change.num, change.name) for _at, change in self._changes.values())
        return Totals(len(self._changes) + self._more, self._changed, nodes=names)


def _key_line(change: KeyChanged, stamp: str, moment: Moment) -> str:
    match change.source:
        case KeyChangeSource.NODE if change.old:
            line = _(
                "🔑{stamp} {node} sends another public key: {new}\nTrusted until you decide: {old}\n"
                "A reset device, or somebody else: compare it with its owner, then "
                "/keys accept {id} {begin} or /keys reject {id} {begin}"
            )
        case KeyChangeSource.NODE:
            line = _(
                "🔑{stamp} {node} sends a public key, and had one that is revoked: {new}\n"
                "It proves nothing until you decide: /keys accept {id} {begin} or /keys reject {id} {begin}"
            )
        case KeyChangeSource.FILE:
            line = _(
                "🔑{stamp} {node} has another public key in a file that was imported: {new}\n"
                "Trusted until you decide: {old}\n"
                "Compare it with its owner, then /keys accept {id} {begin} or /keys reject {id} {begin}"
            )
        case KeyChangeSource.FIRST:
            line = _(
                "🔑{stamp} {node}, of admin_nodes, sends its first public key: {new}\n"
                "Anybody can send that, so it has no admin's rights. Compare it with its owner, then /keys verify {id} "
                "or /keys reject {id} {begin}; or put the fingerprint into admin_nodes in place of {id}"
            )
        case KeyChangeSource.RADIO:
            line = _("🔑{stamp} {node} has another public key: {new} instead of {old}, the radio says so.")
        case KeyChangeSource.OPERATOR if change.new == change.old:
            line = _("✅{stamp} {node}: {new} is right, an operator decided so.")
        case KeyChangeSource.OPERATOR:
            line = _("✅{stamp} {node}: {new} instead of {old}, an operator decided so.")
        case KeyChangeSource.REJECTED:
            line = _("🚫{stamp} {node}: {new} proves nothing any more, an operator decided so.")
    return moment.format(
        line,
        stamp=stamp,
        node=_label(change.num, change.name),
        old=change.old,
        new=change.new,
        id=f"!{change.num:08x}",
        begin=change.new.partition(" ")[0],
    )


class SharedKeyAlert(AlertMessage):
    """Several nodes have one public key."""

    opened_by = (KeyShared,)
    missed = _("⚠️ shared public keys: {nodes}. /keys tells more")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._shared: dict[str, KeyShared] = {}  # by key, at most SHOWN
        self._more = 0

    def _take(self, incident: Incident, now: float) -> None:  # noqa: ARG002 - `take` has noted the time
        match incident:
            case KeyShared(key) if key in self._shared or len(self._shared) < SHOWN:
                self._shared[key] = incident
            case KeyShared():
                self._more += 1

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        line = _("⚠️{stamp} One public key, {key}, in {count} nodes: {nodes}")
        lines = [
            moment.format(
                line,
                stamp=moment.stamp(self._changed),
                key=shared.key,
                count=shared.count,
                nodes=", ".join(_labels(shared)) + (", …" if shared.count > len(shared.nodes) else ""),
            )
            for shared in self._shared.values()
        ]
        if self._more:
            lines.append(moment.format(_("… and {count} more, see /keys"), count=self._more))
        lines.append(moment.format(_("A copied device, or somebody pretending: the copy needs new keys, made on it.")))
        return "\n".join(lines)

    def totals(self) -> Totals:
        """See AlertMessage."""
        nodes = tuple(label for shared in self._shared.values() for label in _labels(shared))
        return Totals(len(self._shared) + self._more, self._changed, nodes=nodes[:SHOWN])


def _labels(shared: KeyShared) -> Iterable[str]:
    return (_label(num, name) for num, name in shared.nodes)


def _label(num: int, name: str) -> str:
    return f"{name[:NAME_SHOWN]} (!{num:08x})" if name else f"!{num:08x}"
