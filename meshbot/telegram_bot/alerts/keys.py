"""The alerts about public keys: changed ones, and those that several nodes share; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from meshbot.commands import mark as _
from meshbot.runtime import Incident, KeyChanged, KeyShared, KeyWord
from meshbot.telegram_bot.alerts.message import SHOWN, AlertMessage, Moment, Totals

NAME_SHOWN: Final = 40  # characters


class KeyAlert(AlertMessage):
    """Nodes have changed their public keys; some of the changes wait for the operator."""

    opened_by = (KeyChanged,)
    missed = _("🔑 other public keys ({times}): {nodes}. /keys tells what waits")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._changes: dict[int, tuple[float, KeyChanged]] = {}  # the latest of each node, at most SHOWN
        self._more = 0

    def accepts(self, incident: Incident, now: float) -> bool:
        """See AlertMessage; a decision on a key of this message belongs here at any time."""
        match incident:
            case KeyChanged(num, word=KeyWord.RADIO | KeyWord.OPERATOR) if num in self._changes:
                return True
        return super().accepts(incident, now)

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
    match change.word:
        case KeyWord.NODE:
            line = _(
                "🔑{stamp} {node} sends another public key, {new}; {old} stays trusted.\n"
                "A reset device, or somebody else: ask its owner, and if the key is right: /trust {id} {begin}"
            )
        case KeyWord.RADIO:
            line = _("🔑{stamp} {node} has another public key: {new} instead of {old}, on the radio's word.")
        case KeyWord.OPERATOR:
            line = _("✅{stamp} {node}: {new} instead of {old}, on an operator's word.")
    return moment.format(
        line,
        stamp=stamp,
        node=_label(change.num, change.name),
        old=change.old,
        new=change.new,
        id=f"!{change.num:08x}",
        begin=change.new.removesuffix("…"),
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
