"""The tables, once, for SQLite and PostgreSQL.

Declarations only. Times are microseconds since 1970 UTC in BIGINT (type `Moment`): one form on both databases,
exact to compare and to hash. `migrations/` brings a database to this state; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from distributor.core.data import from_micros, to_micros
from distributor.core.text import storable

LONGEST_CODE = 40

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A UTC time as microseconds since 1970. A naive time is refused on the way in."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else from_micros(value)


class Words(TypeDecorator[str]):
    """A platform's or a person's words, without what PostgreSQL refuses and UTF-8 cannot write."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else storable(value)


class Code(TypeDecorator[str]):
    """A stable code, cut at what its column holds: a platform's longer one must not stop the worker."""

    impl = String
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(LONGEST_CODE)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else storable(value)[:LONGEST_CODE]


# SQLite numbers rows by itself only where the type is exactly INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

people = Table(
    "people",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("telegram_id", BigInteger, unique=True),
    Column("language", String(8), nullable=False, server_default="ka"),
    Column("created_at", Moment, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("issuer_id", BigInteger, ForeignKey("people.id")),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("used_by", BigInteger, ForeignKey("people.id")),
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("state", String(20), nullable=False, index=True),
    Column("author_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("draft", JSON, nullable=False),  # the working content: a Revision that is not frozen yet
    Column("revision", Integer, nullable=False, server_default="0"),  # the newest frozen one, 0 for none
    Column("slug", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False, index=True),
    # The frozen revision that would correct or withdraw what is out, while it waits for a decision; 0 for none.
    Column("proposed", Integer, nullable=False, server_default="0"),
    # Numbers of the people who wrote the working content since it was begun: none of them approves it.
    Column("hands", JSON, nullable=False, server_default="[]"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("release_id", String(16), ForeignKey("releases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("problems", JSON, nullable=False),
    Column("submitter_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("approved_hash", String(64), nullable=False, server_default=""),  # '' until approved, and again when voided
    Column("approved_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("audience", JSON),  # pairs of channel and address, as hashed; null: from before it was kept
    UniqueConstraint("release_id", "number"),
)

renderings = Table(
    "renderings",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("release_id", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("body", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("release_id", "revision", "channel", "language"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("release_id", String(16), ForeignKey("releases.id"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("reason", Words, nullable=False, server_default=""),
    Column("decided_at", Moment, nullable=False),
)

nonces = Table(
    "nonces",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(20), nullable=False),  # a decision, 'there', 'not_there', 'retry', an answer to an alarm
    Column("subject", String(64), nullable=False),  # a release id, or a delivery id
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("content_hash", String(64), nullable=False, server_default=""),
    Column(
        "person_id", BigInteger, ForeignKey("people.id")
    ),  # the only person who may press; null: whoever has the right
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("used_by", BigInteger, ForeignKey("people.id")),
    Index("ix_nonces_subject", "subject"),
)

destinations = Table(
    "destinations",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("address", Text, nullable=False),
    Column("configured", Text, nullable=False, server_default=""),  # an own account as the settings name it
    Column("kind", String(12), nullable=False),  # own, subscriber
    Column("label", Text, nullable=False, server_default=""),
    Column("language", String(8), nullable=False, server_default=""),
    Column("token", String(64), nullable=False, server_default=""),
    Column("status", String(12), nullable=False, server_default="active"),  # active, suspended, unsubscribed
    Column("reason", Words, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("trusted", Boolean, nullable=False, server_default=text("false")),  # may have it before an embargo ends
    UniqueConstraint("channel", "address"),
    Index("ix_destinations_token", "token"),
)

# What a subscriber asked for: no row of a facet means everything.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("destination_id", BigInteger, ForeignKey("destinations.id", ondelete="CASCADE"), primary_key=True),
    Column("facet", String(8), primary_key=True),  # region, topic, kind
    Column("value", String(64), primary_key=True),
)

# No foreign keys here and in `attempts`: PostgreSQL would look each of a million rows up once more, and locks what it
# looks at. The rows are made by INSERT … SELECT from the rows that they name, and nothing is ever deleted.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("release_id", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", String(12), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("destination_id", BigInteger, nullable=False),
    Column("rendering_id", BigInteger, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("prepares", Boolean, nullable=False),  # media must reach the platform before the publishing call
    Column("due", Moment, nullable=False),
    Column("deadline", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),  # that cost something
    Column("tries", Integer, nullable=False, server_default="0"),  # all of them
    Column("looks", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("worker", String(64), nullable=False, server_default=""),
    Column("lease_until", Moment),
    Column("step", String(20), nullable=False, server_default=""),  # the irrevocable step begun
    Column("intended_at", Moment),
    Column("uncertain", Boolean, nullable=False, server_default=text("false")),
    Column("progress", JSON, nullable=False),
    Column("receipt", JSON),
    Column("code", Code, nullable=False, server_default=""),
    Column("reason", Words, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("calls", Integer, nullable=False, server_default="1"),  # of the platform's quota that one attempt takes
    # The order serves three questions: is it there already, what is earlier for this reader, what has this release.
    UniqueConstraint("release_id", "destination_id", "revision", "action"),
)

# Small indexes over the live rows only: they stay small however long the log grows, and each change of state pays for
# every index, so there are no others.
_CLAIMABLE = text("state IN ('queued', 'waiting')")
_UNDER_WAY = text("state IN ('sending', 'unknown', 'case')")
_OPEN = text("state IN ('queued', 'waiting', 'sending', 'unknown', 'case')")
Index(
    "ix_deliveries_due",
    deliveries.c.channel,
    deliveries.c.priority,
    deliveries.c.due,
    deliveries.c.id,
    sqlite_where=_CLAIMABLE,
    postgresql_where=_CLAIMABLE,
)
Index(
    "ix_deliveries_under_way",
    deliveries.c.state,
    deliveries.c.due,
    sqlite_where=_UNDER_WAY,
    postgresql_where=_UNDER_WAY,
)
# Who is late is asked every second, and walks no backlog.
Index("ix_deliveries_deadline", deliveries.c.deadline, sqlite_where=_CLAIMABLE, postgresql_where=_CLAIMABLE)
Index("ix_deliveries_open", deliveries.c.release_id, sqlite_where=_OPEN, postgresql_where=_OPEN)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("delivery_id", BigInteger, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("worker", String(64), nullable=False),
    Column("looked", Boolean, nullable=False),  # a reconciliation, not a send
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("code", Code, nullable=False),
    Column("reason", Words, nullable=False),
    Column("receipt", JSON),
    Column("late", Boolean, nullable=False),
    Column("batch", BigInteger, nullable=False),  # seq of the audit event that holds the root
    Column("position", Integer, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("ix_attempts_batch", "batch", "position"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("step", String(20), nullable=False),
    Column("code", Code, nullable=False),
    Column("reason", Words, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("resolved_by", BigInteger, ForeignKey("people.id")),
    Column("resolution", String(12), nullable=False, server_default=""),  # there, not_there, late
)

lanes = Table(
    "lanes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("until", Moment),
    Column("code", Code, nullable=False, server_default=""),
    Column("reason", Words, nullable=False, server_default=""),
    Column("updated_at", Moment, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
    Column("boot", String(64), nullable=False, server_default=""),  # which start of its machine, where that tells
    Column("up", BigInteger),  # since then, at the sign of life; microseconds
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False, index=True),
    Column("data", JSON, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("head", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("release_id", String(16), ForeignKey("releases.id"), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("revision", Integer, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("page", JSON, nullable=False),
    Column("words", Text, nullable=False),  # case-folded words of every language, for search
    Column("published_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False, index=True),
    Column("state", String(12), nullable=False, server_default="published"),  # published, held, withdrawn
    # The delivery that wrote it: an earlier one that comes late never overwrites a later one.
    Column("number", BigInteger, nullable=False, server_default="0"),
)

# Which stored files the newsroom may serve: only those of a published page (nothing leaks before).
page_files = Table(
    "page_files",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("release_id", String(16), ForeignKey("releases.id"), primary_key=True),
    Column("media_type", String(64), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
)

# What a person must look at: a post that is not ours, a review that is due, a clock that jumped, an appeal that
# expired. `key` is unique, so that the same thing is asked once; it is said again every so often until it is answered.
alarms = Table(
    "alarms",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("subject", String(80), nullable=False),  # release:…, channel:…, office
    Column("key", String(160), nullable=False, unique=True),
    Column("params", JSON, nullable=False),  # fill the sentence of this kind
    Column("opened_at", Moment, nullable=False),
    Column("every", Integer, nullable=False, server_default="0"),  # seconds after which it is said again; 0: never
    Column("chase_at", Moment),  # when it is said again; null: never
    Column("chased", Integer, nullable=False, server_default="0"),
    Column("message_id", BigInteger),  # at the desk
    Column("told", Boolean, nullable=False, server_default=text("false")),  # the message says how it ended
    Column("resolved_at", Moment),
    Column("resolved_by", BigInteger, ForeignKey("people.id")),
    Column("resolution", String(20), nullable=False, server_default=""),
    Index("ix_alarms_open", "resolved_at", "chase_at"),
)

# A blocking finding that somebody answers for, with the reason.
overrides = Table(
    "overrides",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("release_id", String(16), ForeignKey("releases.id"), nullable=False),
    Column("finding", String(64), nullable=False),  # core.rendering.Problem.key
    Column("code", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("release_id", "finding"),
)

# A subscriber's word that a correction or a withdrawal was read and acted on.
acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("release_id", String(16), ForeignKey("releases.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("destination_id", BigInteger, ForeignKey("destinations.id"), primary_key=True),
    Column("at", Moment, nullable=False),
)

# Emergency texts with gaps, which two people approved beforehand. A changed one is a new row with the same name.
templates = Table(
    "templates",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("author_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("first_by", BigInteger, ForeignKey("people.id")),
    Column("first_at", Moment),
    Column("second_by", BigInteger, ForeignKey("people.id")),
    Column("second_at", Moment),
    Column("retired_at", Moment),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("name", "version"),
)

signins = Table(
    "signins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# The bot's memory: what it has processed, what each person is in the midst of, which messages it keeps up to date.
updates = Table(
    "updates",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("received_at", Moment, nullable=False, index=True),
    Column("body", JSON),  # kept until processed, so that a restart loses nothing
    Column("processed_at", Moment),
)

conversations = Table(
    "conversations",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", JSON, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

album_parts = Table(
    "album_parts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("group_id", String(64), nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("received_at", Moment, nullable=False),
    UniqueConstraint("chat_id", "message_id"),
)

status_messages = Table(
    "status_messages",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(64), nullable=False, index=True),  # a release id, 'case:<delivery id>', 'lane:<name>'
    Column("role", String(12), nullable=False),  # draft, desk, author, case, lane
    Column("shown", String(64), nullable=False, server_default=""),  # fingerprint of what it shows
    Column("sent_at", Moment, nullable=False),
)
