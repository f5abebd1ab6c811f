"""The nightly backup, by the running bot, of the configuration that its link brought."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from meshbot.mesh_link import MeshTCPInterface, OwnSettings, settings_of
from meshbot.nodes import fingerprint_of
from meshbot.radio_backup.backup import Backup, BackupError, open_backup, same_settings, seal_backup
from meshbot.runtime import Clock, night_of, write_private

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
FOLDER: Final = "radio_backups"
SUFFIX: Final = ".radio.json"
# Of each identity: a node that was reset, and is another one, pushes no backup of the former out
KEPT: Final = 7


class NightlyBackup:
    """Called now and then by the thread that may wait for the disk; writes one file a night, and only what is new."""

    def __init__(
        self, data_dir: Path, passphrase: SecretStr, clock: Clock, interface_of: Callable[[], MeshTCPInterface | None]
    ) -> None:
        """Without a passphrase it does nothing."""
        self._folder = data_dir / FOLDER
        self._passphrase = passphrase.get_secret_value()
        self._clock = clock
        self._interface_of = interface_of
        self._done: date | None = None

    def look(self) -> None:
        """Make the backup if it is due and the link is there; raises nothing."""
        night = night_of(self._clock.now().astimezone())
        interface = self._interface_of() if self._passphrase and night != self._done else None
        if interface is None:
            return
        settings = settings_of(interface)
        if settings is None or not settings.is_whole:
            # a node that was reset, or does not show all to its client
            LOGGER.warning("⚠️ Pas de sauvegarde de la radio cette nuit: sans région, sans clés, ou verrouillée")
            self._done = night
            return
        try:
            self._save(settings)
        except OSError as exc:
            error_print("❌ Sauvegarde de la radio non écrite (%s): vérifiez %s", exc.strerror or exc, self._folder)
            return
        self._done = night

    def _save(self, settings: OwnSettings) -> None:
        saved_at = int(self._clock.now().timestamp())
        name = name_of(settings, fingerprint_of(settings.public_key), saved_at)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = names_in(self._folder)
        earlier = of_same_identity(name, names)
        if earlier and self._is_same(self._folder / earlier[-1], settings):
            LOGGER.debug("Configuration de la radio inchangée depuis %s", earlier[-1])
            return
        write_private(self._folder / name, seal_backup(Backup(settings, saved_at), self._passphrase))
        for old in to_remove(name, names):
            (self._folder / old).unlink(missing_ok=True)
        LOGGER.info("💾 Radio sauvegardée: %s", name)

    def _is_same(self, path: Path, settings: OwnSettings) -> bool:
        """Return whether the last backup has this configuration; one that cannot be opened has not."""
        try:
            return same_settings(open_backup(path.read_bytes(), self._passphrase).settings, settings)
        except BackupError:
            return False


def name_of(settings: OwnSettings, fingerprint: str, saved_at: int) -> str:
    """Return a file's name, as in `20001eef-5972-20261128T030000Z.radio.json`."""
    stamp = f"{datetime.fromtimestamp(saved_at, UTC):%Y%m%dT%H%M%SZ}"
    return f"{settings.num:08x}-{fingerprint[:4]}-{stamp}{SUFFIX}"


def of_same_identity(name: str, names: Iterable[str]) -> list[str]:
    """Return the backups of the same number and key, the oldest first; before them those that are later than `name`.

    Those were made while the clock was wrong, and must push no good one out.
    """
    identity = name[: name.rindex("-") + 1]
    found = [each for each in names if each.startswith(identity) and each.endswith(SUFFIX)]
    return sorted(found, key=lambda each: (each <= name, each))


def to_remove(name: str, names: Iterable[str]) -> list[str]:
    """Return the names of the backups that are no longer kept once `name` is there."""
    return of_same_identity(name, {*names, name})[:-KEPT]


def names_in(folder: Path) -> list[str]:
    """Return the names of all backups; none if there is no folder. Raises OSError."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
