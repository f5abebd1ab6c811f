"""Direct messages that wait until our node has their recipient's key; pure.

Who gives it the key is not known here: see nodes/custody.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from meshbot.sending.queued_text import Part, QueuedPart, QueuedText
from meshbot.sending.retry_policy import KEY_CURE, LACKS_KEY, policy_of


@dataclass(frozen=True, slots=True)
class KeyCure:
    """What came of having our node get a recipient's key."""

    num: int
    cured: bool
    # if it was not: whether it will not be, and why, in words for the log
    final: bool = False
    reason: str = ""
    # seconds before which another try is of no use
    wait: float = 0.0


def no_lack(_num: int) -> bool:
    """Take every key to be there."""
    return False


@dataclass(slots=True)
class KeyCures:
    """Whose key is wanted. Times are monotonic seconds."""

    # whether our node would send a direct message to that one in clear, for want of its key
    lacks: Callable[[int], bool] = no_lack
    # by recipient: whether our node itself says that it lacks the key
    _wanted: dict[int, bool] = field(default_factory=dict)

    def hold(self, text: QueuedText, part: Part, now: float) -> bool:
        """Return whether a packet that could go now has to wait: old firmware would send it with the channel's key."""
        if text.message.is_broadcast or not self.lacks(text.message.to):
            part.awaits_key = False
            return False
        retries = part.retries_by_error[LACKS_KEY]
        part.retries_by_error[LACKS_KEY] += 1
        part.last_error, part.not_before = LACKS_KEY, now + KEY_CURE[min(retries, len(KEY_CURE) - 1)]
        self.refused(text, part, LACKS_KEY)
        return True

    def refused(self, text: QueuedText, part: Part, error: str) -> None:
        """Take a packet that goes again later; if its recipient's key may be the cause, that is wanted first."""
        if policy_of(error).cures:
            part.awaits_key = True
            self._wanted[text.message.to] = error == LACKS_KEY or self._wanted.get(text.message.to, False)

    def end(self, parts: Iterable[QueuedPart], cure: KeyCure, now: float) -> dict[QueuedText, tuple[str, str]]:
        """Have packets that waited go now if that is of use; return the others with error and reason."""
        lost = {}
        for text, part in parts:
            if part.awaits_key and text.message.to == cure.num:
                # else it may come by itself before the next try
                part.awaits_key = not (cure.cured or cure.final)
                if cure.cured:
                    part.not_before = now
                elif cure.wait:
                    part.not_before = now + cure.wait
                elif cure.final:
                    lost[text] = part.last_error, f"{part.last_error}: {cure.reason}"
        return lost

    def take_wanted(self) -> dict[int, bool]:
        """Return whose key is wanted since the last call, and whether our node itself says that it lacks it."""
        wanted, self._wanted = self._wanted, {}
        return wanted
