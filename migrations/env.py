"""How Alembic runs the migrations: on the connection that it is handed, in one transaction. Opens nothing itself."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
# SQLite's DDL is transactional: a migration that fails or is killed leaves the old schema and its version.
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
