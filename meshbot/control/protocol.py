"""The control socket's language: a JSON object a line, from the client a request, from the bot its answer; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.runtime import MeshBotError

# Bytes of a request with its line's end: a text for the mesh has a few hundred
LONGEST_LINE: Final = 8192
LANGUAGES: Final = ("fr", "en")


class Verb(StrEnum):
    """What can be asked of the bot."""

    COMMAND = "command"  # one of the registry's, as an operator asks it: {"text": "/nodes 2"}
    STATUS = "status"
    SAY = "say"  # a text on air: {"to": "Kim", "text": "hello", "wait": true}
    RECONNECT = "reconnect"
    SYNC = "sync"
    RELOAD = "reload"
    LOG = "log"  # every line from now on, until the client leaves


class Error(StrEnum):
    """Why a request was refused or failed; scripts may rely on the values."""

    BAD_REQUEST = "bad_request"
    TOO_LONG = "too_long"
    TOO_MANY_CLIENTS = "too_many_clients"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_COMMAND = "unknown_command"
    BUSY = "busy"
    NO_RECIPIENT = "no_recipient"
    NO_LINK = "no_link"
    NOT_AVAILABLE = "not_available"
    FAILED = "failed"


class RefusedError(MeshBotError):
    """A request that is not taken; `text` is marked, with its values."""

    def __init__(self, error: Error, text: str, **values: object) -> None:
        super().__init__(text.format(**values) if values else text)
        self.error = error
        self.text = text
        self.values = values


@dataclass(frozen=True, slots=True)
class Query:
    """One request."""

    verb: Verb
    text: str = ""
    to: str = ""  # of SAY: a node's name or id, a channel's number or `#name`
    wait: bool = True  # of SAY: for the delivery's end
    language: str = ""  # of the answer; empty: the bot's


FIELDS: Final[Mapping[str, type]] = {"verb": str, "text": str, "to": str, "wait": bool, "language": str}
NEEDED: Final[Mapping[Verb, tuple[str, ...]]] = {Verb.COMMAND: ("text",), Verb.SAY: ("to", "text")}


def parse(line: bytes) -> Query:
    """Return the request of a line; RefusedError says what is wrong with any other."""
    try:
        found = json.loads(line)
    # a number of thousands of digits, brackets in brackets in brackets
    except (ValueError, RecursionError):
        raise RefusedError(Error.BAD_REQUEST, _("A request is one JSON object a line.")) from None
    if not isinstance(found, dict):
        raise RefusedError(Error.BAD_REQUEST, _("A request is one JSON object a line."))
    for name, value in found.items():
        kind = FIELDS.get(name)
        if kind is None:
            raise RefusedError(Error.BAD_REQUEST, _("There is no field {name}."), name=json.dumps(name)[:40])
        if not isinstance(value, kind):
            raise RefusedError(Error.BAD_REQUEST, _("The field {name} is of another kind."), name=name)
    try:
        verb = Verb(found.get("verb", ""))
    except ValueError:
        verbs = ", ".join(Verb)
        raise RefusedError(Error.BAD_REQUEST, _("The verb is one of {verbs}."), verbs=verbs) from None
    for name in NEEDED.get(verb, ()):
        if not found.get(name, "").strip():
            raise RefusedError(Error.BAD_REQUEST, _("{verb} needs the field {name}."), verb=verb.value, name=name)
    language = found.get("language", "")
    known = language if language in LANGUAGES else ""
    return Query(verb, found.get("text", ""), found.get("to", ""), found.get("wait", True), known)


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a request's or an answer's line."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"


def refusal(refused: RefusedError, tr: Translate) -> dict[str, Any]:
    """Return the answer that says why."""
    return {"ok": False, "error": refused.error.value, "text": tr(refused.text).format(**refused.values)}


class Lines:
    """Bytes as they come, cut into lines; no more is kept than one line may have, and what is behind it."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._bytes = bytearray()

    def __len__(self) -> int:
        """Return how many bytes wait."""
        return len(self._bytes)

    def add(self, data: bytes) -> None:
        """Take what came."""
        self._bytes += data

    def end(self) -> None:
        """Take the end: what stands there without a line's end is a line too."""
        if self._bytes and not self._bytes.endswith(b"\n"):
            self._bytes += b"\n"

    def next(self) -> bytes | None:
        """Return the next line that is not blank, None if there is none; RefusedError for one that is too long."""
        while True:
            end = self._bytes.find(b"\n", 0, self._longest)
            if end < 0 and len(self._bytes) >= self._longest:
                self._bytes.clear()
                raise RefusedError(Error.TOO_LONG, _("A request has at most {count} bytes."), count=self._longest)
            if end < 0:
                return None
            line = bytes(self._bytes[:end]).strip()
            del self._bytes[: end + 1]
            if line:
                return line
