"""Errors of the stores, grouped by what the caller does next. Exit codes 20–29."""

from __future__ import annotations


class StoreError(Exception):
    """The store failed."""

    exit_code = 20
    hint = "oms doctor"

    def __str__(self) -> str:
        facts = super().__str__()
        text = (self.__doc__ or "").strip().splitlines()[0]
        return f"{text} {facts}" if facts else text


class Unavailable(StoreError):
    """The store could not be reached or is locked; what was asked is done or not, ask again to learn."""

    exit_code = 21


class Contended(Unavailable):
    """The store was busy with others who want the same rows; nothing was written, ask again."""

    exit_code = 28


class BadItem(StoreError):
    """A row of the batch broke a constraint; nothing of the batch was written."""

    exit_code = 22

    def __init__(self, *args: object, twice: bool = False) -> None:
        super().__init__(*args)
        #: a key was there already: perhaps since another worker has just written it
        self.twice = twice


class NotFound(StoreError):
    """There is no such thing in the store."""

    exit_code = 23
    hint = "oms order search --help"


class WrongSchema(StoreError):
    """The store's tables are not of this version."""

    exit_code = 24
    hint = "oms db upgrade"


class UnknownEngine(StoreError):
    """No engine serves this URL."""

    exit_code = 25
    hint = "oms config show --origin"


class FeedGone(StoreError):
    """The order feed was trimmed past this cursor; what was made from it is to be made anew."""

    exit_code = 27
    hint = "oms db purge --help"


class KeyMissing(StoreError):
    """Personal data cannot be read or written: its key is not there."""

    exit_code = 26
    hint = "oms doctor"


class Stopped(Unavailable):
    """A warehouse takes nothing until its counters in Redis were checked against the books."""

    exit_code = 29
    hint = "oms stock drain"
