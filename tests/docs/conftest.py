"""The docs are read in the offices of the command tests."""

from tests.commands.conftest import at, day, shell

__all__ = ["at", "day", "shell"]
