"""What is stored is private: no log line and no error quotes it."""

import logging

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import SQLAlchemyError

from meshbot.runtime.log import hush
from meshbot.storage.schema import MAIL

LETTER = {"sender": 1, "recipient": 2, "text": "the letter", "sent_at": 3}


@pytest.fixture
def _at_debug(caplog):
    library = logging.getLogger("sqlalchemy")
    before = library.level
    caplog.set_level(logging.DEBUG)
    library.setLevel(logging.NOTSET)
    hush()
    yield
    library.setLevel(before)


@pytest.mark.usefixtures("_at_debug")
def test_no_row_is_logged_at_debug(database, caplog):
    with database.transaction() as connection:
        connection.execute(insert(MAIL), LETTER)
    with database.reading() as connection:
        assert connection.execute(MAIL.select()).one().text == LETTER["text"]
    assert LETTER["text"] not in caplog.text


def test_no_error_of_the_database_quotes_a_row(database):
    with (
        database.transaction() as connection,
        pytest.raises(SQLAlchemyError) as error,
    ):
        connection.execute(text("INSERT INTO nowhere VALUES (:text)"), {"text": LETTER["text"]})
    assert LETTER["text"] not in str(error.value)
