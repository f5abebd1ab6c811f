"""The questions of the first start, and what is written of the answers."""

import stat

import pytest

import config
from meshbot.cli.discovery import FoundNode, NoSearchError
from meshbot.cli.first_start import Places, Questions, set_up
from meshbot.commands.language import translator
from meshbot.installation import example_text

TOKEN = "123456:AA-secret"
FOUND = [FoundNode("10.0.0.7", 4403, "KIM", "!a1b2c3d4"), FoundNode("10.0.0.8", 4404, "\x1b[31m", "")]


class Person:
    """Gives these answers, one a question."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.heard = []

    def answer(self, question):
        self.heard.append(question)
        return self._answers.pop(0)

    def set_up(self, places, find=lambda: FOUND, language="fr"):
        questions = Questions(self.answer, self.answer, self.heard.append, translator("en"))
        return set_up(places, questions, find, language)


def loaded(path):
    return config.load(path, environ={})


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def by_hand(tmp_path):
    return Places(tmp_path, is_service=False)


def test_answers_become_settings_with_all_others_as_comments(by_hand):
    assert Person("2", "en", "!a1b2c3d4", TOKEN).set_up(by_hand) == 0
    settings = loaded(by_hand.settings)
    assert (settings.tcp_host, settings.tcp_port, settings.language) == ("10.0.0.8", 4404, "en")
    assert settings.admin_nodes == ("!a1b2c3d4",)
    assert settings.telegram_token.get_secret_value() == TOKEN
    assert len(by_hand.settings.read_text().splitlines()) == len(example_text().splitlines())
    assert mode(by_hand.settings) == 0o600


def test_nothing_typed_takes_first_node_own_language_and_no_secret(by_hand):
    assert Person("", "", "", "").set_up(by_hand, language="en") == 0
    settings = loaded(by_hand.settings)
    assert (settings.tcp_host, settings.language, settings.admin_nodes) == ("10.0.0.7", "en", ())
    assert not settings.telegram_token.get_secret_value()


def test_the_service_s_token_is_in_a_file_that_is_root_s(tmp_path):
    places = Places(tmp_path, is_service=True)
    places.settings.write_text(example_text())
    assert Person("node.local", "", "", TOKEN).set_up(places) == 0
    assert loaded(places.settings).tcp_host == "node.local"
    assert TOKEN not in places.settings.read_text()
    assert places.token.read_text() == f"{TOKEN}\n"
    assert (mode(places.settings), mode(places.token), mode(places.token.parent)) == (0o644, 0o600, 0o700)


@pytest.mark.parametrize("name", ["settings", "token"])
def test_what_the_operator_has_written_is_never_replaced(tmp_path, name):
    places = Places(tmp_path, is_service=True)
    path = getattr(places, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    person = Person()
    assert person.set_up(places) == 1
    assert path.read_text() == "mine"
    assert str(path) in person.heard[-1]


def test_an_answer_that_cannot_be_is_asked_for_again(by_hand):
    person = Person("10.0.0.9:4403", "10.0.0.9", "de", "fr", "me", "!00000005", "token", TOKEN)
    assert person.set_up(by_hand) == 0
    assert loaded(by_hand.settings).admin_nodes == ("!00000005",)


def test_a_refused_answer_says_what_is_allowed(by_hand):
    person = Person("10.0.0.9:4403", "10.0.0.9", "", "me", "", "")
    assert person.set_up(by_hand) == 0
    assert "❌ That cannot be. Allowed: a host name or an IP address, without port" in person.heard
    assert any("such as [" in each for each in person.heard)


@pytest.mark.parametrize("found", [FOUND, []])
def test_a_number_beyond_the_list_is_no_address(by_hand, found):
    assert Person("0", "3", "77", "10.0.0.9", "", "", "").set_up(by_hand, find=lambda: found) == 0
    assert loaded(by_hand.settings).tcp_host == "10.0.0.9"


def test_the_last_line_is_the_command_that_starts_it(tmp_path):
    person = Person("1", "", "", "")
    assert person.set_up(Places(tmp_path, is_service=False, start="meshbot run")) == 0
    assert person.heard[-1] == "👉 To start it: meshbot run"


def test_who_stops_half_way_finds_nothing_written(by_hand):
    with pytest.raises(IndexError):
        Person("1", "fr").set_up(by_hand)
    assert list(by_hand.folder.iterdir()) == []


def test_without_a_search_the_address_is_typed(by_hand):
    def find():
        raise NoSearchError("No module named 'zeroconf'")

    person = Person("", "", "", "")
    assert person.set_up(by_hand, find) == 0
    assert loaded(by_hand.settings).tcp_host == "meshtastic.local"
    assert any("zeroconf" in text for text in person.heard)


def test_a_node_s_odd_name_cannot_move_the_cursor(by_hand):
    person = Person("1", "", "", "")
    person.set_up(by_hand)
    assert "\x1b" not in "".join(person.heard)
