"""Takes the leases away in a process: what another run has claimed is handed out again, and a lease is always granted.

What is left to keep two runs apart are the versions of rows, the keys of what is written once, and rising tokens. An
effect that is being told (state ``sent``) stays with its sender: that state is the effect's own compare-and-set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stores.contracts import Claimed
from stores.database import run
from stores.sql_effects import EffectRows
from stores.sql_inbox import SqlInbox
from stores.sql_ledger import SqlLedger
from stores.sql_orders import SqlOrders

#: how long a run waits for the other to claim as well
MEET_S = 1.0
#: both hold their claims under this token, so that it tells nobody apart
SHARED = "shared"


def disable_leases(office: Path) -> None:
    """Patch this process; its first claims wait for those of the other run."""
    meet = Meeting(office)
    _orders(meet)
    _inbox(meet)
    _ledger(meet)


class Meeting:
    """Two processes wait for each other at named places, once each."""

    def __init__(self, office: Path) -> None:
        self._folder, self._been = office / "meet", set[str]()
        self._folder.mkdir(exist_ok=True)

    def __call__(self, name: str) -> None:
        if name in self._been:
            return
        self._been.add(name)
        (self._folder / f"{name.replace(':', '-')}.{os.getpid()}").touch()
        give_up = time.monotonic() + MEET_S
        while len(list(self._folder.glob(f"{name.replace(':', '-')}.*"))) < 2 and time.monotonic() < give_up:
            time.sleep(0.002)


def _free(store: Any, sql: str, *args: object) -> None:
    with store._db.write(lasting=False) as c:
        run(c, sql, args)


def _orders(meet: Meeting) -> None:
    claim: Callable[..., Claimed] = SqlOrders.claim

    def handed_out(self: SqlOrders, progress: Any, **more: Any) -> Claimed:
        _free(self, "UPDATE orders SET claim_until=0 WHERE claim_until>0")
        got = claim(self, progress, **more)
        _free(self, "UPDATE orders SET claim_token=? WHERE claim_token=?", SHARED, got.token)
        meet("orders")
        return Claimed(token=SHARED, orders=got.orders, after=got.after)

    SqlOrders.claim = handed_out  # type: ignore[method-assign]


def _inbox(meet: Meeting) -> None:
    claim = SqlInbox.claim

    def handed_out(self: SqlInbox, kind: str, **more: Any) -> Any:
        _free(self, "UPDATE inbox_state SET claim_until=0 WHERE claim_until>0")
        token, found = claim(self, kind, **more)
        _free(self, "UPDATE inbox_state SET claim_token=? WHERE claim_token=?", SHARED, token)
        meet(f"inbox:{kind}")
        return SHARED, found

    SqlInbox.claim = handed_out  # type: ignore[method-assign]


def _ledger(meet: Meeting) -> None:
    claim_effects, due_tasks, acquire = EffectRows.claim_effects, EffectRows.due_tasks, SqlLedger.acquire

    def effects(self: Any, kind: str, **more: Any) -> Any:
        _free(self, "UPDATE effects SET claim_until=0 WHERE claim_until>0 AND state<>'sent'")
        got = claim_effects(self, kind, **more)
        meet(f"effects:{kind}:{more['shop']}")
        return got

    def tasks(self: Any, kind: str, **more: Any) -> Any:
        _free(self, "UPDATE tasks SET claim_until=NULL WHERE state='waiting'")
        got = due_tasks(self, kind, **more)
        meet(f"tasks:{kind}")
        return got

    def granted(self: SqlLedger, name: str, **more: Any) -> Any:
        self.break_lease(name)
        got = acquire(self, name, **more)
        meet(f"lease:{name}")
        return got

    EffectRows.claim_effects = effects  # type: ignore[method-assign]
    EffectRows.due_tasks = tasks  # type: ignore[method-assign]
    SqlLedger.acquire = granted  # type: ignore[method-assign]
