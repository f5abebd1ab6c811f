"""The Telegram side as the settings want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commands.access import Judge
from commands.jobs import CommandLimits, Workshop
from commands.language import mark as _
from commands.language import translator
from commands.rate_limit import RateLimiter
from commands.registry import Command, Registry
from commands.which_node import Directory
from config import Settings
from mesh_link.outgoing import OutgoingText
from runtime.clock import Clock
from telegram_bot.api import Api
from telegram_bot.asking import Asked
from telegram_bot.bot import TelegramBot
from telegram_bot.desk import DeskParts
from telegram_bot.outgoing import Posts
from telegram_bot.own_commands import Airway, own_commands
from telegram_bot.people import People, person_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the running bot lends to its Telegram side; nothing here waits, but for the directory."""

    clock: Clock
    commands: Sequence[Command]
    limits: CommandLimits
    directory: Directory
    name_of: Callable[[int], str]  # a node's; never waits
    send_text: Callable[[OutgoingText], object]
    on_handled: Callable[[Sequence[int]], object]  # has update ids written down
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
    bridged = [int(bridge.split()[1].partition("/")[0]) for bridge in settings.telegram_bridges]
    airway = Airway(
        around.directory,
        around.send_text,
        around.clock.monotonic,
        settings.bridge_ttl,
        settings.telegram_max_bytes,
    )
    workshop: Workshop[Asked] = Workshop("Telegram-Commands", around.clock, around.limits, tr, bot.tell)
    return DeskParts(
        clock=around.clock,
        registry=Registry((*around.commands, *own_commands(airway))),
        people=People(map(person_of, settings.telegram_users), [*settings.telegram_groups, *bridged]),
        judge=Judge(RateLimiter(settings.rate_limit_commands, settings.rate_limit_seconds)),
        posts=Posts(lambda count: tr(_("⏳ Lost while Telegram could not be reached: {count}")).format(count=count)),
        workshop=workshop,
        translate=tr,
        max_age=settings.telegram_command_max_age,
        send_text=around.send_text,
        answer_press=bot.answer_press,
        name_of=around.name_of,
    )
