"""A language model behind an OpenAI-compatible server (llama.cpp, Ollama): a conversation in, its next message out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, SecretStr, ValidationError

from meshbot.web.faults import Fault, WebError
from meshbot.web.http_client import Ask, Bounds, HttpClient

PATIENCE = 5.0  # seconds; an answer within them is worth no packet more
CONNECT_TIMEOUT = 5.0  # seconds
SIZE = 500_000  # bytes; a thinking model writes much more than it answers
# A model's thoughts: closed, never closed because the length ran out, or opened by the server's template
THOUGHTS: Final = re.compile(r"(?is)<(think|thinking)>.*?(?:</\1>|\Z)|\A(?:(?!<think).)*</(?:think|thinking)>")


@dataclass(frozen=True, slots=True)
class ChatServer:
    """Where the model is and how it is asked."""

    url: str  # up to the endpoint's name, as in http://127.0.0.1:8080/v1
    model: str  # may be empty: llama.cpp has only one
    system_prompt: str
    max_tokens: int
    timeout: float  # seconds for the whole answer
    api_key: SecretStr  # may be empty


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class ChatClient:
    """Asks the server; safe to use from any thread. WebError says what went wrong."""

    def __init__(self, http: HttpClient, server: ChatServer, patience: float = PATIENCE) -> None:
        """`patience`: seconds until the asker is told that it takes longer."""
        self._http = http
        self._server = server
        self._patience = patience
        # nothing is heard until the model has written the whole answer
        self._bounds = Bounds(connect=CONNECT_TIMEOUT, read=server.timeout, total=server.timeout, size=SIZE)

    def ask(self, conversation: Sequence[Message], on_wait: Callable[[], None]) -> str:
        """Return the model's next message, never empty; call `on_wait` once if it takes long."""
        call = self._http.start(self._question(conversation), self._bounds)
        if not call.done_within(self._patience):
            on_wait()
        return parse_answer(call.result())

    def _question(self, conversation: Sequence[Message]) -> Ask:
        server = self._server
        messages = [{"role": message.role, "content": message.text} for message in conversation]
        if server.system_prompt:
            messages.insert(0, {"role": "system", "content": server.system_prompt})
        body = {"messages": messages, "max_tokens": server.max_tokens, "stream": False}
        if server.model:
            body["model"] = server.model
        key = server.api_key.get_secret_value()
        return Ask(
            f"{server.url}/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"} if key else None
        )


class _Said(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Said


class _Completion(BaseModel):
    choices: list[_Choice]


def parse_answer(body: bytes) -> str:
    """Return the first choice's text without the model's thoughts; WebError if there is none."""
    try:
        choices = _Completion.model_validate_json(body).choices
    except ValidationError as error:
        raise WebError(Fault.ODD, error.errors(include_url=False, include_input=False)[0]["type"]) from None
    text = without_thoughts(choices[0].message.content or "") if choices else ""
    if not text:
        raise WebError(Fault.ODD, "réponse vide")
    return text


def without_thoughts(text: str) -> str:
    """Return what the model said to the asker: no <think> parts, no empty lines, no space around."""
    return "\n".join(line.strip() for line in THOUGHTS.sub("", text).splitlines() if line.strip())
