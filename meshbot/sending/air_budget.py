"""The hour's budget of air time: whose texts may use which part of it, and who had how much lately; pure.

Everything that is sent counts. Two kinds have only a part, so that neither a flood of questions nor a burst from
Telegram takes it all: what is left is for mail, and for people who are known to be who they say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Mapping
from enum import Enum
from math import inf
from typing import Final

from meshbot.mesh_link import LoraSettings, TextPacket
from meshbot.sending.air_time import (
    LARGEST_PACKET,
    duty_cycle,
    key_question_bytes,
    modem_of,
    packet_bytes,
    signed_text_bytes,
    traceroute_bytes,
)
from meshbot.sending.outgoing import OutgoingText, Priority

HOUR_MS: Final = 3_600_000
# Seconds: an hour, and what a packet may wait in the node's own queue, so that no hour on air has more than its budget
WINDOW: Final = 3660.0
# Transmissions of a packet with acknowledgement that no neighbour repeats, by the node itself
TRANSMISSIONS: Final = 3


# Of the hour before the start, over which the node's sending is spread: when it was is not known
SLICES: Final = 12

# Number, and whether it may be anybody who uses it
Asker = tuple[int, bool]


class Account(Enum):
    """Whose texts."""

    EVERYTHING = "tout"  # what the others have counts here too
    STRANGERS = "inconnus"  # answers to people who may be anybody
    FORWARDED = "transmissions"  # from Telegram, and alerts


# Parts of the budget
TO_STRANGERS: Final = 0.3
OF_FORWARDED: Final = 0.5
SHARES: Final[Mapping[Account, float]] = {
    Account.EVERYTHING: 1.0,
    Account.STRANGERS: TO_STRANGERS,
    Account.FORWARDED: OF_FORWARDED,
}


def asker_of(message: OutgoingText) -> Asker:
    """Return to whom an answer's air counts: what strangers ask under a number is not its owner's."""
    return message.person, message.for_stranger


def account_of(message: OutgoingText) -> Account:
    """Return the account that a text is put on."""
    if message.priority in {Priority.BRIDGE, Priority.ALERT}:
        return Account.FORWARDED
    return Account.STRANGERS if message.for_stranger else Account.EVERYTHING


class Spending:
    """Milliseconds on air, and when. Times are monotonic seconds and never go back. Any thread may ask for `spent`."""

    def __init__(self) -> None:
        # times; all that was ever spent, with each; the last such total that is no longer listed. Replaced as one, so
        # that whoever reads them in another thread has what belongs together
        self._log: tuple[list[float], list[int], int] = [], [], 0

    def add(self, milliseconds: int, now: float) -> None:
        """Note what is sent now."""
        times, totals, _ = self._log
        totals.append(self._total + milliseconds)
        times.append(now)
        # half of them at once, so that each is moved but once
        if times[len(times) // 2] <= now - WINDOW:
            past = bisect_right(times, now - WINDOW)
            self._log = times[past:], totals[past:], totals[past - 1]

    def refund(self, milliseconds: int, at: float) -> None:
        """Take back what was noted at a time: it was not sent."""
        times, totals, _ = self._log
        first = bisect_right(times, at) - 1
        if first >= 0 and times[first] == at:
            totals[first:] = [total - milliseconds for total in totals[first:]]

    def spent(self, now: float) -> int:
        """Return the milliseconds of the last WINDOW."""
        times, totals, forgotten = self._log
        past = bisect_right(times, now - WINDOW)
        return (totals[-1] if totals else forgotten) - (totals[past - 1] if past else forgotten)

    def free_at(self, milliseconds: int, limit: int) -> float:
        """Return from when so much more stays within the limit; inf for never, -inf for always."""
        if milliseconds > limit:
            return inf
        times, totals, forgotten = self._log
        # what must lie behind the window by then, of all that was ever spent
        past = self._total + milliseconds - limit
        return -inf if past <= forgotten else times[bisect_left(totals, past)] + WINDOW

    @property
    def _total(self) -> int:
        _, totals, forgotten = self._log
        return totals[-1] if totals else forgotten


class AirBudget:
    """What was sent, and when what waits may go. Times are monotonic seconds."""

    def __init__(self, percent: float) -> None:
        """Take the percent of an hour in which the bot may have its node send; the region's duty cycle may be less."""
        self._percent = percent
        self._has_begun = False
        self._spending = {account: Spending() for account in Account}
        self._lately: Counter[Asker] = Counter()  # milliseconds
        self._answers: deque[tuple[float, Asker, int]] = deque()  # time, asker, milliseconds
        # the firmware's own defaults, until a node has told its settings; what fits a signed packet fits any
        self.use(LoraSettings(signs=True))

    def set_percent(self, percent: float) -> None:
        """Take another percentage; what was sent counts."""
        self._percent = percent
        self._set_limit()

    def use(self, lora: LoraSettings) -> None:
        """Count from now on for a node with these settings."""
        self._modem, self._signs = modem_of(lora), lora.signs
        self._costs: dict[int, int] = {}  # milliseconds, by size; at most one for each of 255
        self._duty_cycle = duty_cycle(lora)
        self._set_limit()

    def _set_limit(self) -> None:
        self.limit = int(HOUR_MS * min(self._percent, self._duty_cycle) / 100)

    def begin(self, air_tx: float | None, now: float) -> None:
        """Count what the node has sent in the hour before the start, in percent as it measured; later calls do nothing.

        It may be of an earlier process, or the node's own: the hour has no more either way.
        """
        if self._has_begun:
            return
        self._has_begun = True
        sent = int(HOUR_MS * (air_tx or 0.0) / 100 / SLICES)
        for number in range(SLICES):
            self._spending[Account.EVERYTHING].add(sent, now - 3600 * (SLICES - number) / SLICES)

    def cost(self, packet: TextPacket) -> int:
        """Return the milliseconds of one transmission."""
        size = packet_bytes(packet, signs=self._signs)
        # asked again and again for all that waits
        if (cost := self._costs.get(size)) is None:
            cost = self._costs[size] = self._modem.milliseconds(size)
        return cost

    def longest(self, message: OutgoingText) -> int:
        """Return how many bytes of such a text one packet holds: what our node would not sign, others may drop."""
        if message.is_broadcast and self._signs:
            return signed_text_bytes(is_reply=bool(message.reply_id))
        return LARGEST_PACKET

    def price(self, packet: TextPacket) -> int:
        """Return the milliseconds of all transmissions that there may be of a packet: what has to be free for it."""
        return self.cost(packet) * (TRANSMISSIONS if packet.want_ack else 1)

    def free_at(self, message: OutgoingText, milliseconds: int) -> float:
        """Return from when so much of a text, or of more like it, may be sent; inf for never, -inf for always."""
        free_at = self._spending[Account.EVERYTHING].free_at(milliseconds, self.limit)
        if (account := account_of(message)) is not Account.EVERYTHING:
            limit = int(self.limit * SHARES[account])
            free_at = max(free_at, self._spending[account].free_at(milliseconds, limit))
        return free_at

    def spend(self, message: OutgoingText, milliseconds: int, now: float) -> None:
        """Note what is sent of a text."""
        for account in {Account.EVERYTHING, account_of(message)}:
            self._spending[account].add(milliseconds, now)
        self._forget_old_answers(now)
        if message.priority is Priority.ANSWER:
            self._answers.append((now, asker_of(message), milliseconds))
            self._lately[asker_of(message)] += milliseconds

    def charge(self, message: OutgoingText, packet: TextPacket, now: float) -> int:
        """Note a packet with all its transmissions; return the milliseconds of its repeats, for `refund`."""
        price = self.price(packet)
        self.spend(message, price, now)
        return price - self.cost(packet)

    def refund(self, message: OutgoingText, milliseconds: int, at: float) -> None:
        """Take back a part of what was noted at a time: the node did not send it."""
        for account in {Account.EVERYTHING, account_of(message)}:
            self._spending[account].refund(milliseconds, at)
        for index, (when, asker, noted) in enumerate(self._answers):
            if (when, asker) == (at, asker_of(message)) and message.priority is Priority.ANSWER:
                self._answers[index] = when, asker, noted - milliseconds
                self._lately[asker] -= milliseconds
                break

    def _forget_old_answers(self, now: float) -> None:
        while self._answers and self._answers[0][0] <= now - WINDOW:
            _, asker, milliseconds = self._answers.popleft()
            self._lately[asker] -= milliseconds
        # none without air, or forged numbers would fill it
        self._lately = +self._lately

    def spend_on_traceroute(self, now: float, *, for_stranger: bool) -> bool:
        """Note a traceroute that is to be sent now, and return True; or return False if it is too much."""
        return self._spend_on(traceroute_bytes(), now, for_stranger=for_stranger)

    def spend_on_key_question(self, now: float) -> bool:
        """Note a question for a node's key likewise."""
        return self._spend_on(key_question_bytes(), now)

    def _spend_on(self, size: int, now: float, *, for_stranger: bool = False) -> bool:
        milliseconds = self._modem.milliseconds(size) * TRANSMISSIONS
        # it counts as mail does: nobody's answer
        text = OutgoingText("", 0, priority=Priority.MAIL, for_stranger=for_stranger)
        if self.free_at(text, milliseconds) > now:
            return False
        self.spend(text, milliseconds, now)
        return True

    def spent(self, now: float, account: Account = Account.EVERYTHING) -> int:
        """Return the milliseconds of the last hour, and a little more; any thread may ask."""
        return self._spending[account].spent(now)

    def had_lately(self, message: OutgoingText) -> int:
        """Return the milliseconds that the person whom a text answers has had, 0 for a text that answers nobody."""
        return self._lately[asker_of(message)] if message.priority is Priority.ANSWER else 0
