"""A real cron daemon that sees a cron.d folder of its own: Debian's `cron`, installed or fetched, with private mounts.

Debian's cron reads /etc/cron.d, /var/spool/cron and writes /run/crond.pid, all fixed when it was built. In a mount namespace
of its own (unshare) folders of the test lie over these three; the machine's own cron, if any, sees nothing of it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.debian import NotToBeHad, unpacked

#: what the private folders lie over
PLACES = ("/etc/cron.d", "/var/spool", "/run")
#: where a system keeps its crontab; one of the test's own hides it, where there is one
CRONTAB = Path("/etc/crontab")


def daemon(cache: Path) -> Path:
    """The cron daemon: the installed one, else the one of Debian's package, run from where it was unpacked.

    Raises:
        NotToBeHad: it is not installed and cannot be fetched.
    """
    installed = shutil.which("cron", path="/usr/sbin:/usr/bin:/sbin:/bin")
    return Path(installed) if installed else unpacked(cache, "cron") / "usr" / "sbin" / "cron"


def check_rights() -> None:
    """Raises NotToBeHad unless folders can be laid over the system's for one process, and jobs run as their user."""
    if os.geteuid() != 0:
        raise NotToBeHad("a cron daemon that runs jobs as their users must be started by root")
    missing = [p for p in PLACES if not Path(p).is_dir()]
    if missing:
        raise NotToBeHad(f"there is no {missing[0]} to lie over")
    tried = subprocess.run(["unshare", "--mount", "mount", "--bind", "/run", "/run"], capture_output=True, text=True)
    if tried.returncode:
        raise NotToBeHad(f"no mount namespace of its own may be made here: {tried.stderr.strip()}")


@contextmanager
def running(cron: Path, folder: Path, table: str) -> Iterator[Path]:
    """The daemon with this one file in its cron.d; gives the folder in which it keeps its pid. Ended on leaving."""
    etc, spool, run = (folder / name for name in ("cron.d", "spool", "run"))
    for place in (etc, spool / "cron" / "crontabs", run):
        place.mkdir(parents=True)
    (etc / "oms").write_text(table, encoding="utf-8")
    (etc / "oms").chmod(0o644)
    (folder / "crontab").write_text("# nothing\n", encoding="utf-8")
    over = list(zip((etc, spool, run), PLACES, strict=True))
    over += [(folder / "crontab", str(CRONTAB))] if CRONTAB.exists() else []
    mounts = " && ".join(f"mount --bind {shlex.quote(str(own))} {place}" for own, place in over)
    # unshare and sh give way to cron, so that its pid is the one started here
    words = ["unshare", "--mount", "sh", "-c", f"{mounts} && exec {shlex.quote(str(cron))} -f"]
    with (folder / "said.txt").open("w") as said:
        started = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield run
        finally:
            started.terminate()
            started.wait(timeout=30)
