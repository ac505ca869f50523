"""Grade the suite: break one line of the product after another and see that a test turns red.

``python -m tests.mutants`` runs every mutant against the test that is named in mutants.toml; ``--only NAME`` one of
them (a glob), ``--find`` searches the killer anew with all tests near the broken file. Exit 1 when one survives.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from tests.mutants import running
from tests.mutants.listed import Mutant, load


def main() -> int:
    """Run the mutants, print one line for each and what is left to do."""
    args = _arguments()
    chosen = [m for m in load() if not args.only or any(fnmatchcase(m.name, p) for p in args.only)]
    if not chosen:
        return _say(f"no mutant is called {', '.join(args.only)}", 2)
    with running.copy_of() as place:
        running.check_place(place)
        named = sorted({m.killed_by for m in chosen if m.killed_by})
        if named and not args.find:
            # A test that is red without a mutant kills nothing.
            whole = running.pytest(place, named)
            if whole.returncode:
                return _say(f"the unbroken product fails:\n{whole.stdout[-2000:]}", 1)
    verdicts = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for verdict in pool.map(lambda m: running.run(m._replace(killed_by="") if args.find else m), chosen):
            _say(f"{verdict.outcome:9}{verdict.seconds:6.1f} s  {verdict.name}: {verdict.by}")
            verdicts.append(verdict)
    killed = sum(v.outcome == "killed" for v in verdicts)
    return _say(f"{killed} of {len(verdicts)} killed", 0 if killed == len(verdicts) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[], help="these mutants; * stands for anything")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="mutants side by side")
    parser.add_argument("--find", action="store_true", help="search the killing test anew")
    return parser.parse_args()


def _say(text: str, code: int = 0) -> int:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    return code


__all__ = ["Mutant", "main"]

if __name__ == "__main__":
    sys.exit(main())
