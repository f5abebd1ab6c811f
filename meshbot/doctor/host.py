"""The machine that the bot runs on: program, unit, files, disk, clock."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from meshbot.commands import mark as _
from meshbot.doctor.findings import Result, bad, good, unknown
from meshbot.storage import FILE_NAME, FileError, FileProblem, inspect_file

OLDEST_PYTHON: Final = (3, 11)
# Bytes of a database that is read through in time: 100 MB take a Pi 4 some 2 s
LARGEST_READ: Final = 100_000_000
# A clock that a Pi without network has not set yet: before this program was written
PLAUSIBLE: Final = 1_767_225_600  # 2026-01-01
# Written by systemd-timesyncd once the clock has been set from the network
SYNCHRONIZED: Final = "run/systemd/timesync/synchronized"
SECRETS: Final = "etc/meshbot/meshbot.env"
EXPORT: Final = re.compile(r"^\s*export\s+(\w+)", re.MULTILINE)
SECTOR: Final = 512  # bytes, of /sys/block/*/stat
WRITTEN_SECTORS: Final = 6  # the field's place there, see the kernel's Documentation/block/stat
# GB a day that wear a card of 32 GB out in a few years
MUCH_WRITTEN: Final = 5.0


def program(version: str, pins: Mapping[str, str]) -> Iterator[Result]:
    """Judge Python, the word size, and whether the libraries are the ones that this version was tested with."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    bits = 64 if sys.maxsize > 2**32 else 32
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield bad(_("Python {python} is too old"), _("Install Python 3.11 or newer."), python=python)
    else:
        yield good(_("MeshBot {version}, Python {python}, {bits} bits"), version=version, python=python, bits=bits)
    if other := _other_versions(pins):
        text = _("libraries are not those that this version was tested with: {names}")
        yield bad(text, _("sudo meshbot service update, or make setup in a clone."), names=", ".join(other))


def pinned(requirements: str) -> dict[str, str]:
    """Return the version of each library that a list pins for any Python."""
    return dict(re.findall(r"^([\w.-]+)==([\w.!+-]+)\s*(?:#.*)?$", requirements, re.MULTILINE))


def _other_versions(pins: Mapping[str, str]) -> list[str]:
    found = []
    for name, version in pins.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "–"
        if installed != version:
            found.append(f"{name} {installed} ≠ {version}")
    return found


def secrets_file(root: Path) -> Result:
    """Judge the file with the service's secrets."""
    path = root / SECRETS
    try:
        text, mode = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mode
    except PermissionError:
        return unknown(_("{path} is root's, as it should be"), path=path)
    except OSError:
        return unknown(_("there is no {path}"), path=path)
    if names := EXPORT.findall(text):
        cure = _("Take « export » away from its lines: systemd refuses them, and prints them with the secret.")
        return bad(_("{path}: {names} begin with « export »"), cure, path=path, names=", ".join(names))
    if mode & 0o077:
        return bad(_("{path} can be read by others"), _("sudo chmod 600 {path}"), path=path)
    return good(_("{path} is its owner's alone"), path=path)


def unit(differences: list[str] | None, path: Path | None) -> Result:
    """Judge the installed unit: `differences` from this version's, None if there is no unit."""
    if differences is None:
        return unknown(_("no service is installed here"))
    if differences:
        text = _("{path} is not this version's: {names}")
        return bad(text, _("sudo meshbot service update"), path=path, names=", ".join(differences))
    return good(_("{path} is this version's"), path=path)


def data_folder(folder: Path) -> Result:
    """Judge the data folder for whoever asks."""
    try:
        folder.stat()
        is_usable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except PermissionError:
        is_usable = False
    except FileNotFoundError:
        return _absent(folder)
    except OSError as exc:
        return bad(_("{folder}: {reason}"), _("Look at the disk: dmesg"), folder=folder, reason=exc.strerror or exc)
    if not is_usable:
        text = _("{folder} is another user's: nothing can be said of what is in it")
        return unknown(text, _("sudo meshbot doctor"), folder=folder)
    return good(_("{folder} can be read and written"), folder=folder)


