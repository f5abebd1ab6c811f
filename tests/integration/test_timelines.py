"""The comparison shows what happens: its shortest timelines, recorded again, with the plain library and the bot."""

import threading

import pytest

from scripts.record_timeline import CONTENDERS, DOCUMENT, SCENARIOS, differences, record

BRIEF = {one.name: one for one in SCENARIOS}["fin"]


@pytest.mark.parametrize("contender", CONTENDERS)
def test_the_document_shows_what_a_closed_connection_does(contender):
    events = record(BRIEF, contender, threading.Lock())
    assert differences(DOCUMENT.read_text(encoding="utf-8"), {f"{BRIEF.name} {contender}": events}) == []
