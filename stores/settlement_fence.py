"""How a write of the settlement store says no."""

from __future__ import annotations


class Refused(Exception):
    """Rolls the transaction back; the outcome says why."""

    def __init__(self, result: str, reason: str = "") -> None:
        super().__init__(reason)
        self.result, self.reason = result, reason
