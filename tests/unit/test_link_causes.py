"""Why the link was lost: the same cause where it is found, in the log, and in the alerts of both languages."""

import errno
import os
import re
import socket

import pytest

from meshbot.mesh_link.failures import LOG_WORDS, LinkFailure, failure_of
from meshbot.runtime.incidents import LinkCause, LinkLost
from tests.support.alert_reader import AlertReader

IN_WORDS = [cause for cause in LinkCause if cause is not LinkCause.OTHER]
# What the specification's operators and our own documents look for in the log
LOGGED = {
    LinkCause.NO_ANSWER: "pas de réponse",
    LinkCause.CLOSED: "fermé par le nœud",
    LinkCause.SILENCE: "silence",
    LinkCause.NO_CONFIGURATION: "configuration incomplète",
    LinkCause.NO_OWN_NODE: "configuration sans notre propre nœud",
    LinkCause.RESTARTS: "le nœud redémarre sans cesse",
    LinkCause.SEND_BLOCKED: "envoi bloqué",
    LinkCause.REQUESTED: "reconnexion demandée",
    LinkCause.OTHER: "session terminée",
}
# What a chat in English gets
SENTENCES = {
    LinkCause.NAME_UNKNOWN: "Its name is not found in the network.",
    LinkCause.NO_ANSWER: "It does not answer. Has it power and WiFi?",
    LinkCause.NO_ROUTE: "No way leads to it. Has it power and WiFi?",
    LinkCause.REFUSED: "It refuses the connection: it is starting, or its TCP server is off.",
    LinkCause.CLOSED: "It has closed the connection.",
    LinkCause.SILENCE: "It says nothing any more.",
    LinkCause.NO_CONFIGURATION: "It answers, but does not deliver its configuration.",
    LinkCause.NO_OWN_NODE: "Its configuration lacks the node itself.",
    LinkCause.RESTARTS: "It restarts again and again.",
    LinkCause.SEND_BLOCKED: "It takes no more data.",
    LinkCause.STUCK_SESSIONS: "Earlier attempts hang, so no further one is started.",
    LinkCause.REQUESTED: "An operator asked for a new connection.",
    LinkCause.OTHER: "« session terminée »",
}


def alert(failure, language):
    """The alert that a failure leads to."""
    reader = AlertReader(language=language)
    reader.report(LinkLost("node:4403", 60.0, 5, failure.cause, str(failure)))
    return reader.texts()[0]


@pytest.mark.parametrize(("cause", "words"), LOGGED.items())
def test_the_log_keeps_its_text_for_a_cause(cause, words):
    assert str(LinkFailure(cause)) == words


def test_each_cause_has_its_own_text_in_the_log():
    assert set(LOG_WORDS) == set(LinkCause)
    assert len(set(LOG_WORDS.values())) == len(LinkCause)


@pytest.mark.parametrize("cause", IN_WORDS)
def test_each_cause_has_its_sentence_in_the_alerts_of_both_languages(cause):
    texts = {language: alert(LinkFailure(cause), language) for language in ("en", "fr")}
    others = {language: alert(LinkFailure(), language) for language in ("en", "fr")}
    assert all("«" not in text for text in texts.values())
    sentences = {language: set(texts[language].split()) - set(others[language].split()) for language in texts}
    assert all(sentences.values())
    assert sentences["en"] != sentences["fr"]


@pytest.mark.parametrize("cause", LinkCause)
def test_each_cause_has_its_own_sentence_in_an_alert(cause):
    around = re.fullmatch(r".*5 attempts\. (.*)\nI keep trying\.(.*)", alert(LinkFailure(cause), "en"), re.DOTALL)
    assert around[1] + around[2] == SENTENCES[cause]


@pytest.mark.parametrize(("language", "words"), [("en", "« what »"), ("fr", "« what »")])
def test_an_unknown_cause_is_quoted_as_the_log_has_it(language, words):
    assert words in alert(LinkFailure(detail="what"), language)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ECONNREFUSED, LinkCause.REFUSED),
        (errno.ETIMEDOUT, LinkCause.NO_ANSWER),
        (errno.EHOSTDOWN, LinkCause.NO_ANSWER),
        (errno.EHOSTUNREACH, LinkCause.NO_ROUTE),
        (errno.ENETUNREACH, LinkCause.NO_ROUTE),
        (errno.ENETDOWN, LinkCause.NO_ROUTE),
        (errno.ECONNRESET, LinkCause.CLOSED),
        (errno.EPIPE, LinkCause.CLOSED),
        (errno.ECONNABORTED, LinkCause.CLOSED),
        (errno.EIO, LinkCause.OTHER),
    ],
)
def test_an_error_of_the_system_has_its_cause_and_keeps_its_text(number, cause):
    error = OSError(number, os.strerror(number))
    assert failure_of(error) == LinkFailure(cause, f"[Errno {number}] {os.strerror(number)}")
    assert str(failure_of(error, "envoi")) == f"envoi: {error}"


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA])
def test_a_name_that_is_not_found_has_its_cause(number):
    assert failure_of(socket.gaierror(number, "no such name")).cause is LinkCause.NAME_UNKNOWN


def test_an_error_without_a_number_is_quoted():
    assert failure_of(TimeoutError("too late")) == LinkFailure(LinkCause.OTHER, "too late")
