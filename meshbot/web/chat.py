"""A language model behind an OpenAI-compatible server (llama.cpp, Ollama): takes a conversation, returns its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, SecretStr, ValidationError

from meshbot.web.errors import Fault, WebError
from meshbot.web.http_client import HttpClient, HttpRequest, Limits

# Seconds; an answer that comes sooner needs no notice, which costs a packet
NOTICE_AFTER = 5.0
CONNECT_TIMEOUT = 5.0  # seconds
# Bytes; a reasoning model writes much more than its answer
SIZE = 500_000
# A model's reasoning: closed, never closed because the length ran out, or opened by the server's template
REASONING: Final = re.compile(r"(?is)<(think|thinking)>.*?(?:</\1>|\Z)|\A(?:(?!<think).)*</(?:think|thinking)>")


@dataclass(frozen=True, slots=True)
class ChatServer:
    """Address and parameters of the model."""

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
    """A client of the server; safe to use from any thread. Raises WebError."""

    def __init__(self, http: HttpClient, server: ChatServer, notice_after: float = NOTICE_AFTER) -> None:
        """`notice_after`: seconds until `on_wait` is called."""
        self._http = http
        self._server = server
        self._notice_after = notice_after
        # no byte comes until the model has written the whole answer
        self._limits = Limits(connect=CONNECT_TIMEOUT, read=server.timeout, total=server.timeout, size=SIZE)

    def ask(self, conversation: Sequence[Message], on_wait: Callable[[], None]) -> str:
        """Return the model's next message, never empty; call `on_wait` once after `notice_after` seconds."""
        call = self._http.start(self._request(conversation), self._limits)
        if not call.done_within(self._notice_after):
            on_wait()
        return parse_answer(call.result())

    def _request(self, conversation: Sequence[Message]) -> HttpRequest:
        server = self._server
        messages = [{"role": message.role, "content": message.text} for message in conversation]
        if server.system_prompt:
            messages.insert(0, {"role": "system", "content": server.system_prompt})
        body = {"messages": messages, "max_tokens": server.max_tokens, "stream": False}
        if server.model:
            body["model"] = server.model
        key = server.api_key.get_secret_value()
        return HttpRequest(
            f"{server.url}/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"} if key else None
        )


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: list[_Choice]


def parse_answer(body: bytes) -> str:
    """Return the first choice's text without the model's reasoning; WebError if there is none."""
    try:
        choices = _Completion.model_validate_json(body).choices
    except ValidationError as error:
        raise WebError(Fault.INVALID, error.errors(include_url=False, include_input=False)[0]["type"]) from None
    text = without_reasoning(choices[0].message.content or "") if choices else ""
    if not text:
        raise WebError(Fault.INVALID, "réponse vide")
    return text


def without_reasoning(text: str) -> str:
    """Return the text without <think> parts, empty lines and surrounding space."""
    return "\n".join(line.strip() for line in REASONING.sub("", text).splitlines() if line.strip())
