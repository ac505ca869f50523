"""Reading a settlement statement by calls, page by page, until the platform says that there is no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from adapters.core.fields import FieldError
from adapters.core.paging import LoopGuard
from adapters.core.shapes import Page
from adapters.core.wire import Call
from adapters.errors import BadAnswer

if TYPE_CHECKING:
    from adapters.platforms.base import Platform


def rows(platform: Platform, start: datetime, end: datetime) -> Iterator[bytes]:
    """The rows booked in [start, end), each as the platform's own JSON.

    Raises:
        AdapterError: a page could not be had or read; what came before is not the whole.
    """
    guard = LoopGuard(f"statement {start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}", platform.shop)
    cursor, pages = "", 0
    while True:
        page = _page(platform, platform.statement_call(start, end, cursor))
        guard.page(page)
        for number in page.ids:
            yield from _page(platform, platform.statement_row_call(number)).items
        yield from page.items
        if not page.more:
            return
        pages += 1
        # a platform that gives no cursor counts its pages, from 1
        cursor = page.cursor or str(pages + 1)
        guard.cursor(cursor)


def _page(platform: Platform, call: Call) -> Page:
    answer = platform.call(call)
    try:
        return platform.read_statement(answer.body)
    except (msgspec.MsgspecError, FieldError, ValueError) as error:
        raise BadAnswer(
            f"{call.label}: {type(error).__name__}", shop=platform.shop, request_id=answer.request_no
        ) from error
