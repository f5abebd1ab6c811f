"""Rows of dataclasses, inserted or updated in whichever way the database at hand spells it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, case

# Rows made and handed over at a time: thousands of them at once, as of all nodes' states, tear holes into the heap
# which Python does not give back
AT_ONCE: Final = 200

T = TypeVar("T")
Row = Mapping[str, Any]
# (column as stored, column as offered) to what is stored then
Merge = Callable[[Any, Any], ColumnElement[Any]]


def upsert(
    connection: Connection,
    table: Table,
    rows: Iterable[Row],
    merge: Mapping[str, Merge] | None = None,
    keep: Collection[str] = (),
) -> None:
    """Insert rows that name every column; where the key is there, replace its columns, `merge` or `keep` them."""
    # each dialect that knows ON CONFLICT has its own `insert` in its package
    statement = import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
    merge = merge or {}
    sets = {
        column.name: _merged(column, statement.excluded[column.name], merge)
        for column in table.c
        if not column.primary_key and column.name not in keep
    }
    merging = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=sets)
    for chunk in in_chunks(rows):
        connection.execute(merging, chunk)


def in_chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    """Yield them in lists of AT_ONCE."""
    waiting = iter(rows)
    while chunk := list(islice(waiting, AT_ONCE)):
        yield chunk


def as_row(record: Any) -> dict[str, Any]:
    """Return a dataclass's values by name; without asdict's deep copies, which took a third of a batch's time."""
    names = _names(type(record))  # type: ignore[arg-type] # mypy takes the instances' __hash__ for the class's
    return {name: getattr(record, name) for name in names}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def add(stored: Any, offered: Any) -> ColumnElement[Any]:
    """Merge by addition."""
    total: ColumnElement[Any] = stored + offered
    return total


def least(stored: Any, offered: Any) -> ColumnElement[Any]:
    """Merge by the smaller one that is there."""
    return case((stored.is_(None), offered), (offered < stored, offered), else_=stored)


def greatest(stored: Any, offered: Any) -> ColumnElement[Any]:
    """Merge by the greater one that is there."""
    return case((stored.is_(None), offered), (offered > stored, offered), else_=stored)


def _merged(column: Column[Any], offered: Any, merge: Mapping[str, Merge]) -> Any:
    return merge[column.name](column, offered) if column.name in merge else offered
