"""Races on one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stores.contract_races import RacesContract


class TestSqliteRaces(RacesContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Callable[[str], str]:
        return lambda store: f"sqlite:{tmp_path / store}.db"
