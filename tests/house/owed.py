"""What the house still owes, by name. Each list only gets shorter: an entry that is paid must be taken out, and nothing
new may be owed."""

from __future__ import annotations

#: commands without a test file of their own; `tests/chain` runs most of them in a whole day
COMMANDS: set[str] = set()
#: job modules that no test names; `tests/chain` runs most of them as processes
JOBS: set[str] = set()
#: laws without a file of their own in tests/laws
LAWS: set[int] = set()
#: platforms without a page in docs/platforms
PAGES: set[str] = set()
