"""Messengers: each sends one short alert to people. One contract, found by kind."""

from __future__ import annotations

from adapters.errors import Unsupported
from adapters.notifiers.base import AlertMessage, Notifier, Target


def make(target: Target) -> Notifier:
    """The messenger for a target of the settings.

    Raises:
        Unsupported: no messenger of that kind.
    """
    if target.kind == "robot":
        from adapters.notifiers.robot import Robot

        return Robot(target)
    if target.kind == "sms":
        from adapters.notifiers.sms import Sms

        return Sms(target)
    raise Unsupported(f"notification kind {target.kind!r}; robot or sms")


__all__ = ["AlertMessage", "Notifier", "Target", "make"]
