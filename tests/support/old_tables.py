"""Rows in the tables of any revision, for the change to the next ones to meet some."""

from sqlalchemy import LargeBinary, MetaData, Text, insert

# What a constraint asks for, by the column's name
ALLOWED = {"status": "trusted", "source": "nodedb"}
KEY = bytes(range(32))


def fill(connection):
    """Put one row into each empty table; return how many rows each table has."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name != "alembic_version" and connection.execute(table.select()).first() is None:
            connection.execute(insert(table).values({column.name: _value(column) for column in table.columns}))
    return counted(connection)


def counted(connection):
    found = MetaData()
    found.reflect(connection)
    return {table.name: len(connection.execute(table.select()).all()) for table in found.sorted_tables}


def _value(column):
    if isinstance(column.type, LargeBinary):
        return KEY
    if isinstance(column.type, Text) or column.type.python_type is str:
        return ALLOWED.get(column.name, "x")
    return column.type.python_type(1)
