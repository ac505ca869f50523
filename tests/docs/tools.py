"""Programs that readers of the docs have and this machine may not: taken from Debian's packages, without installing any."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.debian import NotToBeHad, unpacked


def jq(request: pytest.FixtureRequest) -> dict[str, str]:
    """Environment in which `jq` is found; skips with the reason when it cannot be had."""
    if shutil.which("jq"):
        return {}
    assert request.config.cache is not None
    try:
        root = unpacked(request.config.cache.mkdir("debian-jq"), "jq", "libjq1", "libonig5")
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    libraries = ":".join(sorted({str(p.parent) for p in Path(root).rglob("*.so.*")}))
    return {"PATH": f"{root / 'usr' / 'bin'}:{os.environ['PATH']}", "LD_LIBRARY_PATH": libraries}
