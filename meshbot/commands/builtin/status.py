"""/status: the state of the link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from meshbot.commands.formatting import age, duration, ident, joined, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_link import LinkFigures, LoraSettings, SignaturePolicy
from meshbot.nodes import KeyTally, Loss, NodeCounts
from meshbot.runtime import Clock
from meshbot.sending import signed_text_bytes
from meshbot.storage import OwnNodeRow
from meshbot.text import one_line, shorten

IN_SHORT: Final = _("queue: {count}")
IN_WORDS: Final = _("packets waiting for the radio: {count}")


class RadioMemory(Protocol):
    """What the radio holds and has lost; KeyCustody is one."""

    def tally(self) -> KeyTally | None:
        """Compare the trusted keys with the radio's; None while these are not known."""

    def loss(self) -> tuple[Loss, float] | None:
        """Return what the radio has lost within a day, and how many seconds ago."""


EXAMPLES: Final = (
    Example(
        "/status",
        "🔗 link up for 3 h 12 min; reconnections: 1 in 1 h, 4 in 24 h; last outage: 12 s, 40 min ago; "
        "probe: 35 ms; queue: 2; keys in the radio: 36/38; firmware 2.8.0; "
        "MeshBot 0.1.0 (1a2b3c4d5e)",
    ),
    Example(
        "/status",
        "🔗 link up for 3 h 12 min\nreconnections: 1 in 1 h, 4 in 24 h\nlast outage: 12 s, 40 min ago\n"
        "probe: 35 ms\npackets waiting for the radio: 2\n"
        "trusted keys that the radio holds: 36 of 38, it lacks 2\n"
        "firmware 2.8.0: signs texts on channels up to 166 bytes; nodes of its kind often share no position\n"
        "keys changed, to be confirmed: 1\nMeshBot 0.1.0 (1a2b3c4d5e)",
        platform=Platform.TELEGRAM,
    ),
)


class OwnInterface(Protocol):
    """What the node tells of itself while the link is up."""

    @property
    def own_num(self) -> int:
        """The node's number."""

    @property
    def firmware(self) -> str:
        """The version, empty if unknown."""

    @property
    def lora(self) -> LoraSettings:
        """How its radio is set."""

    @property
    def signature_policy(self) -> SignaturePolicy:
        """Which broadcasts of others it takes."""


class Link(Protocol):
    """The link as it is now; CurrentLink is one."""

    def figures(self) -> LinkFigures:
        """Return how it has been doing."""
        ...

    def interface(self) -> OwnInterface | None:
        """Return the READY interface, or None."""

    def is_locked(self) -> bool:
        """Return whether the node is in lockdown."""
        ...


NUMBER_IN_SHORT: Final = _("🆔 {new} since {age}, messages to {old} are lost")
NUMBER_IN_WORDS: Final = _("🆔 our node is {new} since {age}: direct messages to its number before, {old}, are lost")
VERSION_BYTES: Final = 16
POLICIES: Final[Mapping[SignaturePolicy, str]] = {
    SignaturePolicy.BALANCED: _("it drops unsigned channel messages of nodes that have signed before"),
    SignaturePolicy.STRICT: _("it drops all channel messages that are not signed"),
}


def status_command(
    link: Link,
    waiting: Callable[[], int],
    counts: Callable[[], NodeCounts],
    former: Callable[[], OwnNodeRow | None],
    clock: Clock,
    *,
    radio: RadioMemory,
    version: str = "",
) -> Command:
    """Make the command; `waiting` returns how many packets wait for the radio, `version` is the bot's own.

    `former` returns our node under the number before, with the time of the change, if that was lately.
    """

    def run(request: Request) -> str:
        """Return the figures in one packet, or a line each."""
        tr, figures, known = request.translate, link.figures(), counts()
        parts = [
            state(figures, tr),
            *([tr(_("🔒 the node is in lockdown: nothing comes or goes"))] if link.is_locked() else []),
            *_number(link.interface(), former(), clock.now().timestamp(), tr, wide=request.wide),
            *_lost(radio.loss(), tr),
            tr(_("reconnections: {hour} in 1 h, {day} in 24 h")).format(hour=figures.last_hour, day=figures.last_day),
            *_outage(figures, tr),
            *probe(figures, tr),
            tr(IN_WORDS if request.wide else IN_SHORT).format(count=waiting()),
            in_radio(radio.tally(), known, tr, wide=request.wide),
            *_firmware(link.interface(), tr, wide=request.wide),
        ]
        own = [f"MeshBot {version}"] if version else []
        if not request.wide:
            return _in_one_packet([*parts, *own], tr, request.limit)
        if known.pending:
            parts.append(tr(_("keys changed, to be confirmed: {count}")).format(count=known.pending))
        return lines_that_fit([*parts, *own], request.limit)

    return Command(
        name="status",
        summary=_("tells how the link to the node is doing"),
        run=run,
        examples=EXAMPLES,
    )


