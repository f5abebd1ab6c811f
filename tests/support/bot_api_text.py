"""Texts as Telegram takes them: lengths in UTF-16 units, entities, the HTML it knows."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}
KNOWN_REFERENCES = {"lt", "gt", "amp", "quot"}
TOKEN = re.compile(r"<(/?)([a-zA-Z][\w-]*)?([^<>]*)(>?)|&(#\d+|#x[0-9a-fA-F]+|[a-z]+);|[^<&]+|.", re.DOTALL)
COMMAND = re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")


class MarkupError(ValueError):
    """The text's markup does not parse; the message is what Telegram says."""


@dataclass
class _Open:
    tag: str
    start: int  # UTF-16 units
    attributes: str


def units(text: str) -> int:
    """Return the length in UTF-16 code units, in which Telegram counts offsets."""
    return len(text.encode("utf-16-le")) // 2


def commands_in(text: str) -> list[dict[str, Any]]:
    """Return the bot_command entities of a user's text."""
    return [
        {"type": "bot_command", "offset": units(text[: m.start()]), "length": units(m[0])}
        for m in COMMAND.finditer(text)
    ]


def plain(text: str, parse_mode: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text as shown and its entities."""
    if not parse_mode:
        return text, []
    if parse_mode.lower() != "html":
        raise MarkupError("unsupported parse_mode")
    return _Html(text).parsed()


class _Html:
    def __init__(self, text: str) -> None:
        self._source = text
        self._shown = ""
        self._open: list[_Open] = []
        self._entities: list[dict[str, Any]] = []

    def parsed(self) -> tuple[str, list[dict[str, Any]]]:
        for token in TOKEN.finditer(self._source):
            if token[0].startswith("<"):
                self._tag(token, len(self._source[: token.start()].encode()))
            elif token[5] and (token[5][0] == "#" or token[5] in KNOWN_REFERENCES):
                self._shown += html.unescape(token[0])
            else:
                self._shown += token[0]
        if self._open:
            raise MarkupError(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{self._open[-1].tag}\""
            )
        return self._shown, sorted(self._entities, key=lambda e: (e["offset"], -e["length"]))

    def _tag(self, token: re.Match[str], offset: int) -> None:
        closing, tag, attributes, closed = token[1], (token[2] or "").lower(), token[3], token[4]
        if closing:
            self._end(tag, offset)
            return
        if tag not in TAGS:
            raise MarkupError(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {offset}')
        if not closed:
            raise MarkupError(f"can't parse entities: Unclosed start tag at byte offset {offset}")
        self._open.append(_Open(tag, units(self._shown), attributes))

    def _end(self, tag: str, offset: int) -> None:
        if not self._open:
            raise MarkupError(f"can't parse entities: Unexpected end tag at byte offset {offset}")
        opened = self._open.pop()
        if tag not in {"", opened.tag}:
            raise MarkupError(
                f"can't parse entities: Unmatched end tag at byte offset {offset}, "
                f'expected "</{opened.tag}>", found "</{tag}>"'
            )
        length = units(self._shown) - opened.start
        if length:
            self._entities.append({"type": TAGS[opened.tag], "offset": opened.start, "length": length} | _link(opened))


def _link(opened: _Open) -> dict[str, str]:
    if opened.tag != "a":
        return {}
    target = re.search(r"""href\s*=\s*["']?([^"' >]*)""", opened.attributes)
    return {"url": html.unescape(target[1])} if target else {}
