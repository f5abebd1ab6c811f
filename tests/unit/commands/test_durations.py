import pytest

from meshbot.commands.durations import duration
from meshbot.commands.language import translator


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (100 * 86400, "100 d"),
    ],
)
def test_a_duration_is_said_with_its_two_greatest_units(seconds, said):
    assert duration(seconds, translator("en")) == said


def test_days_are_jours_in_french():
    assert duration(2 * 86400 + 4 * 3600, translator("fr")) == "2 j 4 h"
