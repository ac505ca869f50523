"""Calls of REST interfaces: a method, a path with parts to fill in, a query and a JSON body; HTTP statuses as verdicts.

A `Call` keeps them apart, so that its name and its rate are those of the template, whatever the number in the path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from adapters.core.wire import Act, Answer, Call, look_up

#: statuses below 500 that mean the same everywhere; 429 and 5xx are judged by the calling loop
STATUSES: Mapping[str, Act] = {
    "401": "token",
    "403": "authorise",
    "408": "lost",
    "425": "retry",
    "4*": "final",
}


def rest(
    method: str, template: str, *parts: str, query: Mapping[str, str] | None = None, body: Any = None, **more: Any
) -> Call:
    """A call to a path.

    Args:
        template: the path with ``{}`` for each of `parts`, which are percent-encoded.
        more: further fields of Call.
    """
    params = {"parts": parts, "query": dict(query or {}), "body": body}
    return Call(api=f"{method} {template}", params=params, **more)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call goes, and with what."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


def target(call: Call) -> Target:
    """Take a call of `rest` apart."""
    method, _, template = call.api.partition(" ")
    parts: Sequence[str] = call.params["parts"]
    path = template.format(*(quote(part, safe="") for part in parts))
    body = call.params["body"]
    return Target(
        method=method, path=path, query=call.params["query"], body=b"" if body is None else msgspec.json.encode(body)
    )


def by_status(answer: Answer, own: Mapping[str, Act] | None = None) -> Act:
    """What an answer's HTTP status means; `own`: the platform's statuses that mean something else."""
    if answer.status < 400:
        return "ok"
    return look_up({**STATUSES, **(own or {})}, str(answer.status))


def wait_of(answer: Answer) -> float:
    """Seconds of a Retry-After header that is a number; 0 without one."""
    try:
        return max(float(answer.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return 0.0
