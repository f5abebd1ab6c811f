"""The drawn states are the machine's own."""

from pathlib import Path

import pytest

from meshbot.mesh_link.states import TRANSITIONS
from scripts.make_diagram import BEGIN, END, diagram, embedded, main, replaced

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "TCP_ARCHITECTURE.md"


def arrows():
    """Return what the diagram says as (from, to) with its events."""
    lines = [line.strip() for line in diagram().splitlines() if "-->" in line and "[*]" not in line]
    return {tuple(line.split(":")[0].split(" --> ")): line.split(": ")[1] for line in lines}


def test_every_change_of_state_in_the_table_is_drawn_with_its_event():
    drawn = arrows()
    for state, row in TRANSITIONS.items():
        for event, target in row.items():
            if target is not state:
                assert event.name in drawn[state.name, target.name].split(", ")


def test_nothing_is_drawn_that_is_not_in_the_table():
    changes = {(state.name, target.name) for state, row in TRANSITIONS.items() for target in row.values()}
    assert set(arrows()) - changes == {("CLOSING", "STOPPED")}
    assert arrows()["CLOSING", "STOPPED"] == "CLOSED, DEADLINE after STOP"


def test_the_document_shows_the_present_diagram():
    assert embedded() in DOCUMENT.read_text("utf-8"), "run make diagram"


def test_writing_replaces_only_what_stands_between_the_markers(tmp_path):
    document = tmp_path / "document.md"
    document.write_text(f"# Avant\n\n{BEGIN}\nold\n{END}\n\nAprès\n", "utf-8")
    assert main(["--write", str(document)]) == 0
    assert document.read_text("utf-8") == f"# Avant\n\n{embedded()}\n\nAprès\n"


def test_writing_twice_changes_nothing():
    once = replaced(f"{BEGIN}\n{END}")
    assert replaced(once) == once


@pytest.mark.parametrize("text", ["", BEGIN, END, END + BEGIN, BEGIN + BEGIN + END, BEGIN + END + END])
def test_a_document_without_one_pair_of_markers_is_refused_and_left_alone(tmp_path, capsys, text):
    document = tmp_path / "document.md"
    document.write_text(text, "utf-8")
    assert main(["--write", str(document)]) == 1
    assert "❌" in capsys.readouterr().err
    assert document.read_text("utf-8") == text


def test_without_a_document_the_diagram_is_printed(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == diagram()
