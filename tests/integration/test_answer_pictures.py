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
def renderer(tmp_path_factory):
    return PictureRenderer(tmp_path_factory.mktemp("fonts"))


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


def pictures_of(town, renderer):
    return Pictures(town.memory, town.clock, lambda: OWN, renderer)


@pytest.mark.parametrize(
    ("command", "argument", "size"),
    [("stats", "histo 48", (1080, 1000)), ("my", "", (1080, 1320)), ("nodes", "1", (1080, 1478))],
)
def test_a_command_with_a_picture_gets_it(town, renderer, command, argument, size):
    assert has_picture(command, argument)
    width, height, colours = seen(pictures_of(town, renderer).for_answer(command, argument, ASKER, FRENCH))
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
def test_other_answers_have_no_picture_and_start_no_process(town, tmp_path, command, argument, node):
    folder = tmp_path / "fonts"
    assert pictures_of(town, PictureRenderer(folder)).for_answer(command, argument, node, FRENCH) == b""
    assert not folder.exists()


def test_answers_without_a_picture_are_known_beforehand():
    assert not has_picture("stats", "top 24")
    assert not has_picture("stats", "")
    assert not has_picture("ping", "")


@pytest.mark.parametrize("page", ["2", "-5", "two"])
def test_only_the_first_page_of_nodes_has_the_map(page):
    assert has_picture("nodes", "")
    assert not has_picture("nodes", page)


def test_a_failure_to_draw_is_only_logged(town, caplog):
    renderer = PictureRenderer(town.folder / "fonts")
    pictures = pictures_of(town, renderer)
    pictures.cancel()
    with caplog.at_level(logging.WARNING):
        assert pictures.for_answer("nodes", "", STRANGER, FRENCH) == b""
        town.lose_database()
        assert pictures.for_answer("my", "", ASKER, FRENCH) == b""
    first, *_others, last = [record.getMessage() for record in caplog.records]
    assert first == "⚠️ Réponse à /nodes sans image: the bot is stopping"
    assert last.startswith("⚠️ Réponse à /my sans image: ")
