"""What the Telegram side is made from: the settings that concern it, and the parts of the bot that it uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from meshbot.commands import Command, CommandLimits
from meshbot.mesh_link import Channel
from meshbot.mesh_memory import MeshMemory
from meshbot.persistence import UpdatesHandled
from meshbot.runtime import Clock
from meshbot.sending import OutgoingText


@dataclass(frozen=True, slots=True)
class TelegramOptions:
    """The settings of the Telegram side; config.py documents each."""

    token: SecretStr
    base_url: str
    trust_environment: bool
    language: str
    users: Sequence[str]  # as `ID role [!node]`
    groups: Sequence[int]
    bridges: Sequence[str]  # as `CHANNEL CHAT[/TOPIC]`
    alert_chats: Sequence[int]
    command_max_age: float  # seconds
    max_bytes: int  # UTF-8 bytes of a text for the mesh, with its author's name
    bridge_ttl: float  # seconds that a text may wait for the radio
    rate_limit_commands: int
    rate_limit_seconds: float
    data_dir: Path
    answer_on_channels: Sequence[int]  # indexes
    echo_channel: int  # index
    answer_ttl: float  # seconds that an answer may wait for the radio


@dataclass(frozen=True, slots=True)
class TelegramDependencies:
    """The parts of the bot that the Telegram side uses; only `memory` may block."""

    clock: Clock
    commands: Sequence[Command]
    limits: CommandLimits
    memory: MeshMemory
    own_num: Callable[[], int]
    send_text: Callable[[OutgoingText], object]
    # Saves what was handled; the service is then sent HandledBefore. None: there is no database
    save_handled: Callable[[UpdatesHandled], object] | None
    # All numbers of the node that has this one, the present one first; it never waits
    numbers: Callable[[int], tuple[int, ...]] = lambda num: (num,)
    # The present numbers of the nodes whose trusted key is wanted; it never waits
    with_key: Callable[[Callable[[bytes], bool]], Sequence[int]] = lambda _is_wanted: ()
    # The channels that our node has enabled, None: not known yet
    channels: Callable[[], tuple[Channel, ...] | None] = lambda: None
    # A node's trusted key
    public_key: Callable[[int], bytes | None] = lambda _num: None
