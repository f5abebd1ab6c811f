"""What the node itself tells, judged: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from meshbot.commands import mark as _
from meshbot.doctor.findings import Result, Step, bad, good, unknown

Figures = Mapping[str, Any]  # of our node, as the control socket's `status` has them
SUPPORTED_SINCE: Final = (2, 5, 0)  # direct messages by public key
PROBED_SINCE: Final = "2.7.6"
SIGNED_SINCE: Final = (2, 8, 0)
# Reconnections in an hour that a healthy link does not have
MANY_RECONNECTIONS: Final = 6
# Seconds between the clocks of node and machine
CLOCKS_APART: Final = 120.0
BUSY_CHANNEL: Final = 25.0  # percent; above, the firmware holds back what can wait
NEAR_LIMIT: Final = 0.8  # of the duty cycle


def steps(node: Figures, now: float) -> list[Step]:
    """Return the steps about our node; `now` in Unix seconds."""
    return [
        (_("firmware"), lambda: firmware(node)),
        (_("radio"), lambda: radio(node)),
        (_("key"), lambda: key(node)),
        (_("administration"), lambda: administration(node)),
        (_("node's clock"), lambda: clock(node, now)),
    ]


def firmware(node: Figures) -> Iterator[Result]:
    """Tell what follows from the version."""
    version = str(node["firmware"])
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    if not numbers:
        yield unknown(_("the node does not tell its version"))
        return
    if numbers < SUPPORTED_SINCE:
        text = _("{version} has no direct messages by public key")
        yield bad(text, _("Update it: flasher.meshtastic.org"), version=version)
        return
    yield good(_("{version} on {model}"), version=version, model=node["hw_model"] or "?")
    if not node["answers_probes"]:
        text = _("it answers no heartbeat: a silent link is noticed late, and idle it closes after 15 minutes")
        yield unknown(text, _("Update it to {since} or newer."), since=PROBED_SINCE)
    if node["needs_keys"]:
        yield good(_("it refuses direct messages to nodes whose key it lacks; the bot gives it the keys that it knows"))
    else:
        text = _("where it lacks a key, it sends a direct message readable for all on the channel")
        yield unknown(text, _("Update it to 2.7.19 or newer."))
    if numbers >= SIGNED_SINCE:
        policy = node["signature_policy"]
        text = _("2.8: it signs on channels ({policy}), has a number made of its key, and thins its nodes out")
        yield good(text, policy=policy)


def radio(node: Figures) -> Iterator[Result]:
    """Judge region, duty cycle and how busy the channel is."""
    region, limit, sent, busy = (node[name] for name in ("region", "duty_cycle", "air_tx", "channel_utilization"))
    if region == "UNSET":
        yield bad(_("no region is set: the node sends nothing"), _("Set it in the app: Radio configuration, LoRa."))
        return
    channels = ", ".join(f"{each['index']} {each['name']}" for each in node["channels"])
    yield good(
        _("{region}, duty cycle {limit:g} %; channels: {channels}"), region=region, limit=limit, channels=channels
    )
    if sent is not None and sent > limit * NEAR_LIMIT:
        text = _("in the last hour the node sent {sent:g} %")
        yield bad(text, _("Lower air_time_limit, or its position and telemetry intervals."), sent=sent)
    if busy is not None and busy > BUSY_CHANNEL:
        text = _("channel utilisation {busy:g} %: only what is urgent goes")
        yield unknown(text, _("A faster modem preset, or fewer telemetry packets in the mesh."), busy=busy)


def key(node: Figures) -> Result:
    """Judge our node's key pair."""
    if not node["public_key"]:
        cure = _("Update the firmware, or in the app: Security, regenerate the keys.")
        return bad(_("the node has no key: no direct message can be encrypted for it"), cure)
    return good(_("{name} {id}: {fingerprint}"), name=node["name"], id=node["id"], fingerprint=node["fingerprint"])


def administration(node: Figures) -> Result:
    """Judge whether the node takes what the bot has to tell it."""
    if node["is_locked"]:
        return bad(_("the node is in lockdown: it delivers and sends nothing"), _("Unlock it in the app."))
    if node["is_managed"]:
        text = _("the node is managed (is_managed): it takes no keys, no time and no reboot from the bot")
        return bad(text, _("Switch it off in the app that manages it: Security."))
    return good(_("the node takes keys and the time from the bot"))


def clock(node: Figures, now: float) -> Result:
    """Compare the clocks, as far as the node's shows: in when it last heard a packet."""
    noted = node["clock"]
    if noted is None:
        return unknown(_("the node has no time, or has heard nobody; the bot gives it this machine's"))
    if noted > now + CLOCKS_APART:
        text = _("the node is {seconds:.0f} s ahead of this machine")
        cure = _("Look at this machine's clock: timedatectl; the bot sets the node's at each connection.")
        return bad(text, cure, seconds=noted - now)
    return good(_("it last heard a packet {minutes:.0f} min ago by its clock"), minutes=max(0.0, now - noted) / 60)


def link(figures: Mapping[str, Any]) -> Iterator[Result]:
    """Judge the running bot's link."""
    reconnections = figures["reconnections_hour"]
    if figures["state"] == "ready":
        yield good(_("up for {seconds:.0f} s"), seconds=figures["ready_for"] or 0.0)
    elif figures["state"] == "locked":
        yield bad(_("the node is in lockdown: it delivers and sends nothing"), _("Unlock it in the app."))
    else:
        text = _("down for {seconds:.0f} s")
        cure = _("The steps on name, route and TCP say why; meshbot log shows its attempts.")
        yield bad(text, cure, seconds=figures["down_for"] or 0.0)
    if figures["round_trip"] is not None:
        yield good(_("a heartbeat was answered in {ms:.0f} ms"), ms=figures["round_trip"] * 1000)
    if reconnections >= MANY_RECONNECTIONS:
        text = _("{count} reconnections in an hour: another client takes the node, or its WiFi is weak")
        yield bad(text, _("Close phone apps and other bots on this node."), count=reconnections)