def state(figures: LinkFigures, tr: Translate) -> str:
    """Return whether the link is up, and since when."""
    if figures.ready_for is not None:
        return tr(_("🔗 link up for {time}")).format(time=duration(figures.ready_for, tr))
    if figures.down_for is not None:
        return tr(_("✂️ link down for {time}")).format(time=duration(figures.down_for, tr))
    return tr(_("✂️ no link yet"))


def in_radio(found: KeyTally | None, known: NodeCounts, tr: Translate, *, wide: bool) -> str:
    """Return how many trusted keys the radio holds, lacks and holds differently, in short or in words."""
    if found is None:
        return tr(_("trusted keys: {keys}; the radio's are not known")).format(keys=known.keys)
    text = _("trusted keys that the radio holds: {held} of {keys}") if wide else _("keys in the radio: {held}/{keys}")
    parts = [tr(text).format(held=found.held, keys=found.trusted)]
    if wide and found.lacking:
        parts.append(tr(_("it lacks {count}")).format(count=found.lacking))
    if found.different:
        parts.append(tr(_("⚠️ it holds {count} differently")).format(count=found.different))
    return ", ".join(parts)


def _lost(found: tuple[Loss, float] | None, tr: Translate) -> list[str]:
    if found is None:
        return []
    loss, ago = found
    nodes = tr(_("its nodes ({before} → {now})")).format(before=loss.before.nodes, now=loss.now.nodes)
    losses = (loss.key, tr(_("its key"))), (loss.nodes, nodes), (loss.region, tr(_("its region")))
    what = ", ".join(words for is_lost, words in losses if is_lost)
    return [tr(_("⚠️ the radio lost {what}, {ago} ago")).format(what=what, ago=duration(ago, tr))]


def _in_one_packet(parts: Sequence[str], tr: Translate, limit: int) -> str:
    """Return as many of the parts as fit, the first ones first: a channel may have less room."""
    fitting = (text for count in range(len(parts), 1, -1) if len((text := joined(parts[:count], tr)).encode()) <= limit)
    return next(fitting, parts[0])


def _number(
    interface: OwnInterface | None, former: OwnNodeRow | None, now: float, tr: Translate, *, wide: bool
) -> list[str]:
    """Return that the node has had another number until lately: who writes to that one gets no answer."""
    if former is None or interface is None:
        return []
    text = tr(NUMBER_IN_WORDS if wide else NUMBER_IN_SHORT)
    return [text.format(new=ident(interface.own_num), old=ident(former.num), age=age(now - former.since, tr))]


def _firmware(interface: OwnInterface | None, tr: Translate, *, wide: bool) -> list[str]:
    """Return the version, and in words what follows from it."""
    if interface is None or not interface.firmware:
        return []
    version = tr(_("firmware {version}")).format(version=shorten(one_line(interface.firmware), VERSION_BYTES))
    if not wide or not interface.lora.signs:
        return [version]
    text = tr(_("{firmware}: signs texts on channels up to {bytes} bytes; nodes of its kind often share no position"))
    lines = [text.format(firmware=version, bytes=signed_text_bytes(is_reply=False))]
    policy = POLICIES.get(interface.signature_policy)
    return [*lines, tr(policy)] if policy else lines


def _outage(figures: LinkFigures, tr: Translate) -> list[str]:
    if figures.last_outage is None or figures.since_outage is None:
        return []
    lasted, ago = duration(figures.last_outage, tr), duration(figures.since_outage, tr)
    return [tr(_("last outage: {lasted}, {ago} ago")).format(lasted=lasted, ago=ago)]


def probe(figures: LinkFigures, tr: Translate) -> list[str]:
    """Return the round trip of the node's last answer, if there is one."""
    if figures.round_trip is None:
        return []
    return [tr(_("probe: {time} ms")).format(time=round(figures.round_trip * 1000))]
