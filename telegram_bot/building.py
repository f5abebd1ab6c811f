"""The Telegram side as the settings want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commands.access import Judge
from commands.jobs import CommandLimits, Workshop
from commands.language import mark as _
from commands.language import translator
from commands.rate_limit import RateLimiter
from commands.registry import Command, Registry, Way
from commands.roles import Role
from config import Settings
from mesh_link.outgoing import OutgoingText
from mesh_memory.memory import MeshMemory
from pictures.draw import Painter
from runtime.clock import Clock
from telegram_bot.alerts import Alerts
from telegram_bot.api import Api
from telegram_bot.asking import Asked
from telegram_bot.bot import OnHandled, TelegramBot
from telegram_bot.bridge import Bridge, BridgeRule
from telegram_bot.crossing import Crossing
from telegram_bot.desk import DeskParts
from telegram_bot.illustrations import Illustrator
from telegram_bot.menu import menus
from telegram_bot.outgoing import Posts
from telegram_bot.own_commands import Airway, own_commands
from telegram_bot.people import People, person_of
from telegram_bot.pictures import Pictures
from telegram_bot.posts import Chat


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


def telegram_side(settings: Settings, around: Surroundings) -> TelegramBot:
    """Return the service; it does nothing until it is started."""
    base_url, token = settings.telegram_base_url, settings.telegram_token.get_secret_value()

    def make_api() -> Api:
        return Api(token, base_url, trust_environment=settings.web_trust_environment)

    return TelegramBot(
        around.clock,
        make_api,
        lambda bot: desk_parts(settings, around, bot),
        around.on_handled,
        waits_for_handled=around.keeps_handled,
    )


def desk_parts(settings: Settings, around: Surroundings, bot: TelegramBot) -> DeskParts:
    """Return what the desk works with."""
    tr = translator(settings.language)
    rules = [bridge_rule_of(line) for line in settings.telegram_bridges]
    people = People(
        [person_of(line) for line in settings.telegram_users],
        [*settings.telegram_groups, *(rule.chat.id for rule in rules)],
    )
    airway = Airway(
        around.memory,
        around.send_text,
        around.clock.monotonic,
        settings.bridge_ttl,
        settings.telegram_max_bytes,
    )
    painter = Painter(settings.data_dir / "matplotlib")
    pictures = Pictures(around.memory, around.clock, around.own_num, painter)
    registry = Registry((*around.commands, *own_commands(airway))).on(Way.TELEGRAM)
    other = "en" if settings.language == "fr" else "fr"
    workshop: Workshop[Asked] = Workshop("Telegram-Commands", around.clock, around.limits, tr, bot.tell)
    return DeskParts(
        clock=around.clock,
        registry=registry,
        people=people,
        judge=Judge(RateLimiter(settings.rate_limit_commands, settings.rate_limit_seconds)),
        posts=Posts(lambda count: tr(_("⏳ Lost while Telegram could not be reached: {count}")).format(count=count)),
        workshop=workshop,
        translate=tr,
        max_age=settings.telegram_command_max_age,
        crossing=Crossing(
            around.clock,
            Bridge(rules, settings.telegram_max_bytes, tr),
            Alerts(alert_chats(settings, people), tr),
            tr,
            around.memory,
            around.own_num,
            around.send_text,
            settings.bridge_ttl,
        ),
        answer_press=bot.answer_press,
        illustrator=Illustrator(pictures, bot.tell),
        menus=tuple(menus(registry, people, people.groups, {"": tr, other: translator(other)})),
    )


def alert_chats(settings: Settings, people: People) -> list[Chat]:
    """Return who is told of incidents: the chats of the settings, else each admin."""
    admins = [person.id for person in people if person.role is Role.ADMIN]
    return [Chat(ident) for ident in dict.fromkeys(settings.telegram_alert_chats or admins)]


def bridge_rule_of(line: str) -> BridgeRule:
    """Return the rule of a setting such as `1 -100123/5`, as config.py checked it."""
    channel, chat = line.split()
    ident, _slash, topic = chat.partition("/")
    return BridgeRule(int(channel), Chat(int(ident), int(topic) if topic else None))
