"""The link: where the node is, and who takes what comes from it."""

from __future__ import annotations

import random
from collections.abc import Callable

import config
from assembly.parts import Parts
from meshbot import mesh_link
from meshbot.commands import Dispatcher
from meshbot.nodes import LookAtKeys
from meshbot.persistence import Housekeeping
from meshbot.runtime import Service
from tcp_interface_manager import LinkTakers


def packet_takers(
    parts: Parts, housekeeping: Housekeeping, dispatcher: Dispatcher, telegram: Service | None
) -> mesh_link.PacketTakers:
    """Return who takes which packets."""
    counted = () if parts.status is None else (parts.status.metrics.packet,)
    return mesh_link.PacketTakers(
        records=(housekeeping.offer, parts.custody.packet_heard, *counted),
        channel_load=(parts.sender.tell,),
        node_infos=(housekeeping.offer, parts.custody.offer),
        routing_answers=(parts.sender.tell, parts.tracer.routing_answer, parts.custody.answer_heard),
        traceroutes=(parts.tracer.traceroute_reply,),
        # who proves a key by a message has its role for that message
        texts=(parts.nodes.hear_text, dispatcher.offer, parts.custody.text_heard),
        channel_texts=() if telegram is None else (telegram.offer,),
        direct_texts=() if telegram is None else (telegram.offer,),
    )


def link_takers(
    parts: Parts,
    housekeeping: Housekeeping,
    start_sync: Callable[[mesh_link.LinkReady], object],
    pubkey_sync: mesh_link.PubkeySync,
    telegram: Service | None,
) -> LinkTakers:
    """Return who takes what happens to the link; `start_sync` has the public keys synced."""
    return LinkTakers(
        node_database=housekeeping.tell,
        change=parts.sender.tell,
        ready=start_sync,
        lost=(pubkey_sync.cancel, parts.custody.link_lost),
        fetched=lambda: housekeeping.tell(LookAtKeys()),
        own_node=housekeeping.tell,
        queue_status=(parts.sender.tell, parts.tracer.queue_status),
        client_warning=(parts.tracer.client_warning,),
        channels=() if telegram is None else (telegram.tell,),
    )


def target(settings: config.Settings) -> mesh_link.LinkTarget:
    """Return where the node is, and the socket's bounds."""
    return mesh_link.LinkTarget(
        settings.tcp_host,
        settings.tcp_port,
        connect_timeout=settings.tcp_connect_timeout,
        send_timeout=settings.tcp_send_timeout,
        user_timeout=settings.tcp_user_timeout,
    )


def machine(settings: config.Settings) -> mesh_link.LinkMachine:
    """Return a stopped link machine."""
    times = mesh_link.LinkTimes(
        connect_timeout=settings.tcp_connect_timeout,
        config_timeout=settings.tcp_config_timeout,
        config_silence=settings.tcp_config_silence,
        close_timeout=settings.tcp_close_timeout,
        probe_after=settings.tcp_probe_after,
        probe_timeout=settings.tcp_probe_timeout,
        probe_misses=settings.tcp_probe_misses,
        silent_timeout=settings.tcp_silent_timeout,
        alert_after=settings.tcp_alert_after,
        stable_after=settings.tcp_stable_after,
    )
    backoff = mesh_link.Backoff(settings.tcp_interface_cleanup_delay, lambda: random.uniform(-1, 1))  # noqa: S311 - jitter
    return mesh_link.LinkMachine(times, backoff)
