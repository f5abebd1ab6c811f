"""Rows of dataclasses."""

from dataclasses import asdict, dataclass, field

from meshbot.storage.upsert import as_row


@dataclass(frozen=True, slots=True)
class Sample:
    """One with a default."""

    num: int
    name: str = field(default="Alice")


def test_a_row_has_each_value_by_its_name():
    assert as_row(Sample(7)) == asdict(Sample(7)) == {"num": 7, "name": "Alice"}
