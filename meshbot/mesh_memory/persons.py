"""What was heard of one node under several numbers, put together; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from meshbot.storage import LinkRow, NodeState

V = TypeVar("V")


def joined_state(num: int, states: Iterable[NodeState | None]) -> NodeState | None:
    """Return the latest of each that is known, under one number."""
    known = [state for state in states if state is not None]
    if not known:
        return None
    heard = max(known, key=lambda state: state.last_heard)
    if len(known) == 1:
        return heard if heard.num == num else replace(heard, num=num)
    direct = max(known, key=lambda state: state.direct_at or 0)
    measured = max(known, key=lambda state: state.metrics_at or 0)
    placed = max(known, key=lambda state: (state.latitude is not None, state.position_at or 0))
    return replace(
        heard,
        num=num,
        snr=direct.snr,
        rssi=direct.rssi,
        direct_at=direct.direct_at,
        battery=measured.battery,
        voltage=measured.voltage,
        utilization=measured.utilization,
        air_tx=measured.air_tx,
        metrics_at=measured.metrics_at,
        latitude=placed.latitude,
        longitude=placed.longitude,
        altitude=placed.altitude,
        position_at=placed.position_at,
        first_heard=min(state.last_heard - state.observed_for for state in known),
    )


def persons(states: Mapping[int, NodeState], moved: Mapping[int, int]) -> list[NodeState]:
    """Return a state for each node, those of its old number put into that of its present one."""
    olds = [(old, new) for old, new in moved.items() if old in states]
    if not olds:
        return list(states.values())
    joined = {new: joined_state(new, (states.get(new), states[old])) for old, new in olds}
    kept = {num: state for num, state in states.items() if num not in moved}
    return [state for state in (kept | joined).values() if state is not None]


def by_person(sums: dict[int, V], moved: Mapping[int, int], add: Callable[[V, V], None]) -> dict[int, V]:
    """Return sums by number with those of old numbers added to the present ones'."""
    for old, new in moved.items():
        if (former := sums.pop(old, None)) is not None:
            if new in sums:
                add(sums[new], former)
            else:
                sums[new] = former
    return sums


def joined_times(times: dict[int, tuple[int, int]], moved: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Return first and last times by number, where all numbers of one node have the first and the last of all."""
    for old, new in moved.items():
        if known := [times[num] for num in (old, new) if num in times]:
            times[old] = times[new] = min(known)[0], max(last for _first, last in known)
    return times


def present_links(links: Iterable[LinkRow], moved: Mapping[int, int]) -> list[LinkRow]:
    """Return links between present numbers, the latest of each."""
    latest: dict[tuple[int, int], LinkRow] = {}
    for link in links:
        ends = moved.get(link.hearer, link.hearer), moved.get(link.heard, link.heard)
        known = latest.get(ends)
        if ends[0] != ends[1] and (known is None or link.heard_at > known.heard_at):
            latest[ends] = link if ends == (link.hearer, link.heard) else replace(link, hearer=ends[0], heard=ends[1])
    return list(latest.values())


def few_of_each(links: Iterable[LinkRow], most: int) -> list[LinkRow]:
    """Return the first links of each hearer, so that those of a busy one do not hide all others."""
    seen: Counter[int] = Counter()
    found = []
    for link in links:
        seen[link.hearer] += 1
        if seen[link.hearer] <= most:
            found.append(link)
    return found
