"""The dialects, found by file name: what each platform's documents say about its requests and answers."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol, cast

from adapters.sandbox.wire import Asked, Request, Response
from adapters.sandbox.world import World


class Dialect(Protocol):
    """A module of this package. All functions are pure but for what they do to the world."""

    #: calls a second that the platform bears, and how many at once
    RATE: tuple[float, int]

    def asked(self, request: Request) -> Asked:
        """Say what a request asks for, also when its signature is wrong."""
        ...

    def reply(self, world: World, request: Request, request_id: str) -> Response:
        """Answer a request: check who asks, then do it."""
        ...

    def throttled(self, world: World, request_id: str, seconds: int) -> Response:
        """The platform's own words for too many calls."""
        ...


def names() -> list[str]:
    """Platforms that have a dialect."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


def find(name: str) -> Dialect:
    """The dialect of a platform.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in names():
        raise KeyError(f"no dialect {name!r}; there are {', '.join(names())}")
    return cast(Dialect, import_module(f"{__name__}.{name}"))
