"""`python -m bench.telegram_burst`: messages that a Telegram group writes while the link to the node is down.

The bot is a process on a fast clock. Packets on air are counted at the virtual node, delivery statuses in Telegram.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import telegram_side
from bench.effort import Effort
from bench.program import Contender, await_ready
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row, render
from meshbot.telegram_bot import FAILED, RELAYED, UNANSWERED, UNSURE
from meshbot.virtual_node import BROADCAST_NUM, VirtualNode
from tests.support.bot_api import BotApi
from tests.support.bot_api_chats import Group

SCALE = 10.0  # 100 ms that a busy machine takes are a second of Telegram's limits
PEOPLE = 5  # who write in turn
AWAY = 120.0  # seconds of the bot's clock that the link stays down after the burst
# Seconds; the node's firmware silently drops a text that comes sooner
GAP_TARGET = 2.0
LONG_EVERY = 10  # one message in so many takes two packets
PATIENCE = 300.0  # real seconds for all of it
DELIVERED = RELAYED
FINAL = (DELIVERED, UNANSWERED, FAILED, UNSURE)  # delivery statuses of a text
SHOWING = ("sendMessage", "editMessageText", "setMessageReaction")


@dataclass(frozen=True, slots=True)
class Burst:
    """What was counted; times in seconds of the bot's clock."""

    written: int
    on_air: int  # messages whose every part was
    in_order: bool
    twice: int  # packets
    dropped: int  # packets that the node dropped in silence, too soon after another
    packets: int
    gap: float  # the least between two packets
    sent_after: float  # the link's return
    shown_after: float = 0.0  # the link's return, until each message shows its final status
    final: int = 0  # messages with a final status
    delivered: int = 0  # with the status delivered
    requests: int = 0  # to Telegram, that show something
    reactions: int = 0
    refused: int = 0  # requests, with 429


def burst(count: int, scale: float = SCALE) -> Burst:
    """Run one; the machine must be able to follow a clock `scale` times as fast as its own."""
    clock = ScaledClock(scale)
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=12, clock=clock, region="US") as node,
        telegram_side.bot_api(clock) as api,
    ):
        group = telegram_side.group(api)
        values = telegram_side.settings(api, node.port, PEOPLE, Path(folder)) | telegram_side.UNHURRIED
        with telegram_side.start(values, clock) as program:
            await_ready(program, Contender.BOT)
            telegram_side.wait_for_poll(api, program)
            node.fault("refuse")
            node.fault("drop")
            node.wait_until(lambda: not node.connected)
            before, written = _requests(api), _write(api, group, count)
            telegram_side.pause(AWAY / scale)
            back = clock.monotonic()
            node.heal()
            api.wait_until(lambda: len(_final(api, group)) == count, PATIENCE)
            shown = clock.monotonic()
            shows = _requests(api) - before
        return replace(
            _on_air(node, written, back),
            shown_after=shown - back,
            final=len(_final(api, group)),
            delivered=list(_final(api, group).values()).count(DELIVERED),
            requests=sum(shows.values()),
            reactions=shows["setMessageReaction"],
            refused=api.flood.refused,
        )


def _write(api: BotApi, group: Group, count: int) -> list[str]:
    """Write the messages in the group; return the text of each on air."""
    people = telegram_side.people(api, PEOPLE)
    texts = []
    for number in range(1, count + 1):
        person = people[number % PEOPLE]
        text = f"{number:03} " + " ".join([f"m{number}"] * (60 if number % LONG_EVERY == 0 else 3))
        person.says(text, chat=group)
        texts.append(f"{person.user_object['first_name']}: {text}")
    return texts


def _requests(api: BotApi) -> Counter[str]:
    return Counter({name: api.counts[name] for name in SHOWING})


def _final(api: BotApi, group: Group) -> dict[int, str]:
    """Return the emoji on each message whose delivery status is final, by message id."""
    shown = {message.message_id: "".join(message.reactions) for message in api.messages(group)}
    return {number: emoji for number, emoji in shown.items() if emoji in FINAL}


def _on_air(node: VirtualNode, written: list[str], back: float) -> Burst:
    on_air = [sent for sent in node.transmitted if sent.to == BROADCAST_NUM and sent.text]
    text_on_air = "".join(sent.text.partition(") ")[2] if sent.text.startswith("(") else sent.text for sent in on_air)
    return Burst(
        written=len(written),
        on_air=sum(text in text_on_air for text in written),
        in_order=text_on_air == "".join(written),
        twice=len(on_air) - len({sent.text for sent in on_air}),
        dropped=sum(packet.dropped != "" for packet in node.received.packets),
        packets=len(on_air),
        gap=min(later.at - earlier.at for earlier, later in pairwise(on_air)),
        sent_after=on_air[-1].at - back,
    )


def rows(seen: Burst) -> list[Row]:
    """Return the table's lines."""
    all_there = seen.on_air == seen.written and seen.in_order and not seen.twice
    return [
        Row(
            f"{seen.written} group messages written without a link: on air in order; twice",
            f"{seen.written}; 0",
            "–",
            f"{seen.on_air}{'' if seen.in_order else ' not'} in order; {seen.twice}",
            all_there,
        ),
        Row(
            "… least gap between two packets, at the node",
            f"≥ {GAP_TARGET:g} s",
            "–",
            f"{seen.gap:.2f} s; {seen.packets} packets in {seen.sent_after:.0f} s",
            seen.gap >= GAP_TARGET and not seen.dropped,
        ),
        Row(
            "… final delivery status shown in Telegram",
            f"{seen.written}",
            "–",
            f"{seen.final} after {seen.shown_after:.0f} s; {seen.delivered} delivered",
            seen.final == seen.written,
        ),
        Row(
            "… requests to Telegram; refused with 429",
            "stated; 0",
            "–",
            f"{seen.requests}, of which {seen.reactions} reactions; {seen.refused}",
            not seen.refused,
        ),
    ]


def bursts(effort: Effort) -> Measured:
    seen = burst(effort.telegram_burst)
    note = (
        f"group messages without a link: {PEOPLE} people write at once, the link returns {AWAY:g} s later; a process "
        f"on a clock {SCALE:g} times as fast as the machine's, so is the node's and Telegram's, whose published limits "
        "hold (1 a second in a chat, 20 a minute in a group). Every tenth message takes two packets"
    )
    return Measured(rows(seen), [note], {name: [float(value)] for name, value in asdict(seen).items()})


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.telegram_burst", description=__doc__)
    parser.add_argument("--messages", type=int, default=Effort().telegram_burst)
    parser.add_argument("--scale", type=float, default=SCALE, help="how much faster than the machine's the clocks run")
    options = parser.parse_args(arguments)
    print(render(rows(burst(options.messages, options.scale))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
