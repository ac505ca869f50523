"""The arrows of the house: who may import whom."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, files, imports, module, ours

ALLOWED = {
    "oms_cli": {"oms_cli", "jobs"},
    "jobs": {"jobs", "adapters", "stores"},
    "stores": {"stores", "sql"},
    "adapters": {"adapters"},
    "sql": {"sql"},
}


def wrong_arrows(path: Path) -> list[str]:
    """Imports of one file that go against the arrows."""
    own = module(path)
    return [f"{own}:{line} imports {name}" for line, name in imports(path) if ours(name) and not _may(own, name)]


def _may(own: str, name: str) -> bool:
    if name.split(".")[0] not in ALLOWED[own.split(".")[0]]:
        return False
    if own.startswith("jobs.rules"):
        return name.startswith(("jobs.rules", "stores.records"))
    if own.startswith("adapters.sandbox"):
        return name.startswith("adapters.sandbox")
    if name.startswith("adapters.sandbox"):
        # the sandbox is a process of its own; nobody else knows its insides
        return own.startswith("adapters.sandbox")
    return True


def test_imports_go_one_way() -> None:
    assert [w for path in files(*PACKAGES) for w in wrong_arrows(path)] == []


def test_rules_use_only_records_and_the_standard_library() -> None:
    known = set(sys.stdlib_module_names) | {"jobs", "stores"}
    foreign = [
        f"{module(path)}:{line} imports {name}"
        for path in files("jobs/rules")
        for line, name in imports(path)
        if name.split(".")[0] not in known
    ]
    assert foreign == []


def owner(name: str) -> str:
    """The platform a module of `adapters.platforms` belongs to: `_taobao_orders` is taobao's; empty: nobody's."""
    stem = name.removeprefix("adapters.platforms").lstrip(".").split(".")[0]
    platforms = [p.stem for p in files("adapters/platforms") if not p.stem.startswith("_") and p.stem != "base"]
    return next((p for p in sorted(platforms, key=len, reverse=True) if stem.lstrip("_").startswith(p)), "")


def test_a_platform_never_imports_another() -> None:
    crossed = [
        f"{module(path)}:{line} imports {name}"
        for path in files("adapters/platforms")
        for line, name in imports(path)
        if owner(module(path))
        and name.startswith("adapters.platforms")
        and owner(name) not in ("", owner(module(path)))
    ]
    assert crossed == []


def test_a_channel_never_imports_another() -> None:
    channels = [p.stem for p in files("adapters/payments") if not p.stem.startswith("_")]
    channels = [name for name in channels if name not in ("base", "documents")]

    def channel_of(name: str) -> str:
        stem = name.removeprefix("adapters.payments").lstrip(".").split(".")[0].lstrip("_")
        return next((c for c in channels if stem.startswith(c)), "")

    crossed = [
        f"{module(path)}:{line} imports {name}"
        for path in files("adapters/payments")
        for line, name in imports(path)
        if name.startswith("adapters.payments") and channel_of(name) not in ("", channel_of(module(path)))
    ]
    assert channels and crossed == []


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("oms_cli/commands/sync.py", "from stores.records import Order"),
        ("oms_cli/commands/sync.py", "import adapters.platforms"),
        ("jobs/push.py", "from sql import tables"),
        ("jobs/push.py", "import oms_cli.console"),
        ("jobs/push.py", "from adapters.sandbox import world"),
        ("jobs/rules/money.py", "from jobs import env"),
        ("jobs/rules/money.py", "from stores import contracts"),
        ("stores/records/base.py", "from jobs.schema import Settings"),
        ("adapters/documents.py", "import stores"),
        ("adapters/sandbox/world.py", "from adapters.documents import OrderDocument"),
        ("sql/__init__.py", "import stores.records"),
    ],
)
def test_a_wrong_arrow_is_seen(where: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import ast

    from tests.house import source

    monkeypatch.setattr(source, "tree", lambda _path: ast.parse(text))
    assert wrong_arrows(source.ROOT / where)
