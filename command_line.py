"""What the command line needs of the program, beside the running bot itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import assembly
import config
from meshbot.cli import CommandError, Program
from meshbot.commands import mark as _
from meshbot.control import candidates
from meshbot.installation import core_requirements, installed_unit
from meshbot.runtime import SystemClock
from meshbot.settings import sources
from meshbot.storage import FILE_NAME
from meshbot.version import version_text
from node_manager import NodeManager

if TYPE_CHECKING:
    from meshbot.doctor import Patient

# Of a bridge's line: the group's id
GROUP: Final = re.compile(r"-\d+")


def program(
    run: Callable[[config.Settings, Callable[[], config.Settings]], int], version: str
) -> Program[config.Settings]:
    """Return it; `run` runs the bot with these settings, and what reads them again; it returns the exit code."""
    return Program(
        version=version,
        load=lambda path, language: config.load(path, language=language),
        defaults=config.Settings,
        effective=config.effective,
        load_service=lambda language: service_settings(language) if os.geteuid() == 0 else None,
        run=run,
        demo=_demo,
        open_nodes=open_nodes,
        target=assembly.target,
        patient=_patient,
        clock=SystemClock(),
    )


@contextmanager
def open_nodes(settings: config.Settings, *, is_new: bool = False) -> Iterator[NodeManager]:
    """Give the nodes and keys of the database; raise CommandError or StorageError if it cannot be used.

    `is_new`: there may be no database yet; else that means another folder, or another user's.
    """
    path = settings.data_dir / FILE_NAME
    try:
        is_missing = not is_new and not settings.database_url.get_secret_value() and not path.exists()
    except OSError as error:
        raise CommandError(
            _("{path} is closed to you ({reason}): sudo meshbot"), path=path, reason=error.strerror
        ) from error
    if is_missing:
        raise CommandError(_("{path} does not exist: is data_dir the bot's? The service's: sudo meshbot …"), path=path)
    database, nodes = assembly.open_storage(settings, SystemClock())
    if database is None:
        raise CommandError(_("The database cannot be used: the line above says why."))
    try:
        if not nodes.flush():
            raise CommandError(_("The database cannot be read: the line above says why."))
        yield nodes
        if not nodes.flush(last=True):
            raise CommandError(_("The database takes nothing: the line above says why."))
    finally:
        database.close()


def service_settings(
    language: str | None, root: Path = Path("/"), environ: Mapping[str, str] = os.environ
) -> config.Settings | None:
    """Return the settings of the installed service, with this environment's above them; None without a service.

    Raises ConfigError. What only root may read is left out for others.
    """
    from meshbot.doctor import environment, settings_file  # noqa: PLC0415 - the daemon never needs it

    if installed_unit(root) is None:
        return None
    typed = {name: value for name, value in environ.items() if name.startswith(sources.ENV_PREFIX)}
    return config.load(settings_file(root), environment(root) | typed, language=language)


def _patient(settings: config.Settings, as_service: bool) -> Patient:  # noqa: FBT001 - as the callback is called
    """Return what the doctor is to examine; raise ConfigError for bad settings of the service."""
    from meshbot.doctor import Patient, pinned  # noqa: PLC0415 - the daemon never needs it

    unit = installed_unit()
    if as_service and unit is not None:
        settings = service_settings(None, environ={}) or settings
    token = settings.telegram_token.get_secret_value()
    bridged = [found[0] for line in settings.telegram_bridges if (found := GROUP.search(line))]
    return Patient(
        version=version_text(),
        pins=pinned(core_requirements()),
        unit=unit,
        target=assembly.target(settings),
        data_dir=settings.data_dir,
        has_file=not settings.database_url.get_secret_value(),
        disk_least=settings.disk_alert_percent / 100,
        origins=tuple(sorted(set(settings.origins.values()))),
        sockets=tuple(candidates(settings.data_dir, os.environ)),
        telegram=(settings.telegram_base_url, token, settings.web_trust_environment) if token else None,
        groups=settings.telegram_groups,
        bridged=tuple(map(int, bridged)),
    )


def _demo() -> int:
    from meshbot.demo import main  # noqa: PLC0415 - the daemon never needs it

    return main()
