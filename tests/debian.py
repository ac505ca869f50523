"""Programs out of Debian's packages, fetched and unpacked into a folder: nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class NotToBeHad(Exception):
    """A program cannot be had here; the text says why."""


def unpacked(cache: Path, *packages: str) -> Path:
    """A folder with what is in these packages, as it would lie under ``/``; fetched when it is not in `cache` yet.

    Raises:
        NotToBeHad: this is no Debian, or the packages cannot be fetched.
    """
    root = cache / "root"
    if root.exists():
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NotToBeHad(f"{packages[0]} is not installed, and this is no Debian that could fetch its package")
    # beside and then renamed: another run of the tests may do the same
    beside = cache / f"part.{os.getpid()}"
    for package in packages:
        subprocess.run(["dpkg", "-x", str(_fetched(cache / "fetched", package)), str(beside)], check=True)
    try:
        beside.rename(root)
    except OSError:
        shutil.rmtree(beside)
    return root


def _fetched(folder: Path, package: str) -> Path:
    """The package's file. Lists of packages come into the same folder when the machine has none."""
    own = [
        f"Dir::State={folder / 'state'}",
        f"Dir::Cache={folder / 'cache'}",
        "Dir::State::status=/var/lib/dpkg/status",
    ]
    for place in ("state/lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    said = ""
    for options in ([], own):
        words = ["apt-get", "-qq", *(w for o in ("APT::Sandbox::User=root", *options) for w in ("-o", o))]
        if options:
            subprocess.run([*words, "update"], cwd=folder, capture_output=True, timeout=120)
        done = subprocess.run([*words, "download", package], cwd=folder, capture_output=True, text=True, timeout=120)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if found:
            return found[-1]
        said = done.stderr.strip()
    raise NotToBeHad(f"{package} is not installed, and apt-get download {package} said: {said[-200:]}")
