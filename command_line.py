"""What the command line needs of the program, beside the running bot itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import assembly
import config
from meshbot.cli import Program
from meshbot.runtime import SystemClock
from meshbot.storage import FILE_NAME, StorageError
from node_manager import NodeManager


def program(
    run: Callable[[config.Settings, Callable[[], config.Settings]], int], version: str
) -> Program[config.Settings]:
    """Return it; `run` runs the bot with these settings, and what reads them again; it returns the exit code."""
    return Program(
        version=version,
        load=lambda path, language: config.load(path, language=language),
        effective=config.effective,
        run=run,
        demo=_demo,
        open_nodes=open_nodes,
        target=assembly.target,
        clock=SystemClock(),
    )


@contextmanager
def open_nodes(settings: config.Settings, *, is_new: bool = False) -> Iterator[NodeManager]:
    """Give the nodes and keys of the database; raise StorageError if it cannot be used.

    `is_new`: there may be no database yet; else that means another folder, or another user's.
    """
    path = settings.data_dir / FILE_NAME
    try:
        is_missing = not is_new and not settings.database_url.get_secret_value() and not path.exists()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    if is_missing:
        raise StorageError(f"{path} n'existe pas: data_dir est-il celui du bot?")
    database, nodes = assembly.open_storage(settings, SystemClock())
    if database is None:
        raise StorageError("la base de données n'est pas utilisable")
    try:
        if not nodes.flush():
            raise StorageError(f"{database.backend.where} n'est pas lisible")
        yield nodes
        if not nodes.flush(last=True):
            raise StorageError(f"{database.backend.where} ne prend rien")
    finally:
        database.close()


def _demo() -> int:
    from meshbot.demo import main  # noqa: PLC0415 - the daemon never needs it

    return main()
