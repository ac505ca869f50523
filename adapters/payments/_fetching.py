"""Fetching a bill: ask for a link, download at once, check, and know a bill that is not made yet from one there is not."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

import msgspec

from adapters.core.fields import CHINA
from adapters.core.wire import Answer, Call
from adapters.errors import AdapterError, NotYet, Refused, Retryable
from adapters.payments._calling import Caller

if TYPE_CHECKING:
    from adapters.payments.base import Channel

#: bills of a day have surely been made by this hour of the next, in Beijing
MADE_BY_H = 10


def bill(channel: Channel, caller: Caller, day: date, kind: str) -> bytes | None:
    """See `Channel.bill`."""
    local = channel.now().astimezone(CHINA)
    if day >= local.date():
        _not_yet(channel, day, (_made_at(day) - local).total_seconds())
    call = channel.bill_call(day, kind)
    try:
        return caller.persist(False, lambda: _download(channel, caller, call)).body
    except Refused as error:
        if error.code in channel.no_bill and local >= _made_at(day):
            return None
        if error.code in channel.bill_later or error.code in channel.no_bill:
            _not_yet(channel, day, channel.bill_later.get(error.code, 1800.0))
        raise


def _download(channel: Channel, caller: Caller, call: Call) -> Answer:
    """Both steps: links live for seconds, so a failed download asks for a new one."""
    told = caller.once(call).body
    link, label, answer = channel.reading(lambda: channel.read_bill_link(told)), f"{call.label} download", None
    try:
        answer = caller.downloads.send(channel.download_request(link), label)
        if answer.status != 200:
            raise Retryable(label, code=f"http_{answer.status}", shop=channel.alias)
        return msgspec.structs.replace(answer, body=channel.check_file(link, answer))
    except AdapterError as failed:
        caller.note(label, failed, answer.request_no if answer else "")
        raise


def _made_at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, MADE_BY_H, tzinfo=CHINA) + timedelta(days=1)


def _not_yet(channel: Channel, day: date, wait_s: float) -> NoReturn:
    raise NotYet(f"{channel.name}: the bill of {day}", retry_after_s=max(wait_s, 60.0), shop=channel.alias)
