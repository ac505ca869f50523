"""What the business does. Scripts start here: `jobs.open`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.api import Oms


def open(config: str | Path | None = None, *, clock: Any = None, transport: object | None = None) -> Oms:
    """Open the back office that `config` describes (default: `OMS_CONFIG`, else `oms.toml` found upward).

    Args:
        clock: replaces the machine's clock (adapters.ports.Clock); for tests and drills.
        transport: httpx transport for all outgoing calls; for tests.

    Raises:
        jobs.errors.BadSettings: with file, key and what to write instead.
    """
    from jobs.api import Oms
    from jobs.env import Env
    from jobs.settings import load

    loaded = load(config)
    return Oms(Env(loaded.settings, loaded.path, clock=clock, transport=transport))
