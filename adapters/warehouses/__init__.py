"""Warehouses by name; each module of this package with a `Warehouse` in it is one way of talking to them."""

from __future__ import annotations

from adapters.warehouses.base import PickLine, Reply, UnreadableReply, Warehouse
from adapters.warehouses.file import FileWarehouse

__all__ = ["FileWarehouse", "PickLine", "Reply", "UnreadableReply", "Warehouse"]
