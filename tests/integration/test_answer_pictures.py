"""The picture beside an answer: from what was heard to the PNG."""

import logging

import pytest

from meshbot.commands.language import translator
from meshbot.pictures.draw import PictureRenderer
from meshbot.telegram_bot.pictures import Pictures, has_picture
from tests.support.pictures import seen
from tests.support.town import ASKER, OWN, STRANGER, Town

FRENCH = translator("fr")


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return PictureRenderer(tmp_path_factory.mktemp("fonts"))


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


def pictures_of(town, painter):
    return Pictures(town.memory, town.clock, lambda: OWN, painter)


@pytest.mark.parametrize(
    ("command", "argument", "size"),
    [("stats", "histo 48", (1080, 1000)), ("my", "", (1080, 1320)), ("nodes", "1", (1080, 1396))],
)
def test_a_command_that_has_a_picture_gets_it(town, painter, command, argument, size):
    assert has_picture(command, argument)
    width, height, colours = seen(pictures_of(town, painter).beside(command, argument, ASKER, FRENCH))
    assert (width, height) == size
    assert len(colours) > 20


@pytest.mark.parametrize(
    ("command", "argument", "node"),
    [
        ("stats", "", ASKER),
        ("stats", "top", ASKER),
        ("stats", "nonsense", ASKER),
        ("my", "", None),
        ("my", "", 0x77),
        ("ping", "", ASKER),
    ],
)
def test_other_answers_stand_alone_and_cost_no_process(town, tmp_path, command, argument, node):
    folder = tmp_path / "fonts"
    assert pictures_of(town, PictureRenderer(folder)).beside(command, argument, node, FRENCH) == b""
    assert not folder.exists()


def test_what_has_no_picture_is_known_before():
    assert not has_picture("stats", "top 24")
    assert not has_picture("stats", "")
    assert not has_picture("ping", "")


@pytest.mark.parametrize("page", ["2", "-5", "two"])
def test_the_map_is_beside_the_first_page_alone(page):
    assert has_picture("nodes", "")
    assert not has_picture("nodes", page)


def test_a_failure_is_for_the_log_alone(town, caplog):
    painter = PictureRenderer(town.folder / "fonts")
    pictures = pictures_of(town, painter)
    pictures.cancel()
    with caplog.at_level(logging.WARNING):
        assert pictures.beside("nodes", "", STRANGER, FRENCH) == b""
        town.lose_database()
        assert pictures.beside("my", "", ASKER, FRENCH) == b""
    first, *_others, last = [record.getMessage() for record in caplog.records]
    assert first == "⚠️ Réponse à /nodes sans image: the bot is stopping"
    assert last.startswith("⚠️ Réponse à /my sans image: ")
