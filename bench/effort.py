"""How many samples are taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The defaults give stable figures; QUICK only shows that the bench works."""

    rounds: int = 5  # of each way to close a connection
    questions: int = 250  # in scaled time
    unscaled_questions: int = 25  # in real time
    runs: int = 5  # processes that take a configuration
    whole_runs: int = 3  # the same with all that the process does
    few_reconnections: int = 5
    early_reconnections: int = 20  # by then everything is allocated that is allocated once
    reconnections: int = 200
    traffic_minutes: float = 10.0  # of a busy mesh, in real time
    traffic_nodes: int = 5_000
    flood_seconds: float = 60.0  # of forged commands, in real time
    held_seconds: float = 60.0  # that the assistant holds its calls, in real time
    commands: int = 1000  # answers accepted for sending
    faults: int = 100  # of the link meanwhile
    packets: int = 1_000_000  # stored when the questions are asked
    repetitions: int = 200  # of each of those questions
    telegram_questions: int = 300
    telegram_packets: int = 2_000  # heard before them
    telegram_burst: int = 100  # messages written in a group while the link is down
    telegram_outage_hours: float = 8.0  # in scaled time
    telegram_idle_hours: float = 1.0  # in scaled time
    quiet_hours: float = 6.0  # in scaled time
    busy_hours: float = 1.0  # likewise; links are written once an hour
    page_nodes: int = 5_000
    page_requests: int = 8  # of the page, and of the metrics
    custody_rounds: int = 8  # in scaled time
    year: tuple[int, ...] = (365, 2000)  # days and nodes, then as in bench.year.Plan


QUICK = Effort(
    rounds=1,
    questions=5,
    unscaled_questions=2,
    runs=1,
    whole_runs=1,
    few_reconnections=1,
    early_reconnections=2,
    reconnections=4,
    traffic_minutes=0.25,
    traffic_nodes=200,
    flood_seconds=8.0,
    held_seconds=3.0,
    commands=12,
    faults=2,
    packets=3000,
    repetitions=2,
    telegram_questions=10,
    telegram_packets=100,
    telegram_burst=6,
    telegram_outage_hours=0.25,
    telegram_idle_hours=0.05,
    quiet_hours=0.25,
    busy_hours=0.01,
    page_nodes=50,
    page_requests=2,
    custody_rounds=1,
    year=(30, 60, 12, 1, 10, 5, 15, 5),
)
