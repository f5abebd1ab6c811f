"""The channels of the bot's own node, by index and by name, and /channels, which lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meshbot.commands import Command, Platform, Request, Translate
from meshbot.commands import mark as _
from meshbot.mesh_link import Channel
from meshbot.text import folded

# Before the name of a channel, where a node may have the same
SIGN: Final = "#"


class KnownChannels:
    """What the node has; before its first configuration nothing is known, and nothing is refused for that."""

    def __init__(self, channels: Callable[[], tuple[Channel, ...] | None]) -> None:
        """`channels` returns those that the node has enabled, None before they are known; it never waits."""
        self._channels = channels

    def lacks(self, index: int) -> bool:
        """Return whether the node certainly has no such channel, or has it disabled."""
        known = self._channels()
        return known is not None and all(channel.index != index for channel in known)

    def find(self, name: str) -> int | None:
        """Return the index of the channel of that name, `#` before it or not, whatever its case and accents."""
        wanted = folded(name.removeprefix(SIGN))
        return next((each.index for each in self._channels() or () if folded(each.name) == wanted), None)

    def label(self, index: int) -> str:
        """Return `1 (Amis)`, the index alone where the name is unknown."""
        name = next((each.name for each in self._channels() or () if each.index == index), "")
        return f"{index} ({name})" if name else f"{index}"

    def names(self) -> str:
        """Return all of them in one line."""
        return ", ".join(self.label(each.index) for each in self._channels() or ())

    def lines(self) -> list[str]:
        """Return a line for each channel."""
        return [f"{each.index}  {each.name}".rstrip() for each in self._channels() or ()]


def missing_channel(channels: KnownChannels, index: int, tr: Translate) -> str:
    """Return why nothing goes to that channel."""
    text = tr(_("❌ Our node has no channel {channel}. It has: {channels}."))
    return text.format(channel=index, channels=channels.names() or "–")


def channels_command(channels: KnownChannels) -> Command:
    """Return the command that lists the channels."""

    def run(request: Request) -> str:
        lines = channels.lines()
        if not lines:
            return request.translate(_("📻 The node has not told its channels yet. Try again in a minute."))
        return "\n".join([request.translate(_("📻 Channels; /send takes the number or the name:")), *lines])

    return Command(
        name="channels",
        summary=_("lists the node's channels"),
        run=run,
        platforms=frozenset({Platform.TELEGRAM}),
    )
