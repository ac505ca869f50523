"""Someone who types what the docs say, and puts their own names where the docs have capitals or examples."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import jobs
from jobs.sandbox import authorise
from tests.commands.day import Day, environment
from tests.house.source import ROOT

#: done, or done in part: what is parked or differs depends on the day
FINE = (0, 3)
_MARK = "---left---"
#: variables that the docs set
_KEPT = ("TMALL_SECRET", "LARK_SECRET")
_LEAVE = (
    f"""code=$?; printf '%s%s' '{_MARK}' "$PWD"; """
    f"""for v in {" ".join(_KEPT)}; do printf '\\0%s=%s' "$v" "${{!v}}"; done; exit $code"""
)


class Reader:
    """Types one line after another, each half a minute after the one before, or in real time when there is no day.

    `later`: minutes after the day began.
    """

    def __init__(
        self, folder: Path, day: Day | None = None, env: Mapping[str, str] | None = None, *, later: int = 0
    ) -> None:
        self.folder = folder
        self.at = day.began + timedelta(minutes=later) if day else None
        self.env = {"HOME": str(folder), **(env or {})}
        self._serving: list[subprocess.Popen[bytes]] = []

    def types(self, line: str) -> str:
        """Run one line in a shell; gives what was printed.

        What stands in the docs for the checkout, `make`, is only asked what it would do: `make test` runs this test.
        """
        if self.at:
            self.at += timedelta(seconds=30)
        if line.startswith("make "):
            return self._typed(f"make -n {line.removeprefix('make ')}", ROOT)
        if line.startswith("oms sandbox serve"):
            return self._serves(line)
        if line.endswith(" --follow"):
            return self._stays(line)
        # a shell keeps its folder and variables; each line here has a shell of its own
        said = self._typed(f"{self.own(line)}\n{_LEAVE}", self.folder)
        said, _, left = said.partition(_MARK)
        folder, *exported = left.split("\0")
        self.folder = Path(folder)
        self.env |= {name: value for name, _, value in (x.partition("=") for x in exported) if value}
        return said

    def _environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OMS")}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**clean, "PATH": path, **self._clock(), **self.env}

    def _clock(self) -> dict[str, str]:
        return {"OMS__CLOCK__START": self.at.isoformat()} if self.at else {}

    def runs(self, words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run words in a shell, however they end."""
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail\n{words}"], cwd=folder or self.folder, env=self._environment(),
            capture_output=True, text=True,
        )  # fmt: skip

    def _typed(self, words: str, folder: Path) -> str:
        done = self.runs(words, folder)
        assert done.returncode in FINE, f"{words}: {done.returncode}\n{done.stdout.partition(_MARK)[0]}{done.stderr}"
        return done.stdout

    def _stays(self, line: str) -> str:
        """A worker, which follows a bus of this folder until it is told to stop."""
        bus = self.folder / "bus.db"
        bus.unlink(missing_ok=True)
        with subprocess.Popen(
            shlex.split(line), cwd=self.folder, env={**self._environment(), "OMS__STORES__BUS": f"sqlite:{bus}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as worker:  # fmt: skip
            end = time.monotonic() + 30
            while not bus.exists() and worker.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            worker.terminate()
            out, err = worker.communicate(timeout=30)
        assert worker.returncode in FINE, f"{line}: {worker.returncode}\n{out}{err}"
        return out

    def _serves(self, line: str) -> str:
        """What runs in a terminal of its own, until `leaves`; waited for until it says that it is there."""
        words = [Path(self.env["HOME"], w[2:]).as_posix() if w.startswith("~/") else w for w in shlex.split(line)]
        serving = subprocess.Popen(
            words, cwd=self.folder, env=self._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._serving.append(serving)
        assert serving.stderr
        said = b""
        for text in serving.stderr:
            said += text
            if b"next:" in text:
                return said.decode()
        raise AssertionError(f"{line} ended: {said.decode()}")

    def leaves(self) -> None:
        """Ctrl-C in the other terminals."""
        for serving in self._serving:
            serving.send_signal(signal.SIGINT)
            serving.wait(30)
            assert serving.stderr
            serving.stderr.close()

    def own(self, line: str) -> str:
        """The line with this office's names."""
        line = line.replace("/etc/cron.d/oms", "cron.txt").replace("--user oms", "--user tester")
        if "NUMBER" in line:
            with jobs.open(self.folder / "oms.toml") as office:
                line = line.replace("NUMBER", office.list_orders(limit=1)[0].order_no)
        return line

    def writes(self, name: str, text: str) -> None:
        """Write a file of the folder; settings are the reader's own."""
        (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / name).chmod(0o600)

    def edits_settings(self, day: Day) -> None:
        """Describe the shops, store their tokens, and bring the files that the warehouse would bring."""
        made = day.stage("empty")
        shutil.copy(made / "oms.toml", self.folder / "oms.toml")
        shutil.copy(made / "listings.csv", self.folder / "listings.csv")
        shutil.copy(made / "opening.csv", self.folder / "counts.csv")
        with environment(self._clock()):
            authorise(self.folder / "oms.toml", day.world.info)