def _absent(folder: Path) -> Result:
    """Judge a data folder that is not there: the bot makes it, if it may."""
    above = next(each for each in folder.absolute().parents if each.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return unknown(_("{folder} does not exist yet: the bot makes it when it starts"), folder=folder)
    text = _("{folder} does not exist, and {above} is not for you to write")
    return bad(text, _("Set data_dir, or as the service's: sudo meshbot doctor"), folder=folder, above=above)


def database(folder: Path) -> Result:
    """Read the database's file through, unless that would take long."""
    path = folder / FILE_NAME
    try:
        size = path.stat().st_size
        if size > LARGEST_READ:
            text = _("{path} has {size:.0f} MB: reading all of it takes a while")
            return unknown(text, _("meshbot db check"), path=path, size=size / 1e6)
        report = inspect_file(path)
    except FileError as exc:
        if exc.problem is FileProblem.REFUSED:
            return unknown(_("{path} is another user's"), _("sudo meshbot doctor"), path=path)
        return bad(_("{path}: {reason}"), _("meshbot db check says more"), path=path, reason=exc)
    except PermissionError:
        return unknown(_("{path} is another user's"), _("sudo meshbot doctor"), path=path)
    except OSError:
        return unknown(_("there is no {path} yet"), path=path)
    if report.faults:
        cure = _("Stop the bot, then: meshbot db restore, with one of its daily copies.")
        return bad(_("{path} is damaged: {faults}"), cure, path=path, faults="; ".join(report.faults))
    return good(_("{path} is sound, {size:.1f} MB"), path=path, size=report.size / 1e6)


def disk(folder: Path, least: float, root: Path = Path("/")) -> Iterator[Result]:
    """Judge the room on the disk that holds the data, and how much is written to the machine's cards."""
    try:
        usage = shutil.disk_usage(folder if folder.exists() else Path("/"))
    except OSError as exc:
        yield unknown(_("the disk's room is not known: {reason}"), reason=exc.strerror or exc)
        return
    share = usage.free / (usage.used + usage.free) if usage.used + usage.free else 0.0
    values = {"free": usage.free / 1e9, "percent": share * 100}
    text = _("{free:.1f} GB free, {percent:.0f} %")
    yield good(text, **values) if share > least else bad(text, _("Free some: sudo apt clean, old logs."), **values)
    yield from _wear(root)


def _wear(root: Path) -> Iterator[Result]:
    try:
        uptime = float((root / "proc/uptime").read_text(encoding="ascii").split()[0])
        cards = sorted((root / "sys/block").glob("mmcblk[0-9]"))
        for card in cards:
            sectors = int((card / "stat").read_text(encoding="ascii").split()[WRITTEN_SECTORS])
            gigabytes, days = sectors * SECTOR / 1e9, max(uptime / 86400, 1 / 24)
            text = _("{card}: {written:.2f} GB written in {days:.1f} days{life}")
            values = {"card": card.name, "written": gigabytes, "days": days, "life": _life(card)}
            worn = gigabytes / days > MUCH_WRITTEN
            cure = _("That wears the card out: find who writes (iotop -ao), or use a disk.")
            yield bad(text, cure, **values) if worn else good(text, **values)
    # no such kernel files here
    except (OSError, ValueError, LookupError):
        return


def _life(card: Path) -> str:
    """Return how much of its life an eMMC says to have used; an SD card says nothing."""
    try:
        worst = max(int(each, 16) for each in (card / "device/life_time").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return ""
    return f", {worst * 10} %" if worst else ""


def clock(now: float, root: Path = Path("/")) -> Result:
    """Judge this machine's clock, `now` in Unix seconds."""
    if now < PLAUSIBLE:
        cure = _("Let it reach a time server: timedatectl set-ntp true")
        return bad(_("this machine's clock is in the past"), cure)
    if (root / SYNCHRONIZED).exists():
        return good(_("set from the network"))
    return unknown(_("plausible; whether it was set from the network is not known (timedatectl)"))


def settings(problems: list[str], files: list[str], others: list[str]) -> Iterator[Result]:
    """Judge the settings: what is wrong, and whether the running bot has others."""
    for problem in problems:
        yield bad("{problem}", _("Correct it, then: meshbot check"), problem=problem)
    if not problems:
        origin = ", ".join(files)
        yield good(_("taken from {origin}"), origin=origin) if origin else unknown(_("defaults alone"))
    for line in others:
        text = _("the running bot has another one: {line}")
        yield bad(text, _("Restart it, or give these settings to the service: /etc/meshbot/meshbot.toml"), line=line)
