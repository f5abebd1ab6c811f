"""`meshbot check --service`: the settings as the service would read them, with its user, environment and secrets."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from meshbot.installation.language import VARIABLES
from meshbot.installation.language import mark as _
from meshbot.installation.layout import UNIT, Layout
from meshbot.installation.plan import NOT_ROOT, SECRETS
from meshbot.installation.runner import exported

SUMMARY: Final = _("as the service reads them: with its user, environment, files and secrets; needs sudo")
NO_SERVICE: Final = _("There is no service meshbot here: sudo make install")
# What decides what the service can read. Not its RuntimeDirectory: it would be removed under the running bot
TAKEN: Final = frozenset(
    {
        "DynamicUser",
        "User",
        "Group",
        "SupplementaryGroups",
        "WorkingDirectory",
        "StateDirectory",
        "StateDirectoryMode",
        "Environment",
        "EnvironmentFile",
        "UnsetEnvironment",
        "LoadCredential",
        "LoadCredentialEncrypted",
        "SetCredential",
        "SetCredentialEncrypted",
        "ProtectSystem",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "ReadOnlyPaths",
        "ReadWritePaths",
        "InaccessiblePaths",
        "BindPaths",
        "BindReadOnlyPaths",
        "UMask",
    }
)
# Seconds; a Pi Zero needs a while to load Python
LONGEST: Final = 120.0


def check_service(_options: argparse.Namespace, tr: Callable[[str], str]) -> int:
    """Run the check by systemd; return its exit code."""

    def fail(text: str, **values: object) -> int:
        print(f"❌ {tr(text).format(**values)}", file=sys.stderr)
        return 1

    if os.geteuid():
        return fail(NOT_ROOT, command=shlex.join(sys.argv))
    unit = _unit()
    command = check_command(unit, os.environ)
    if not command or shutil.which(command[0]) is None:
        return fail(NO_SERVICE)
    names = exported(_text(Layout().settings / SECRETS))
    if names:
        text = tr(_("⚠️ `export` before {names} in meshbot.env: systemd ignores such a line and prints it"))
        print(text.format(names=", ".join(names)), file=sys.stderr)
    return subprocess.run(command, timeout=LONGEST, check=False).returncode  # noqa: S603 - as the unit says


def check_command(unit: str, environ: Mapping[str, str]) -> list[str]:
    """Return the command for a unit with its drop-ins, as `systemctl cat` prints them; nothing without a program."""
    settings = _settings(unit)
    programs = [value for name, value in settings if name == "ExecStart" and value]
    if not programs:
        return []
    taken = [(name, value) for name, value in settings if name in TAKEN]
    # a dynamic user has its unit's name; another one would take the data folder from the running bot
    if "User" not in {name for name, _value in taken}:
        taken.append(("User", UNIT.removesuffix(".service")))
    properties = [argument for name, value in taken for argument in ("-p", f"{name}={value}")]
    language = [f"--setenv={name}={environ[name]}" for name in VARIABLES if name in environ]
    run = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"]
    return [*run, *language, *properties, "--", *shlex.split(programs[-1].lstrip("-@:+!")), "check"]


def _settings(unit: str) -> list[tuple[str, str]]:
    """Return the settings of a unit's section Service, in order."""
    found, section = [], ""
    for line in unit.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[Service]" and text and text[0] not in "#;":
            name, _equals, value = text.partition("=")
            found.append((name.strip(), value.strip()))
    return found


def _unit() -> str:
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return ""
    command = [systemctl, "cat", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)  # noqa: S603 - systemd's own
    return done.stdout


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
