"""oms shop"""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from tests.commands.conftest import Shell
from tests.commands.day import SHOP

At = Callable[[str], Shell]


def test_shops_are_listed_with_their_marks(at: At) -> None:
    row = at("synced")("shop", "list", "--json").lines[0]
    assert (row["shop"], row["platform"], row["enabled"]) == (SHOP, "taobao", True)
    assert row["proven"]


def test_platforms_are_listed_with_their_sources(oms: Shell) -> None:
    rows = {r["name"]: r for r in oms("shop", "list", "--platforms", "--json").lines}
    assert {"taobao", "jd", "douyin", "wechat_shop"} <= set(rows)
    assert all(r["source"] and r["options"] for r in rows.values())


def test_a_token_is_stored_from_stdin_and_never_shown(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("empty")
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-access\ncanary-refresh\n"))
    said = oms("shop", "token", SHOP, "--store", "--expires-in", "30d", "--json")
    assert said.code == 0
    assert said.document["stored"] and 29 * 86400 < said.document["left_s"] <= 30 * 86400
    assert "canary" not in said.out + said.err
    assert oms("shop", "list", "--json").lines[0]["token_until"] == said.document["until"]
    kept = (oms.folder / "data" / "ledger.db").read_bytes()
    assert b"canary" not in kept


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("token", "nobody"), 32),
        (("token", SHOP, "--store"), 2),
        (("token", SHOP, "--expires-in", "soon"), 2),
    ],
)
def test_what_cannot_be_done_is_said(
    at: At, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert at("empty")("shop", *words).code == code
