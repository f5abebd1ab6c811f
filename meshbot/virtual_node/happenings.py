"""The faults that happen once, to the node itself or to a user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from meshbot.virtual_node.faults import Value
from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.population import User

Happening = Callable[[Firmware, Mapping[str, Value], float], object]
WRONG_KEY: Final = bytes(range(1, 33))


def happen(firmware: Firmware, name: str, values: Mapping[str, Value], now: float) -> None:
    """Let the fault of that name happen at `now`, with all its parameters. ValueError says what is wrong with them."""
    HAPPENINGS[name](firmware, values, now)


def _user_called(firmware: Firmware, values: Mapping[str, Value]) -> User:
    """Return the user with that short name, the first one for none."""
    wanted = str(values["user"])
    for user in firmware.users:
        if wanted in {"", user.short_name}:
            return user
    raise ValueError(f"nobody is called {wanted!r}: !nodes lists the users")


def _mistake_our_key(firmware: Firmware, values: Mapping[str, Value], _now: float) -> None:
    held = WRONG_KEY if values["held"] == "wrong" else b""
    firmware.mistake_our_key(_user_called(firmware, values).num, held)


def _reboot(firmware: Firmware, values: Mapping[str, Value], now: float) -> None:
    firmware.reboot(now, float(values["seconds"]), forget_recent=bool(values["forget_recent"]))


def _upgrade(firmware: Firmware, values: Mapping[str, Value], now: float) -> None:
    firmware.upgrade(str(values["version"]), float(values["seconds"]), now, float(values["silence"]))


def _step_clock(firmware: Firmware, values: Mapping[str, Value], _now: float) -> None:
    firmware.step_clock(-float(values["seconds"]) if values["backwards"] else float(values["seconds"]))


HAPPENINGS: Final[Mapping[str, Happening]] = {
    "reboot": _reboot,
    "forget_nodes": lambda firmware, _values, _now: firmware.forget_nodes(),
    "cut_names": lambda firmware, _values, _now: firmware.cut_names(),
    "renumber": lambda firmware, values, _now: firmware.renumber(int(values["number"])),
    "upgrade": _upgrade,
    "upgrade_user": lambda firmware, values, now: firmware.upgrade_user(_user_called(firmware, values).num, now),
    "change_key": lambda firmware, values, now: firmware.change_key(_user_called(firmware, values).num, now),
    "mistake_our_key": _mistake_our_key,
    "step_clock": _step_clock,
    "warn": lambda firmware, values, now: firmware.notify(str(values["text"]).replace("_", " "), now),
}
