"""A model server's answers, as text or as an error."""

import json

import pytest

from meshbot.web.chat import parse_answer, without_reasoning
from meshbot.web.errors import Fault, WebError
from tests.support.meteo import completion


def answer(content):
    return parse_answer(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("  Lima.\n", "Lima."),
        ("<think>Peru... capital?\n</think>\n\nLima.", "Lima."),
        ("<THINKING>Peru</THINKING>Lima.", "Lima."),
        ("Peru... capital?</think>Lima.", "Lima."),  # the server's template opened the thoughts
        ("Lima <think>or Cusco?</think> it is.", "Lima  it is."),
        ("<think>a</think>Lima<think>b</think>.", "Lima."),
        ("One.\n\n\n  Two. \n", "One.\nTwo."),
        ("I <think so", "I <think so"),
        ("<think>cut by the length", ""),
    ],
)
def test_reasoning_and_empty_lines_are_left_out(text, answer):
    assert without_reasoning(text) == answer


def test_the_first_choice_is_the_answer():
    assert answer(completion("Lima.")) == "Lima."


@pytest.mark.parametrize(
    "content", [completion(""), completion(None), completion("<think>...</think>\n"), {"choices": []}]
)
def test_an_empty_answer_is_an_error(content):
    with pytest.raises(WebError, match="réponse vide") as caught:
        answer(content)
    assert caught.value.fault is Fault.INVALID


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"choices": {}}', b'{"choices": [{"text": "old"}]}', b"\xff"]
)
def test_what_is_no_completion_is_an_error(body):
    with pytest.raises(WebError) as caught:
        parse_answer(body)
    assert caught.value.fault is Fault.INVALID
