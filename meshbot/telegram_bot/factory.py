"""The Telegram side as the settings want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from meshbot.commands import (
    Command,
    CommandExecutor,
    CommandLimits,
    Judge,
    RateLimiter,
    Registry,
    Role,
    Way,
    translator,
)
from meshbot.commands import mark as _
from meshbot.mesh_memory import MeshMemory
from meshbot.pictures import PictureRenderer
from meshbot.runtime import Clock
from meshbot.sending import OutgoingText
from meshbot.telegram_bot.alerts import Alerts
from meshbot.telegram_bot.api import Api
from meshbot.telegram_bot.bridge import Bridge, BridgeRule
from meshbot.telegram_bot.crossing import Crossing
from meshbot.telegram_bot.handler import HandlerParts
from meshbot.telegram_bot.illustrations import Illustrator
from meshbot.telegram_bot.menu import menus
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.own_commands import Airway, own_commands
from meshbot.telegram_bot.pictures import Pictures
from meshbot.telegram_bot.queue import PostQueue
from meshbot.telegram_bot.request import ChatQuestion
from meshbot.telegram_bot.service import OnHandled, TelegramService
from meshbot.telegram_bot.users import AllowedUsers, person_of


@dataclass(frozen=True, slots=True)
class TelegramOptions:
    """What the settings say of the Telegram side; config.py says what each is for."""

    token: SecretStr
    base_url: str
    trust_environment: bool
    language: str
    users: Sequence[str]  # as `ID role [!node]`
    groups: Sequence[int]
    bridges: Sequence[str]  # as `CHANNEL CHAT[/TOPIC]`
    alert_chats: Sequence[int]
    command_max_age: float  # seconds
    max_bytes: int
    bridge_ttl: float  # seconds
    rate_limit_commands: int
    rate_limit_seconds: float
    data_dir: Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the running bot lends to its Telegram side; nothing here waits but the memory."""

    clock: Clock
    commands: Sequence[Command]
    limits: CommandLimits
    memory: MeshMemory
    own_num: Callable[[], int]
    send_text: Callable[[OutgoingText], object]
    on_handled: OnHandled  # has it written down
    keeps_handled: bool  # and those of earlier processes are told by HandledBefore


def telegram_side(options: TelegramOptions, around: Surroundings) -> TelegramService:
    """Return the service; it does nothing until it is started."""
    base_url, token = options.base_url, options.token.get_secret_value()

    def make_api() -> Api:
        return Api(token, base_url, trust_environment=options.trust_environment)

    return TelegramService(
        around.clock,
        make_api,
        lambda bot: handler_parts(options, around, bot),
        around.on_handled,
        waits_for_handled=around.keeps_handled,
    )


def handler_parts(options: TelegramOptions, around: Surroundings, bot: TelegramService) -> HandlerParts:
    """Return what the desk works with."""
    tr = translator(options.language)
    rules = [bridge_rule_of(line) for line in options.bridges]
    people = AllowedUsers(
        [person_of(line) for line in options.users],
        [*options.groups, *(rule.chat.id for rule in rules)],
    )
    airway = Airway(
        around.memory,
        around.send_text,
        around.clock.monotonic,
        options.bridge_ttl,
        options.max_bytes,
    )
    painter = PictureRenderer(options.data_dir / "matplotlib")
    pictures = Pictures(around.memory, around.clock, around.own_num, painter)
    registry = Registry((*around.commands, *own_commands(airway))).on(Way.TELEGRAM)
    other = "en" if options.language == "fr" else "fr"
    workshop: CommandExecutor[ChatQuestion] = CommandExecutor(
        "Telegram-Commands", around.clock, around.limits, tr, bot.tell
    )
    return HandlerParts(
        clock=around.clock,
        registry=registry,
        people=people,
        judge=Judge(RateLimiter(options.rate_limit_commands, options.rate_limit_seconds)),
        posts=PostQueue(
            lambda count: tr(_("⏳ Lost while Telegram could not be reached: {count}")).format(count=count)
        ),
        workshop=workshop,
        translate=tr,
        max_age=options.command_max_age,
        crossing=Crossing(
            around.clock,
            Bridge(rules, options.max_bytes, tr),
            Alerts(alert_chats(options, people), tr),
            tr,
            around.memory,
            around.own_num,
            around.send_text,
            options.bridge_ttl,
        ),
        answer_press=bot.answer_press,
        illustrator=Illustrator(pictures, bot.tell),
        menus=tuple(menus(registry, people, people.groups, {"": tr, other: translator(other)})),
    )


def alert_chats(options: TelegramOptions, people: AllowedUsers) -> list[Chat]:
    """Return who is told of incidents: the chats of the settings, else each admin."""
    admins = [person.id for person in people if person.role is Role.ADMIN]
    return [Chat(ident) for ident in dict.fromkeys(options.alert_chats or admins)]


def bridge_rule_of(line: str) -> BridgeRule:
    """Return the rule of a setting such as `1 -100123/5`, as config.py checked it."""
    channel, chat = line.split()
    ident, _slash, topic = chat.partition("/")
    return BridgeRule(int(channel), Chat(int(ident), int(topic) if topic else None))
