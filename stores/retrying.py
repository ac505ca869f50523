"""A store whose calls are asked again when they met others at the same rows.

Every call of a contract is one transaction (or a first one that only claims), so that one which was turned back whole can
be asked again as it is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, TypeVar, cast

from stores.errors import BadItem, Contended

T = TypeVar("T")
#: a call is asked so often in all; the waits between grow from some milliseconds to half a second
ATTEMPTS = 7
FIRST_S, MOST_S = 0.004, 0.5


def retrying(store: T) -> T:
    """`store` itself, in front of which contended calls are repeated."""
    return cast(T, _Retrying(store))


class _Retrying:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name.startswith("_") or name == "close" or not callable(found) or isgeneratorfunction(found):
            return found
        asked = _asked(found)
        setattr(self, name, asked)
        return asked


def _asked(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def again(*args: Any, **options: Any) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                return call(*args, **options)
            except Contended:
                if attempt == ATTEMPTS - 1:
                    raise
            except BadItem as error:
                # Somebody else wrote the same key between our look and our writing; a second look sees it.
                if not error.twice or attempt >= 2:
                    raise
            time.sleep(min(FIRST_S * 2**attempt, MOST_S) * (0.5 + random.random()))
        raise AssertionError  # the loop returns or raises

    return again
