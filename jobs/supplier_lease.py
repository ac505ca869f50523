"""The lease under which everything about suppliers is written: one at a time, an outdated one writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.env import Env, RunHandle
from jobs.errors import Busy
from stores.errors import Unavailable
from stores.records import Lease, Outcome

NAME = "settle:suppliers"
TTL_S = 120.0


@contextmanager
def leased(env: Env, run: RunHandle) -> Iterator[Lease]:
    """Hold the lease.

    Raises:
        Busy: another run holds it.
    """
    lease = env.ledger.acquire(NAME, holder=run.worker, ttl_s=TTL_S)
    if lease is None:
        raise Busy(f"{NAME}; another run settles suppliers")
    try:
        yield lease
    finally:
        env.ledger.free(lease)


def kept(outcome: Outcome) -> Outcome:
    """An outcome that was written, or that says why not.

    Raises:
        Unavailable: the lease went to another run meanwhile; nothing was written.
    """
    if outcome.result == "lost":
        raise Unavailable(f"{NAME} went to another run; nothing of {outcome.key} was written")
    return outcome
