"""sync parse: the neutral documents in a captured answer; no network, no store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from jobs.env import Env
from jobs.errors import BadFile


def parse(env: Env, platform: str, path: Path, *, kind: str = "orders") -> list[dict[str, Any]]:
    """Documents as plain dicts, in the answer's order; what cannot be read has `error` and `detail` instead.

    Personal data is left out: the answer is for looking at structure.
    """
    from adapters.platforms import find
    from adapters.ports import Connection, Credentials
    from jobs.platforms import LedgerBreaker, LedgerLimiter, LedgerTokens

    made = find(platform)
    try:
        answer = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    credentials = Credentials(app_key="parse", secret=lambda: "", seller_id="parse")
    adapter = made(
        Connection(
            shop="parse", credentials=credentials, clock=env.clock, limiter=LedgerLimiter(env.ledger, env.clock.now),
            tokens=LedgerTokens(env, "parse"),
            breaker=LedgerBreaker(env.ledger, "parse", env.clock.now, env.settings.breaker),
        )
    )  # fmt: skip
    try:
        return [_shown(item) for item in adapter.parse(kind, answer)]
    finally:
        adapter.close()


def _shown(item: Any) -> dict[str, Any]:
    if item.document is None:
        return {"number": item.number, "error": item.error, "detail": item.detail}
    shown: dict[str, Any] = msgspec.to_builtins(item.document)
    who = shown.get("receiver")
    if who:
        shown["receiver"] = {
            k: v for k, v in who.items() if k in ("province", "city", "district", "town", "masked", "country")
        }
    return shown
