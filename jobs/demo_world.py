"""The sandbox as the demo and drills see it: a process of its own, driven through its control address."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from jobs.errors import JobError


class WorldFailed(JobError):
    """The sandbox did not come up."""

    exit_code = 38
    hint = "oms sandbox serve"


class World:
    """Starts the sandbox, advances its clock, and stops it by its process id."""

    def __init__(
        self, folder: Path, *, orders: int, seed: int, faults: str = "none", platforms: Sequence[str] = (),
        start: str = "2026-03-01T00:00:00+08:00", skus: int = 40, port: int = 0, rate: float = 0.0, delay_s: float = 2.5,
        bills: str = "none", differences: float = 0.0,
    ) -> None:  # fmt: skip
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        words = [
            sys.executable,
            "-m",
            "adapters.sandbox",
            "--folder",
            str(folder),
            "--seed",
            str(seed),
            "--orders",
            str(orders),
        ]
        words += ["--start", start, "--faults", faults, "--skus", str(skus)]
        words += ["--port", str(port), "--rate", str(rate), "--delay", str(delay_s)]
        words += ["--platforms", ",".join(platforms)] if platforms else []
        words += ["--bills", bills, "--differences", str(differences)]
        self._log = (folder / "sandbox.log").open("wb")
        self._process = subprocess.Popen(words, stdout=self._log, stderr=subprocess.STDOUT)
        self.info: dict[str, Any] = self._wait()
        self._control = httpx.Client(base_url=f"http://127.0.0.1:{self.info['port']}/_world", timeout=60)

    def _wait(self) -> dict[str, Any]:
        ready = self.folder / "sandbox.json"
        for _ in range(600):
            if self._process.poll() is not None:
                break
            if ready.exists() and ready.stat().st_size:
                try:
                    found: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
                    return found
                except ValueError:
                    pass
            time.sleep(0.05)
        self.stop()
        raise WorldFailed((self.folder / "sandbox.log").read_text(errors="replace")[-600:])

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.info["start"])

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(self.info["end"])

    @property
    def warehouses(self) -> list[str]:
        return [place["name"] for place in self.info["warehouses"]]

    def clock(self, to: datetime) -> None:
        """Advance the world to a moment; what happens until then happens."""
        self._control.post("/clock", json={"to": to.isoformat()}).raise_for_status()

    def arrivals(self) -> list[dict[str, Any]]:
        """What buyers sent back and now stands at the warehouses: platform, order, refund, pieces per SKU."""
        found: list[dict[str, Any]] = self._control.get("/arrivals").raise_for_status().json()["arrivals"]
        return found

    def money(self) -> dict[str, list[dict[str, Any]]]:
        """What the payment channels know: payments, refunds, notices, planted differences of bills."""
        found: dict[str, list[dict[str, Any]]] = self._control.get("/money").raise_for_status().json()
        return found

    def pay(self, **wish: Any) -> dict[str, Any]:
        """Have a buyer pay (payment=, after_s=), or say what buyers and banks do from now on (habits=)."""
        told: dict[str, Any] = self._control.post("/pay", json=wish).raise_for_status().json()
        return told

    def statement(self, platform: str, day: str, *, form: str = "csv") -> tuple[str, bytes]:
        """A settlement statement as the merchant downloads it: its name and what is in it."""
        answer = self._control.get(f"/statements/{platform}/{day}", params={"form": form}).raise_for_status()
        named = answer.headers.get("content-disposition", "").partition("filename=")[2].strip('"')
        return named or f"{platform}-{day}.{form}", answer.content

    def close(self) -> None:
        """Have the world write down how all its orders stand."""
        self._control.post("/close", json={}).raise_for_status()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        self.stop()
