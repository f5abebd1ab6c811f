"""Alembic runs this module; it has no other use."""

from __future__ import annotations

from alembic import context

from meshbot.storage.schema import METADATA

# Only the program upgrades, in its own transaction: no configuration file, no second way in
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
