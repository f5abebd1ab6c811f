"""The timelines in the comparison: written, read back and compared without a run."""

import pytest

from scripts.record_timeline import (
    BLOCK,
    CONTENDERS,
    DOCUMENT,
    SCENARIOS,
    Event,
    Recording,
    blocks,
    differences,
    fill,
    parse,
    render,
    sequences,
)

EVENTS = [
    Event(0.0, "node", "the node closes the connection (FIN)"),
    Event(1.04, "log", "🔄 Reconnexion TCP #1 à node:4403..."),
    Event(12.5, "log", "ℹ️ Coupure de 1.0 s, 1 tentative(s)"),
]
PAGE = "# Page\n\n<!-- recorded -->\n<!-- /recorded -->\n\n<!-- fin after -->\n<!-- /fin after -->\nend\n"


def test_what_is_rendered_is_read_back():
    rounded = Event(1.0, EVENTS[1].source, EVENTS[1].text)
    assert parse(render(EVENTS)) == [EVENTS[0], rounded, EVENTS[2]]


def test_a_document_is_filled_between_its_markers_again_and_again():
    once = fill(PAGE, blocks({"fin after": EVENTS}))
    assert "meshtastic" in once
    assert once.endswith("<!-- /fin after -->\nend\n")
    assert fill(once, blocks({"fin after": EVENTS})) == once


def test_a_timeline_without_markers_is_named():
    with pytest.raises(ValueError, match="mute before"):
        fill(PAGE, {"mute before": ""})


def test_seconds_and_number_of_attempts_make_no_difference():
    later = [Event(9.0, "log", "🔄 Reconnexion TCP #2 à node:4403..."), *EVENTS[1:2], EVENTS[0], EVENTS[2]]
    assert differences(fill(PAGE, blocks({"fin after": EVENTS})), {"fin after": later}) == []


@pytest.mark.parametrize(
    "changed",
    [
        EVENTS[:2],
        [EVENTS[0], EVENTS[2], EVENTS[1]],
        [*EVENTS, Event(13.0, "log", "✅ SYNC COMPLETE: 38 public keys synchronized to interface.nodes")],
        [Event(0.0, "user", "asks"), *EVENTS[1:]],
    ],
    ids=["missing", "order", "more", "source"],
)
def test_a_different_timeline_is_reported(changed):
    (line,) = differences(fill(PAGE, blocks({"fin after": EVENTS})), {"fin after": changed})
    assert line.startswith("fin after: ")


def test_the_number_of_keys_makes_a_difference():
    shown, run = ([Event(1.0, "loop", f"{keys} keys in interface.nodes")] for keys in (38, 37))
    assert sequences(shown) != sequences(run)


def test_a_recording_begins_with_the_fault():
    recording = Recording()
    recording.note("log", "before")
    assert recording.wait_for("before", 1) == "before"
    recording.begin()
    recording.note("log", "after")
    assert not recording.has("before")
    assert [event.text for event in recording.events()] == ["after"]


def test_a_missing_line_is_reported():
    with pytest.raises(TimeoutError, match="SYNC"):
        Recording().wait_for("SYNC", 0.01)


def test_the_document_shows_every_scenario_with_both_programs():
    shown = {match["name"]: match["body"] for match in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))}
    assert set(shown) == {"recorded"} | {f"{one.name} {who}" for one in SCENARIOS for who in CONTENDERS}
    del shown["recorded"]
    titles = [next(event.text for event in parse(body) if event.source == "node") for body in shown.values()]
    assert titles == [one.title for one in SCENARIOS for _ in CONTENDERS]
    assert all(len(parse(body)) > 3 for body in shown.values())
