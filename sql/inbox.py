"""Tables of the inbox: state that changes, and payload that does not, in rows of their own."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: sharded by key
inbox_state = sa.Table(
    "inbox_state",
    metadata,
    sa.Column("key", sa.String(190), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("seller_id", sa.String(64), nullable=False),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("modified_at", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False, default=""),
    sa.Column("facts", sa.Text, nullable=False, default="{}"),
    sa.Column("first_seen_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claim_token", sa.String(40), nullable=False, default=""),
    sa.Column("claim_until", sa.BigInteger, nullable=False, default=0),
    sa.Index("inbox_waiting", "status", "kind", "key"),
    sa.Index("inbox_claimed", "claim_token"),
)

#: sharded by key
inbox_payload = sa.Table(
    "inbox_payload",
    metadata,
    sa.Column("key", sa.String(190), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
)
