"""`meshbot setup`: asks for what nearly every installation needs, and writes the settings; never over existing ones."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from meshbot.cli.discovery import FoundNode, NoSearchError, find_nodes
from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.installation import LANGUAGES, Layout, example_text, language_of
from meshbot.runtime import write_private
from meshbot.settings import Host, Kind, Nodes, Token, toml
from meshbot.text import one_line

SUMMARY: Final = _("asks for the first settings and writes them")
FAILED: Final = 1
INTERRUPTED: Final = 130
PORT: Final = 4403
SETTINGS: Final = "meshbot.toml"
BY_HAND: Final = ".venv/bin/python main_bot.py"
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files go: those of the service, or of a bot that is started by hand in this folder."""

    folder: Path
    is_service: bool
    start: str = BY_HAND  # what starts the bot with these files

    @property
    def settings(self) -> Path:
        """The settings."""
        return self.folder / SETTINGS

    @property
    def token(self) -> Path | None:
        """The token's own file; None: it stands among the settings, which are then their owner's alone."""
        return self.folder / "credentials" / "telegram_token" if self.is_service else None


class Questions:
    """Asks until an answer is allowed."""

    def __init__(
        self, ask: Ask, ask_secretly: Ask, say: Callable[[str], object], tr: Translate, language: str = "en"
    ) -> None:
        """`language` is `tr`'s."""
        self._ask, self._ask_secretly, self.say, self.tr, self._language = ask, ask_secretly, say, tr, language

    def answer(self, text: str, kind: Any, default: str = "", *, secret: bool = False) -> Any:
        """Return the answer to a translated question as a setting of that kind; nothing typed means the default."""
        shown = f"{text} [{default}] " if default else f"{text} "
        while True:
            typed = (self._ask_secretly if secret else self._ask)(shown).strip() or default
            try:
                return TypeAdapter(kind).validate_python(typed)
            except ValidationError:
                self.refuse(next((getattr(m, self._language) for m in _metadata(kind) if isinstance(m, Kind)), ""))

    def refuse(self, allowed: str) -> None:
        """Say what an answer may be; empty: the question has told it."""
        text = self.tr(_("❌ That cannot be. Allowed: {allowed}")).format(allowed=allowed)
        self.say(text if allowed else self.tr(_("❌ That cannot be; once more.")))


def _metadata(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__metadata__", ())


def run_setup(_options: argparse.Namespace, tr: Translate) -> int:
    """Ask and write; return the exit code."""
    of_service = Layout().settings
    is_service = os.geteuid() == 0 and of_service.is_dir()
    by_hand = "meshbot run" if Path(sys.argv[0]).name == "meshbot" else BY_HAND
    start = "sudo systemctl restart meshbot" if is_service else by_hand
    places = Places(of_service if is_service else Path.cwd(), is_service, start)
    secretly = getpass.getpass if sys.stdin.isatty() else input
    language = language_of(os.environ)
    questions = Questions(input, secretly, lambda text: print(text, flush=True), tr, language or "en")
    try:
        return set_up(places, questions, find_nodes, language or "fr")
    except (EOFError, KeyboardInterrupt):
        print("\n" + tr(_("Nothing was written.")), file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        print(f"❌ {error}", file=sys.stderr)
        return FAILED


def set_up(places: Places, questions: Questions, find: Callable[[], Sequence[FoundNode]], language: str) -> int:
    """Ask all, then write all; raise OSError where a file cannot be written."""
    tr, say = questions.tr, questions.say
    existing = [path for path in (places.settings, places.token) if path is not None and _is_taken(path)]
    if existing:
        text = tr(_("❌ {path} is there and stays as it is. Edit it, or move it away and try again."))
        say(text.format(path=existing[0]))
        return FAILED
    host, port = _choose_node(questions, find)
    kind = re.compile("|".join(LANGUAGES))
    spoken = ""
    while not kind.fullmatch(spoken):
        spoken = questions.answer(tr(_("Language of the answers, fr or en?")), str, language)
    admins = questions.answer(tr(_("Your own node, as !a1b2c3d4, to be its operator; nothing for none:")), Nodes)
    token = questions.answer(tr(_("Token of your Telegram bot from @BotFather; nothing for none:")), Token, secret=True)
    values = {"tcp_host": host, "tcp_port": port, "language": spoken, "admin_nodes": admins}
    _write(places, values, token.get_secret_value())
    say(tr(_("✅ Written: {path}")).format(path=places.settings))
    say(tr(_("👉 To start it: {command}")).format(command=places.start))
    return 0


def _choose_node(questions: Questions, find: Callable[[], Sequence[FoundNode]]) -> tuple[str, int]:
    tr, say = questions.tr, questions.say
    say(tr(_("🔎 Looking for nodes in this network…")))
    try:
        found = find()
    except NoSearchError as error:
        say(tr(_("ℹ️ They cannot be looked for here ({reason}).")).format(reason=error))
        found = ()
    for number, node in enumerate(found, 1):
        say(f"  {number}  {node.address}  {one_line(node.name)} {one_line(node.ident)}".rstrip())
    if not found:
        say(tr(_("ℹ️ None found: the node shows its address on its screen, under WiFi.")))
    default = "1" if found else "meshtastic.local"
    text = tr(_("Number in this list, or the node's name or address:")) if found else tr(_("The node's address:"))
    # a number is one of the list: as a name or an address it would lead nowhere
    while (typed := questions.answer(text, Host, default)).isdecimal():
        if 1 <= int(typed) <= len(found):
            node = found[int(typed) - 1]
            return node.address, node.port or PORT
        questions.refuse("")
    return typed, PORT


def _is_taken(path: Path) -> bool:
    """Return whether a file has something of the operator's; the installer's example has nothing."""
    return path.exists() and path.read_text(encoding="utf-8", errors="replace") != example_text()


def _write(places: Places, values: Mapping[str, Any], token: str) -> None:
    text = example_text()
    lines = {name: f"{name} = {toml(value)}" for name, value in values.items()}
    if token and places.token is None:
        lines["telegram_token"] = f'telegram_token = "{token}"'
    for name, line in lines.items():
        text, count = re.subn(rf"(?m)^#?{name} = .*$", line.replace("\\", r"\\"), text)
        if count != 1:
            raise OSError(f"{name}: {count}")
    if token and places.token is not None:
        places.token.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(places.token, f"{token}\n".encode())
    write_private(places.settings, text.encode())
    if places.is_service:
        places.settings.chmod(0o644)
