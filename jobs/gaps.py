"""The gaps: every place between two calls to two stores, or to a store and the outside, where a kill leaves work half
done. Each has a name, says what lies on both sides, and names the sweep that finishes it. The kill test stops a
process at each of them; a house test checks that every name passed to `gap()` is declared here and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable

#: name → (what was written before, what comes after, the sweep that finishes it)
GAPS: dict[str, tuple[str, str, str]] = {}

#: set by tests and drills only
hook: Callable[[str], None] | None = None


def declare(name: str, *, before: str, after: str, sweep: str) -> str:
    """Declare a gap once, at module level of the job that has it."""
    GAPS[name] = (before, after, sweep)
    return name


def gap(name: str) -> None:
    """Pass a gap. Costs nothing unless a hook is set."""
    if hook is not None:
        hook(name)
