"""What to do to install, update or remove; pure: what is there comes as Facts, what is to be done goes as steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshbot.installation.language import mark as _
from meshbot.installation.layout import CORE, EXAMPLE, PICTURES, SETUP, UNIT, Layout, Source
from meshbot.installation.steps import (
    CopyFiles,
    MakeFolder,
    Remove,
    RemoveEmpty,
    Replace,
    Run,
    Say,
    Step,
    WriteFile,
)
from meshbot.installation.unit import unit_for
from meshbot.runtime import MeshBotError
from meshbot.version import COMMIT_FILE

SETTINGS: Final = "meshbot.toml"
SECRETS: Final = "meshbot.env"
STAMP: Final = "meshbot-installed"
PYTHON: Final = "bin/python"
# What the service may not enter: ProtectHome
HOMES: Final = ("/home/", "/root/", "/run/user/")
LAUNCHER: Final = """\
#!/opt/meshbot/venv/bin/python
import sys

sys.path.insert(0, "/opt/meshbot/program")

from main_bot import main

sys.exit(main())
"""
SECRETS_TEXT: Final = """\
# Variables of the service, root's alone: one MESHBOT_NAME=value a line, without `export`, then
# `sudo systemctl restart meshbot`. All names are in meshbot.toml, which everybody may read.
# A secret is better kept in a file of /etc/meshbot/credentials with the setting's name, telegram_token, bot_api_key,
# database_url or radio_backup_passphrase: sudo tee /etc/meshbot/credentials/telegram_token
#MESHBOT_LOG_LEVEL=DEBUG
"""
NO_PYTHON: Final = _("The service may not use {python}, below {home}: sudo make install PYTHON=/usr/bin/python3")
NOT_ROOT: Final = _("Only root may do this: sudo {command}")
NOT_INSTALLED: Final = _("There is no service to update: sudo {command} installs it")
UNREADABLE: Final = _("The service could not read {settings}: sudo chmod 644 {settings} (secrets: meshbot.env)")
VENV_FAILED: Final = _("The environment cannot be made: sudo apt install python3-venv, then try again")
PIP_FAILED: Final = _("The libraries cannot be installed; nothing was changed. Check network and clock, try again")
CHECK_FAILED: Final = _("The new version does not take the settings; nothing was changed. Mend {settings}, try again")
COMPILE_FAILED: Final = _("The program was not compiled: each start takes some seconds longer")
SYSTEMD_FAILED: Final = _("systemd refuses; `systemctl status meshbot` says why")
START_FAILED: Final = _("The service did not start: journalctl -u meshbot -n 20 says why")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an installation depends on."""

    python: Path  # that makes the environment
    version: str  # of that Python, as 3.11
    command: str  # that was typed, for advice
    is_root: bool
    has_systemd: bool  # that it can talk to
    stamp: str = ""  # what the environment that is there was made of
    unit: str = ""  # the one that is there
    systemd: int = 0  # its version; 0: there is none
    exported: tuple[str, ...] = ()  # names in meshbot.env that stand after `export`
    has_settings: bool = False
    settings_are_readable: bool = True  # for the service's user, or for one whom the operator chose


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    pictures: bool | None = None  # None: as they are, with them where nothing is installed yet
    start: bool = True
    purge: bool = False


