"""The only SQL: database, schema, migrations, one file for each aggregate.

May touch: the database, nothing else. Knows the core's types and no other part of ours. `Connection` is what a
transaction gives, and what the functions here take; `Conflict` says that another was faster.
"""

from sqlalchemy.exc import IntegrityError as Conflict
from sqlalchemy.ext.asyncio import AsyncConnection as Connection

from distributor.storage.database import Database

__all__ = ["Conflict", "Connection", "Database"]
