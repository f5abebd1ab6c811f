from meshbot.radio_backup.nightly import KEPT, name_of, names_in, to_remove
from tests.unit.radio_backup.test_backup import own_settings

DAY = 86400


def names(count, num=7):
    return [name_of(own_settings(num=num), "5972 7626", day * DAY) for day in range(count)]


def test_a_name_says_whose_backup_and_when():
    assert name_of(own_settings(), "5972 7626", 1_700_000_000) == "00000007-5972-20231114T221320Z.radio.json"


def test_seven_of_one_identity_are_kept():
    kept = names(KEPT)
    newest = names(KEPT + 1)[-1]
    assert to_remove(newest, kept) == kept[:1]
    assert to_remove(newest, kept[1:]) == []


def test_backups_of_a_wrong_clock_go_first():
    now, *later = names(KEPT + 1)
    assert to_remove(now, later) == later[:1]


def test_another_identity_pushes_nothing_out():
    assert to_remove(names(1, num=8)[0], names(KEPT)) == []


def test_what_is_no_backup_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert names_in(tmp_path) == names_in(tmp_path / "absent") == []