class RefusedError(MeshBotError):
    """Why nothing is done: a marked text with its values."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values))
        self.text = text
        self.values = values


def install(layout: Layout, source: Source, facts: Facts, options: Options, *, is_update: bool = False) -> list[Step]:
    """Return the steps to install, or to bring what is there up to date; raise RefusedError."""
    _refuse(layout, facts)
    if is_update and not facts.unit:
        raise RefusedError(NOT_INSTALLED, command=facts.command.replace("update", "install"))
    if not facts.settings_are_readable:
        raise RefusedError(UNREADABLE, settings=layout.settings / SETTINGS)
    stamp = stamp_of(source, facts, options)
    venv = layout.venv if facts.stamp == stamp else layout.new / "venv"
    steps: list[Step] = [MakeFolder(layout.home), Remove(layout.new), MakeFolder(layout.new)]
    steps += _new_program(layout, source)
    if venv != layout.venv:
        steps += _new_venv(venv, layout, facts, _lists(facts, options))
        steps.append(WriteFile(venv / STAMP, stamp))
    steps += _settings(layout, source, facts)
    settings = layout.settings / SETTINGS
    check = (venv / PYTHON, layout.new / "program" / "main_bot.py", "check", "--config", settings)
    # the last step that is expected to fail: until here the installed version is as it was
    steps.append(Run(check, CHECK_FAILED))
    if venv != layout.venv:
        steps.append(Replace(layout.venv, venv))
    steps += [Replace(layout.program, layout.new / "program"), Remove(layout.new)]
    # the service may not write there itself
    steps.append(Run((layout.venv / PYTHON, "-m", "compileall", "-q", layout.program), COMPILE_FAILED, may_fail=True))
    steps += _unit(layout, source, facts)
    steps.append(WriteFile(layout.launcher, LAUNCHER, 0o755))
    steps += [WriteFile(path, source.texts[name]) for name, path in layout.shared.items()]
    return [*steps, *_start(layout, facts, options)]


def remove(layout: Layout, facts: Facts, options: Options) -> list[Step]:
    """Return the steps to remove what `install` made; settings and data only with `purge`. Raise RefusedError."""
    _refuse(layout, facts, needs_python=False)
    steps: list[Step] = []
    if facts.has_systemd and facts.unit:
        steps.append(Run(("systemctl", "disable", "--now", UNIT), SYSTEMD_FAILED, may_fail=True))
    steps += [Remove(path) for path in (layout.unit, layout.former_unit, layout.launcher, *layout.shared.values())]
    steps += [Remove(path) for path in (layout.program, layout.venv, layout.new)]
    steps.append(RemoveEmpty(layout.home))
    if options.purge:
        steps += [Remove(path) for path in (layout.settings, layout.unit.with_name(f"{UNIT}.d"), *layout.state)]
    if facts.has_systemd:
        steps.append(Run(("systemctl", "daemon-reload"), SYSTEMD_FAILED, may_fail=True))
    if options.purge:
        return [*steps, Say(_("✅ MeshBot is removed, with its settings and data."))]
    kept = {"settings": layout.settings, "data": layout.state[0]}
    return [*steps, Say(_("✅ MeshBot is removed. {settings} and {data} stay; --purge removes them too."), kept)]


def stamp_of(source: Source, facts: Facts, options: Options) -> str:
    """Return what an environment is made of: with the same stamp it need not be made again."""
    lists = _lists(facts, options)
    return "\n".join([facts.version, " ".join(lists), *(source.texts[name] for name in lists)])


def _refuse(layout: Layout, facts: Facts, *, needs_python: bool = True) -> None:
    if layout.root != Path("/"):
        return
    if not facts.is_root:
        raise RefusedError(NOT_ROOT, command=facts.command)
    home = next((each for each in HOMES if str(facts.python).startswith(each)), "")
    if needs_python and home:
        raise RefusedError(NO_PYTHON, python=facts.python, home=home.rstrip("/"))


def _lists(facts: Facts, options: Options) -> tuple[str, ...]:
    installed = facts.stamp.splitlines()[1:2]
    has_pictures = not installed or PICTURES in installed[0].split()
    wants = has_pictures if options.pictures is None else options.pictures
    return (CORE, SETUP, PICTURES) if wants else (CORE, SETUP)


def _new_program(layout: Layout, source: Source) -> Iterator[Step]:
    program = layout.new / "program"
    yield CopyFiles(program, source.files)
    if source.commit:
        yield WriteFile(program / COMMIT_FILE, f"{source.commit}\n")


def _new_venv(venv: Path, layout: Layout, facts: Facts, lists: tuple[str, ...]) -> Iterator[Step]:
    yield Say(_("📦 Its Python environment: minutes on a Raspberry Pi…"))
    yield Run((facts.python, "-m", "venv", venv), VENV_FAILED)
    files = [argument for name in lists for argument in ("-r", layout.new / "program" / name)]
    yield Run((venv / PYTHON, "-m", "pip", "install", "--no-deps", *files), PIP_FAILED)


def _settings(layout: Layout, source: Source, facts: Facts) -> Iterator[Step]:
    yield MakeFolder(layout.settings)
    yield MakeFolder(layout.credentials, 0o700)
    yield WriteFile(layout.settings / SETTINGS, source.texts[EXAMPLE], keep=True)
    yield WriteFile(layout.settings / SECRETS, SECRETS_TEXT, 0o600, keep=True)
    if facts.exported:
        text = _("⚠️ {secrets}: `export` before {names}: systemd ignores such a line and prints it. Take the word out")
        yield Say(text, {"secrets": layout.settings / SECRETS, "names": ", ".join(facts.exported)})


def _unit(layout: Layout, source: Source, facts: Facts) -> Iterator[Step]:
    unit = unit_for(source.texts[UNIT], facts.systemd)
    if facts.unit and facts.unit != unit:
        yield WriteFile(layout.former_unit, facts.unit)
        text = _("⚠️ {unit} is replaced, the former one is {former}. Changes of your own: systemctl edit meshbot")
        yield Say(text, {"unit": layout.unit, "former": layout.former_unit})
    yield WriteFile(layout.unit, unit)


def _start(layout: Layout, facts: Facts, options: Options) -> Iterator[Step]:
    if facts.has_systemd:
        yield Run(("systemctl", "daemon-reload"), SYSTEMD_FAILED)
    if not (facts.has_systemd and options.start):
        yield Say(_("✅ Installed, not started: sudo systemctl enable --now meshbot"))
        return
    yield Run(("systemctl", "enable", UNIT), SYSTEMD_FAILED)
    yield Run(("systemctl", "restart", UNIT), START_FAILED)
    if not facts.has_settings:
        text = _("👉 Set tcp_host in {settings}, then: sudo systemctl restart meshbot")
        yield Say(text, {"settings": layout.settings / SETTINGS})
    yield Say(_("✅ MeshBot runs. To look: journalctl -u meshbot -f"))
