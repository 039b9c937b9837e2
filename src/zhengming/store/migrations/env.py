"""Alembic's entry: runs on the connection that :mod:`zhengming.store.migrate` hands over, inside its transaction."""

from alembic import context

from zhengming.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False, render_as_batch=True)
context.run_migrations()
