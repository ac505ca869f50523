"""Naming an order that cannot be read: its number, and its time where that can be had at all."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import FieldError, Scalar, epoch_time_or, ident


class _Head(msgspec.Struct):
    order_id: Scalar = None
    update_time: Scalar = None


_head = msgspec.json.Decoder(_Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order whose platform calls them `order_id` and `update_time` (epoch seconds).

    Raises:
        adapters.core.fields.FieldError, msgspec.DecodeError: not even the number can be read.
    """
    head = _head(raw)
    number = ident(head.order_id, "order_id")
    try:
        return number, epoch_time_or(head.update_time, "update_time")
    except FieldError:
        return number, None
