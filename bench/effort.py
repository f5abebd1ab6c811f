"""How many samples are taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The defaults give figures that hold; QUICK only shows that the bench works."""

    rounds: int = 5  # of each way to close a connection
    questions: int = 250  # in scaled time
    unscaled_questions: int = 25  # in real time
    runs: int = 5  # processes that take a configuration
    whole_runs: int = 3  # the same with all that the process does
    few_reconnections: int = 5
    early_reconnections: int = 20  # what is allocated once has been by then
    reconnections: int = 200


QUICK = Effort(
    rounds=1,
    questions=5,
    unscaled_questions=2,
    runs=1,
    whole_runs=1,
    few_reconnections=1,
    early_reconnections=2,
    reconnections=4,
)
