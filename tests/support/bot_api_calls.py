"""A method's parameters as the Bot API reads them, and its refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn


class ApiError(Exception):
    """A refusal; `parameters` are ResponseParameters."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def content(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(what: str) -> NoReturn:
    """Refuse with 400."""
    raise ApiError(400, f"Bad Request: {what}")


def too_many(retry_after: int) -> ApiError:
    """Return the refusal of who sends too much."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


@dataclass(frozen=True)
class Call:
    """One call of a method."""

    method: str
    parameters: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """Return a string, empty if not given."""
        return self.parameters.get(name, "")

    def number(self, name: str) -> int | None:
        """Return a whole number, if given as one."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def flag(self, name: str) -> bool:
        """Return a Boolean."""
        return self.text(name).lower() in {"true", "1", "yes"}

    def json(self, name: str, what: str) -> Any:
        """Return what a parameter holds as JSON, None if not given; `what` names it in the refusal."""
        if not self.text(name):
            return None
        try:
            return json.loads(self.text(name))
        except ValueError:
            bad_request(f"can't parse {what} JSON object")
