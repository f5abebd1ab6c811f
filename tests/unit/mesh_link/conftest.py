"""Links for the tests of the link machine."""

import pytest

from tests.support.link import Link


@pytest.fixture
def link():
    link = Link()
    link.start()
    return link


@pytest.fixture
def ready():
    link = Link()
    link.start()
    link.become_ready()
    return link
