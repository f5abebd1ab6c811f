"""Commands, and the thread that answers questions from the mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import config
from assembly.parts import Parts
from meshbot import version
from meshbot.commands import (
    Access,
    Command,
    CommandLimits,
    Dispatcher,
    MeshRoles,
    MeshRules,
    MessageFilter,
    RateLimiter,
    Registry,
    builtin,
    node_list,
    short_name_of,
    taught_by,
    translator,
)
from meshbot.mesh_memory import MeshMemory
from meshbot.runtime import Clock, read_host
from meshbot.web import ChatClient, ChatServer, HttpClient, MeteoServers, OpenMeteo

if TYPE_CHECKING:
    from meshbot.telegram_bot import TelegramService


def commands(parts: Parts, reconnect: Callable[[], None]) -> tuple[Command, ...]:
    """Return the commands that the settings ask for, in the order in which help lists them."""
    clock, memory, link = parts.clock, parts.memory, parts.link
    found = (
        builtin.HELP,
        builtin.ping_command(link.figures),
        *mesh_commands(memory, clock, parts.nodes.silent_number),
        builtin.trace_command(memory, parts.tracer, link.own_num),
        builtin.mail_command(memory.mailbox, memory, clock, link.own_num),
        *operator_commands(parts, reconnect),
        *online_commands(parts.settings, clock),
    )
    return found if parts.status is None else parts.status.metrics.timed(found)


def mesh_commands(
    memory: MeshMemory, clock: Clock, old_number: Callable[[int], int | None] = lambda _num: None
) -> tuple[Command, ...]:
    """Return the commands about what the bot remembers of the mesh; `old_number`: see NodeManager.silent_number."""
    return (
        builtin.nodes_command(memory, clock, old_number),
        builtin.info_command(memory, clock, old_number),
        builtin.my_command(memory, clock),
        builtin.stats_command(memory, clock),
        builtin.neighbors_command(memory),
        builtin.propag_command(memory),
    )


def operator_commands(parts: Parts, reconnect: Callable[[], None]) -> tuple[Command, ...]:
    """Return the commands about the bot itself, its link and its node."""
    settings, nodes, memory, sender = parts.settings, parts.nodes, parts.memory, parts.sender
    teach = taught_by(parts.custody.teach)
    return (
        builtin.status_command(
            parts.link,
            lambda: sender.waiting,
            nodes.counts,
            parts.own_node.former,
            parts.clock,
            radio=parts.custody,
            version=version.version_text(),
        ),
        builtin.keys_command(nodes, memory, parts.link.interface, parts.clock, tally=parts.custody.tally, teach=teach),
        builtin.echo_command(
            parts.clock,
            sender.tell,
            lambda: sender.holding,
            lambda num: short_name_of(memory, num),
            lambda: builtin.EchoOptions(parts.settings.echo_channel, sender.text_limit, parts.settings.answer_ttl),
        ),
        builtin.sys_command(lambda: read_host(settings.data_dir)),
        builtin.sync_command(nodes, parts.link.interface, parts.custody.tally),
        builtin.trust_command(builtin.Deciding(nodes, memory, parts.link.interface, teach)),
        builtin.reconnect_command(reconnect),
        builtin.reboot_command(parts.link.interface),
    )


def online_commands(settings: config.Settings, clock: Clock) -> tuple[Command, ...]:
    """Return /weather and /rain unless their service has no address, /bot if its server has one."""
    http, commands = HttpClient(clock, trust_environment=settings.web_trust_environment), list[Command]()
    if settings.weather_url and settings.geocoding_url:
        servers = MeteoServers(settings.weather_url, settings.geocoding_url, settings.language)
        client, place = OpenMeteo(http, clock, servers), settings.weather_place
        commands += [builtin.weather_command(client, place), builtin.rain_command(client, place)]
    if settings.bot_url:
        server = ChatServer(
            url=settings.bot_url,
            model=settings.bot_model,
            system_prompt=settings.bot_system_prompt,
            max_tokens=settings.bot_max_tokens,
            timeout=settings.bot_timeout,
            api_key=settings.bot_api_key,
        )
        bounds = settings.bot_max_bytes, settings.bot_timeout, settings.bot_hourly_limit
        commands.append(builtin.bot_command(ChatClient(http, server), clock, *bounds))
    return tuple(commands)


def limits(settings: config.Settings) -> CommandLimits:
    """Return the bounds of the commands' work."""
    workers, slow_workers = settings.command_workers, settings.command_slow_workers
    return CommandLimits(workers, slow_workers, settings.command_timeout, settings.answer_ttl)


def mesh_rules(settings: config.Settings) -> MeshRules:
    """Return who on the mesh is answered, where, and how much."""
    return MeshRules(
        MessageFilter(settings.answer_on_channels, settings.command_max_age, refuse_mqtt=settings.refuse_mqtt),
        MeshRoles(node_list(settings.admin_nodes), node_list(settings.known_nodes)),
        (settings.rate_limit_commands, settings.rate_limit_seconds),
        limits(settings),
    )


def dispatcher(parts: Parts, commands: Sequence[Command], telegram: TelegramService | None) -> Dispatcher:
    """Return the thread that answers texts from the mesh."""
    rules = mesh_rules(parts.settings)
    return Dispatcher(
        parts.clock,
        Registry(commands),
        rules.message_filter,
        Access(rules.roles, parts.nodes, RateLimiter(*rules.rate_limit), *parts.replay_guards),
        translator(parts.settings.language),
        rules.limits,
        parts.sender.tell,
        parts.sender.answer_at,
        None if telegram is None else telegram.is_awaited,
        parts.sender.text_limit,
    )
