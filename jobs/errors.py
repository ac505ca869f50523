"""Errors of the jobs. Exit codes: 2 settings and usage, 4 busy, 30–39 rules."""

from __future__ import annotations


class JobError(Exception):
    """The job cannot be done."""

    exit_code = 30
    hint = "oms status"

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint

    def __str__(self) -> str:
        head = (self.__doc__ or "").strip().splitlines()[0]
        text = super().__str__()
        return f"{head} {text}" if text else head


class BadSettings(JobError):
    """The settings cannot be used."""

    exit_code = 2
    hint = "oms config check"


class BadRequest(JobError):
    """The command's words do not fit together."""

    exit_code = 2
    hint = "oms --help"


class Busy(JobError):
    """Another run holds the lock."""

    exit_code = 4
    hint = "oms jobs locks"


class BadMove(JobError):
    """This order does not move that way."""

    exit_code = 31
    hint = "oms order explain NUMBER"


class UnknownThing(JobError):
    """There is no such thing."""

    exit_code = 32
    hint = "oms order search --help"


class BadFile(JobError):
    """The file cannot be read as what it should be."""

    exit_code = 33


class PlanOutdated(JobError):
    """The plan does not fit any more."""

    exit_code = 34


class NumberImpossible(JobError):
    """This platform order number cannot be turned into one of ours."""

    exit_code = 35
    hint = "oms jobs parked"
