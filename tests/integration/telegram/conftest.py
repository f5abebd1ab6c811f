"""The real bot between a Bot API server and a virtual node, and the people who write to it.

A test that starts the bot itself does without `bot`; one that wants other settings gives `settings` by parametrize.
"""

from __future__ import annotations

import pytest

from tests.support.telegram_bot import ADMIN, GROUP, GUEST, KNOWN, STRANGER, no_token_in, telegram_bot, wait_for_poll


@pytest.fixture
def api(caplog, new_api):
    with new_api() as server:
        yield server
    no_token_in(caplog.text)


@pytest.fixture
def node(new_node):
    with new_node(nodes=5, keys=4) as virtual_node:
        yield virtual_node


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def bot(api, node, settings, tmp_path, clock):
    with telegram_bot(api, node.port, tmp_path, clock, **settings) as running:
        running.wait_ready()
        wait_for_poll(api)
        yield running


@pytest.fixture
def admin(api):
    return api.user(ADMIN, "Ada")


@pytest.fixture
def known(api):
    return api.user(KNOWN, "Kim")


@pytest.fixture
def guest(api):
    return api.user(GUEST, "Gus")


@pytest.fixture
def stranger(api):
    return api.user(STRANGER, "Eve")


@pytest.fixture
def people(admin, known, guest):
    return {ADMIN: admin, KNOWN: known, GUEST: guest}


@pytest.fixture
def group(api):
    return api.group(GROUP, "Mesh people")
