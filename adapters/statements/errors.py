"""What goes wrong with a statement as a whole; a single row is parked instead."""

from __future__ import annotations


class NotReadable(Exception):
    """The file cannot be read as a statement; the message says why, and never what stands in it."""


class Cut(NotReadable):
    """The file ends too early or is damaged inside its container."""
