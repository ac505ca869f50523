"""Worlds with faults, and their lists read the same way whatever the platform."""

from __future__ import annotations

from typing import Any

from tests.sandbox.callers import CALLERS, Caller, Douyin, Jd, Taobao, Wechat, gate_of

PLATFORMS = list(CALLERS)


def caller_of(platform: str, **wish: object) -> Caller:
    caller = CALLERS[platform](gate_of(platforms=(platform,), **wish))
    if not caller.access:
        caller.access = caller.world.tokens[platform].issue(caller.world.now).access
    return caller


def page(caller: Caller, number: int = 0, size: int = 50, **more: Any) -> tuple[list[Any], int]:
    """(rows or ids, total or -1) of one page of the whole world's time; number counts from 0."""
    start, end = caller.world.start, caller.world.now + 60
    if isinstance(caller, Taobao):
        reply = caller.trades(start, end, page_no=number + 1, page_size=size, **more)
        found = (reply.get("trades") or {}).get("trade") or []
        return (found if isinstance(found, list) else [found]), reply.get("total_results", -1)
    if isinstance(caller, Wechat):
        assert number == 0
        return caller.ids(start, end, page_size=size, **more)["order_id_list"] or [], -1
    if isinstance(caller, Jd):
        result = caller.search(start, end, page=str(number + 1), page_size=str(size), **more)["searchorderinfo_result"]
        return result["orderInfoList"] or [], result["orderTotal"]
    assert isinstance(caller, Douyin)
    data = caller.search(start, end, page=number, size=size, **more)["data"]
    return data["shop_order_list"] or [], data["total"]


def number(row: Any) -> str:
    """The order number of a row."""
    return row if isinstance(row, str) else str(row.get("tid") or row.get("orderId") or row.get("order_id"))


def lived(platform: str, orders: int = 120, faults: str = "none", **wish: object) -> Caller:
    caller = caller_of(platform, orders=orders, faults=faults, **wish)
    caller.world.advance(caller.world.end - 3600)
    caller.access = caller.world.tokens[platform].issue(caller.world.now).access
    return caller


def played(caller: Caller, name: str) -> list[dict[str, Any]]:
    return caller.world.book.of("fault", fault=name)


def any_call(caller: Caller) -> Any:
    """One reading call, its whole reply."""
    now = caller.world.now
    if isinstance(caller, Taobao):
        return caller.trades(now - 60, now)
    if isinstance(caller, Wechat):
        return caller.ids(now - 60, now)
    if isinstance(caller, Jd):
        return caller.search(now - 60, now)
    assert isinstance(caller, Douyin)
    return caller.search(now - 60, now)
