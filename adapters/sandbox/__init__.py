"""A marketplace world on this machine: four platforms over loopback HTTP, from one seed and a clock the caller advances.

Written from the platforms' documents alone; it shares nothing with the adapters, so that each catches the other's
mistakes. Start one with ``python -m adapters.sandbox --folder F``, or from Python::

    from adapters.sandbox import Sandbox, Wish
    with Sandbox("somewhere", Wish(orders=50, platforms=("taobao",))) as sandbox:
        sandbox.advance(seconds=3600)
        print(sandbox.info["shops"])

The book it writes (see `book.py`) is for comparisons afterwards; the product never reads it.
"""

from __future__ import annotations

from adapters.sandbox.making import Wish
from adapters.sandbox.runner import Sandbox

__all__ = ["Sandbox", "Wish"]
