"""Tables of the ledger: what is kept about the work itself. All single (not sharded)."""

from __future__ import annotations

import sqlalchemy as sa

from sql.columns import rising

metadata = sa.MetaData()


def _text(name: str, size: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), nullable=False, default="")


def _time(name: str, *, needed: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=not needed)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, default=0)


sellers = sa.Table(
    "sellers",
    metadata,
    sa.Column("shop", sa.String(64), primary_key=True),
    _text("platform"),
    _text("seller_id"),
    _text("code", 8),
    sa.UniqueConstraint("platform", "seller_id", name="sellers_one_alias"),
    sa.UniqueConstraint("code", name="sellers_one_code"),
)
marks = sa.Table(
    "marks",
    metadata,
    sa.Column("shop", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("scan", sa.String(32), primary_key=True),
    _time("frontier", needed=False),
    _time("proven", needed=False),
    _text("cursor", 512),
)
windows = sa.Table(
    "windows",
    metadata,
    sa.Column("window_id", sa.String(160), primary_key=True),
    _text("shop"), _text("kind", 16), _text("scan", 32), _time("start_at"), _time("end_at"), _text("state", 8), _text("proof", 16),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("expected", sa.BigInteger),
    _number("seen"), _number("new"), _number("changed"), _number("parked"), _number("pages"), _number("attempts"),
    _text("run_id", 40), _time("opened_at"), _time("closed_at", needed=False),
    # empty in rows from before it was kept
    sa.Column("passes", sa.Text),
    sa.Index("windows_shop", "shop", "kind", "start_at"),
    sa.Index("windows_state", "state", "shop", "kind", "start_at"),
)  # fmt: skip
lateness = sa.Table(
    "lateness",
    metadata,
    sa.Column("shop", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("number", sa.String(64), primary_key=True),
    sa.Column("modified_at", sa.BigInteger, primary_key=True),
    _time("found_at"),
    sa.Column("late_s", sa.Float, nullable=False),
    sa.Index("lateness_found", "shop", "kind", "found_at"),
)
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(160), primary_key=True),
    _text("holder", 160),
    _number("token"),
    _time("until"),
    _text("host", 128),
    _number("pid"),
    _time("beat_at", needed=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    _text("job"),
    sa.Column("args", sa.Text, nullable=False, default="{}"),
    _text("outcome", 16),
    sa.Column("counts", sa.Text, nullable=False, default="{}"),
    sa.Column("facts", sa.Text, nullable=False, default="{}"),
    sa.Column("error", sa.Text, nullable=False, default=""),
    _text("host", 128), _number("pid"), _time("started_at"), _time("beat_at", needed=False), _time("ended_at", needed=False),
    sa.Index("runs_job", "job", "started_at", "ended_at"),
    sa.Index("runs_started", "started_at"),
)  # fmt: skip
tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("key", sa.String(160), primary_key=True),
    _text("kind", 32), _text("ref"), _time("due_at"),
    sa.Column("payload", sa.Text, nullable=False, default="{}"),
    _text("state", 8), _number("attempts"), _text("reason", 160), _time("claim_until", needed=False),
    sa.Index("tasks_due", "kind", "state", "due_at"),
)  # fmt: skip
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("key", sa.String(190), primary_key=True),
    _text("kind", 32), _text("severity", 16),
    sa.Column("title", sa.Text, nullable=False, default=""),
    sa.Column("facts", sa.Text, nullable=False, default="{}"),
    _text("hint", 190), _number("times"), _time("first_at"), _time("last_at"), _time("acked_at", needed=False),
    _text("acked_by"), _time("notified_at", needed=False),
    sa.Index("alerts_last", "last_at"),
)  # fmt: skip
effects = sa.Table(
    "effects",
    metadata,
    sa.Column("key", sa.String(190), primary_key=True),
    _text("kind", 16), _text("shop"), _text("ref", 96), _text("group_key", 190),
    sa.Column("payload", sa.Text, nullable=False, default="{}"),
    _text("state", 12),
    sa.Column("answer", sa.Text, nullable=False, default=""),
    _text("poll", 190), _number("attempts"), _time("next_at", needed=False), _time("sent_at", needed=False),
    _time("settled_at", needed=False), _time("created_at"), _text("claim_token", 40), _number("claim_until"),
    # of a growing table only what is not finished is ever claimed
    sa.Index(
        "effects_open", "kind", "shop", "group_key",
        sqlite_where=sa.text("state IN ('intent', 'accepted', 'unknown', 'sent')"),
    ),
    sa.Index("effects_ref", "ref"),
    sa.Index("effects_token", "claim_token"),
    sa.Index("effects_state", "state", "key"),
)  # fmt: skip
#: access and refresh are sealed
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("shop", sa.String(64), primary_key=True),
    sa.Column("access", sa.LargeBinary, nullable=False),
    sa.Column("refresh", sa.LargeBinary, nullable=False),
    _time("expires_at", needed=False), _time("refresh_expires_at", needed=False), _text("seller_id"),
)  # fmt: skip
small_values = sa.Table(
    "small_values",
    metadata,
    sa.Column("name", sa.String(160), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
audit_trail = sa.Table(
    "audit_trail",
    metadata,
    sa.Column("seq", rising, primary_key=True, autoincrement=True),
    _time("at"), _text("who"), _text("act", 32), _text("ref", 190),
    sa.Column("facts", sa.Text, nullable=False, default="{}"),
    sa.Index("audit_trail_ref", "ref", "seq"),
)  # fmt: skip
