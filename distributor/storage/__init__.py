"""The only SQL: database, schema, migrations, one file for each aggregate.

May touch: the database, nothing else. Knows the core's types and no other part of ours.
"""

from distributor.storage.database import Database

__all__ = ["Database"]
