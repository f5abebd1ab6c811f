import pytest

from meshbot.storage.database import open_database
from tests.support.fake_clock import FakeClock


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path, FakeClock(), busy_timeout=0.05)
    yield opened
    opened.close()
