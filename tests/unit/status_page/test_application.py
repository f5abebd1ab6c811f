"""Each request gets an answer or a refusal; who may ask, in which language, and how often."""

import re
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.status_page.application import (
    BUSY_FOR,
    KEPT_FOR,
    MOST_MADE,
    SICK_AFTER,
    is_local,
    language_of,
    wish_of,
)
from meshbot.status_page.page import SORTS

LOCAL = ("127.0.0.1:8080", "[::1]:8080", "localhost", "192.168.1.4", "pi", "pi.local:80", "Pi.Lan", "pi.home.arpa")
FOREIGN = ("evil.example", "127.0.0.1.evil.example:8080", "pi.local.evil.org", "a.b:99999999", "evil.com.")


@pytest.mark.parametrize("host", LOCAL)
def test_addresses_and_local_names_are_answered(host):
    assert is_local(host, "attic")


@pytest.mark.parametrize("host", FOREIGN)
def test_names_that_anybody_can_own_are_not(host):
    assert not is_local(host, "attic")


def test_the_machine_s_own_name_is_answered():
    assert is_local("attic.example.org:8080", "attic.example.org")


def test_a_foreign_name_is_told_the_cure(bench):
    answer = bench.get("/metrics", HTTP_HOST="evil.example")
    assert answer.status == HTTPStatus.MISDIRECTED_REQUEST
    assert "Host: localhost" in answer.text
    assert "meshbot_" not in answer.text


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/style.css", "/nothing"])
def test_every_answer_has_the_strict_headers(bench, path):
    headers = bench.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_head_has_the_headers_alone(bench):
    answer = bench.get("/", REQUEST_METHOD="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_nothing_can_be_changed(bench, method):
    answer = bench.get("/", REQUEST_METHOD=method)
    assert (answer.status, answer.headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD")


def test_healthz_tells_of_the_process_not_of_the_node(bench):
    bench.state["link"] = "backoff"
    answer = bench.get("/healthz")
    assert (answer.status, '"link": "backoff"' in answer.text) == (200, True)


def test_a_thread_that_hangs_is_named(bench):
    bench.state["beats"] = [("Mesh-Sender", 3, 0.0), ("Mesh-Router", 9, SICK_AFTER)]
    answer = bench.get("/healthz")
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert '"silent_threads": ["Mesh-Router"]' in answer.text


def test_who_asks_again_and_again_gets_the_same_page(bench):
    first = bench.get("/").body
    bench.hear(7, "Newcomer")
    assert bench.get("/").body == first
    bench.clock.advance(KEPT_FOR)
    assert b"Newcomer" in bench.get("/").body


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_a_flood_of_questions_is_refused_for_a_while(bench, path):
    statuses = [bench.get(path, f"page={n}").status for n in range(1, MOST_MADE + 6)]
    assert statuses == [200] * MOST_MADE + [503] * 5
    bench.clock.advance(BUSY_FOR)
    assert bench.get(path, "page=99").status == 200


def test_a_page_that_fails_is_an_answer_and_one_line(bench, caplog, monkeypatch):
    monkeypatch.setitem(bench.state, "beats", None)
    for _ in range(3):
        answer = bench.get("/healthz")
        assert (answer.status, "Traceback" in answer.text) == (500, False)
    assert len([line for line in caplog.messages if "Page d'état:" in line]) == 1


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "fr"),
        ("en", "en"),
        ("en-GB,fr;q=0.9", "en"),
        ("de, en;q=0.3, fr;q=0.5", "fr"),
        ("en;q=0", "fr"),
        ("en;q=7;;,=;", "fr"),
        ("*", "fr"),
    ],
)
def test_the_language_is_the_browser_s(accepted, language):
    assert language_of(accepted, "fr") == language


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_query_and_header_mean_something(query, accepted):
    wish = wish_of(query, accepted, "fr")
    assert wish.language in {"fr", "en"}
    assert wish.sort in SORTS
    assert wish.page >= 1


def test_a_sort_can_be_asked_for_and_turned_round():
    assert (wish_of("sort=-snr&page=3", "", "fr").sort, wish_of("sort=-snr", "", "fr").is_reversed) == ("snr", True)
    assert wish_of("sort=-evil", "", "fr").sort == "heard"


def test_every_link_on_the_page_is_answered(bench):
    bench.hear_town(120)
    links = re.findall(r'(?:href|src)="([^"]+)"', bench.get("/").text)
    assert len(links) > 8
    for link in links:
        bench.clock.advance(BUSY_FOR)
        path, _, query = link.partition("#")[0].partition("?")
        assert link == "data:," or bench.get(f"/{path}", query.replace("&amp;", "&")).status == 200, link
