"""Processes that find the same new office at one moment: each store's file is made once, and nobody is turned away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.factories import open_env
from tests.twice.offices import fork

STORES = ("orders", "inbox", "stock", "ledger", "reports", "settlement")


@pytest.mark.parametrize("round_", range(10))
def test_new_stores_are_opened_by_many_at_one_moment(tmp_path: Path, round_: int) -> None:
    _ = open_env(tmp_path).privacy  # the key is there before; `oms init` makes it
    wait, start = os.pipe()

    def act() -> int:
        os.close(start)
        os.read(wait, 1)
        env = open_env(tmp_path)
        for name in STORES:
            next(getattr(env, name).dump(), None)
        env.close()
        return 0

    pids = [fork(act) for _ in range(4)]
    os.close(start)
    os.close(wait)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
