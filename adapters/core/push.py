"""A platform's message that something changed: proven to be the platform's, and read as a hint to pull.

A message never decides anything: what it is about is asked for, and polling finds what no message told.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adapters.errors import NotVerified


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """What a proven message is about.

    kind: orders, refunds, or empty when it is about neither · number: the thing's number, empty when not told · topic:
    the platform's own word · delivery: the message's own id, the same when it comes again.
    """

    topic: str
    kind: str = ""
    number: str = ""
    delivery: str = ""


def header(headers: Mapping[str, str], *names: str) -> str:
    """The first of these header fields that is there, whatever its capitals.

    Raises:
        NotVerified: none is.
    """
    small = {name.lower(): value for name, value in headers.items()}
    for name in names:
        if small.get(name.lower()):
            return small[name.lower()]
    raise NotVerified("missing_header", names[0])


def header_or(headers: Mapping[str, str], *names: str) -> str:
    """Like `header`; empty when none is there."""
    try:
        return header(headers, *names)
    except NotVerified:
        return ""
