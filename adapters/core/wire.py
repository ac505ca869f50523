"""Calls, requests, answers and verdicts: the words between a platform's protocol and the calling loop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

import msgspec

#: what an answer means for the next step
#:
#: ok · already (the asked state was there) · retry (surely not applied) · lost (may have been applied) · throttled ·
#: quota (spent for a long time) · token (renew, repeat once) · authorise (the merchant must) · final · unknown (a code
#: that is in no table: final for reading, possibly applied for writing)
Act = Literal["ok", "already", "retry", "lost", "throttled", "quota", "token", "authorise", "final", "unknown"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One business call: the platform's name of it and its business parameters, unsigned.

    `write`: it changes something over there, so it is not repeated when its answer was lost. `about`: what it is about
    (order number, window, page), for errors and logs; never personal data.
    """

    api: str
    params: Mapping[str, Any]
    about: str = ""
    write: bool = False
    #: it needs an access token
    token: bool = True
    #: calls of one group share a rate; empty: the api's name
    group: str = ""
    cost: float = 1.0

    @property
    def label(self) -> str:
        """Name, subject and a digest of the parameters: the same for the same call, without secrets."""
        digest = hashlib.blake2b(msgspec.json.encode(self.params, order="sorted"), digest_size=4).hexdigest()
        return " ".join(part for part in (self.api, self.about, f"#{digest}") if part)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A signed HTTP request. Its repr shows no token and no signature."""

    url: str
    method: str = "POST"
    query: Mapping[str, str] = {}
    body: bytes = b""
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url}, {len(self.body)} bytes)"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `request_no` is ours, sent in the header X-Request-Id."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    request_no: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer is judged by its envelope."""

    act: Act = "ok"
    code: str = ""
    message: str = ""
    #: the platform's own id of the request
    request_id: str = ""
    #: seconds the platform asks to wait; 0: it does not say
    wait_s: float = 0.0


OK = Verdict()


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong on the wire and was dealt with or not; kept so that a run can record it."""

    at: datetime
    shop: str
    call: str
    act: str
    code: str
    message: str
    request_id: str
    request_no: str


def until_midnight(now: datetime, zone: tzinfo) -> float:
    """Seconds until the day ends on the clock of a zone: what a quota of a day is renewed at."""
    here = now.astimezone(zone)
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - here).total_seconds()


def look_up(table: Mapping[str, Act], *codes: str) -> Act:
    """Find what to do in a table of codes; a key ending in ``*`` stands for a beginning, the longest one wins.

    The codes are tried in the order given; a code without an entry falls to the next; none at all: ``unknown``.
    """
    for code in codes:
        if not code:
            continue
        if code in table:
            return table[code]
        starts = [key for key in table if key.endswith("*") and code.startswith(key[:-1])]
        if starts:
            return table[max(starts, key=len)]
    return "unknown"
