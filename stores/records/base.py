"""What all records share."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records: immutable, compared by value. They hold values only, so no cycle can begin in one and the
    garbage collector need not follow them: jobs make them by the hundred thousand."""


R = TypeVar("R", bound=Record)


def replace(record: R, **changes: Any) -> R:
    """A copy of a record with some fields changed."""
    return msgspec.structs.replace(record, **changes)


class Outcome(Record, frozen=True, kw_only=True):
    """What became of one item of a batch.

    result: ``done``; ``already`` (the same was there before); ``changed`` (someone else was first: read again);
    ``refused`` (it breaks a rule of the store, see reason); ``lost`` (the claim's token is no longer valid).
    """

    key: str
    result: str
    reason: str = ""
    version: int = 0

    @property
    def ok(self) -> bool:
        return self.result in ("done", "already")


class Mark(Record, frozen=True, kw_only=True):
    """A doubt about one field of a platform's document: it never decides anything silently, `explain` shows it."""

    #: path of the field in the document, e.g. ``lines[0].paid_minor``
    field: str
    #: reason code, e.g. ``float_money``, ``not_sent``, ``unknown_status``
    why: str
    #: what the platform sent, shortened; never personal data
    raw: str = ""
