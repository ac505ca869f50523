"""Goods that came back, by file: pieces in all per refund and SKU, so that a file may be read again."""

from pathlib import Path
from typing import Any

import pytest

from jobs import receipts, receiving, refunds
from jobs.env import Env
from jobs.errors import BadFile
from jobs.results import Result
from tests.documents import refund_document
from tests.factories import open_env
from tests.fulfilment import FakePlatform, document, install, killed_at, number_of, pull, shipped
from tests.runs.test_refunds import no_of


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


@pytest.fixture(autouse=True)
def two_returns(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1", ("SKU-1", 3), ("SKU-2", 2)), document("2", ("SKU-1", 1)))
    for order, number, qty in (("1", "180", 3), ("2", "190", 1)):
        pull(
            env,
            platform,
            refund_document(
                platform_refund_no=number, platform_order_no=order, platform_line_no=f"{order}-1", kind="return",
                status="approved", qty=qty, amount_minor=5_000 * qty,
            ),
        )  # fmt: skip


def read(env: Env, *rows: str, **more: Any) -> Result:
    path = env.root / "returns.csv"
    path.write_text("\n".join(["refund_no,sku,good,defective", *rows]), encoding="utf-8")
    return receipts.take(env, path, by="li", **more)


def level(env: Env, sku: str = "SKU-1") -> tuple[int, int]:
    found = env.stock.levels(skus=[sku])[0]
    return found.on_hand, found.defective


def test_a_file_takes_many_returns_back_and_tells_the_platform_of_each(env: Env, platform: FakePlatform) -> None:
    result = read(env, f"{no_of()},SKU-1,2,1", f"{no_of()},SKU-2,1,", f"{no_of('2', '190')},SKU-1,1,0")
    assert result.counts["received"] == 2
    assert (level(env), level(env, "SKU-2")) == ((99, 1), (99, 0))
    assert sorted(a.platform_refund_no for a in platform.answers) == ["180", "190"]
    lines = env.orders.load([number_of("1")])[number_of("1")].ship_lines
    assert [s.returned_qty for s in lines] == [3, 1]


def test_the_same_file_again_changes_nothing_and_a_corrected_one_adds_the_difference(
    env: Env, platform: FakePlatform
) -> None:
    read(env, f"{no_of()},SKU-1,1,0")
    assert read(env, f"{no_of()},SKU-1,1,0").counts == {"same": 1}
    assert level(env) == (97, 0)
    read(env, f"{no_of()},SKU-1,2,1")
    assert level(env) == (98, 1)
    assert [a.act for a in platform.answers] == ["goods_received"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("R-NO-SUCH,SKU-1,1,0", "unknown_refund"),
        (",SKU-1,1,0", "no_refund_no"),
        ("{no},,1,0", "no_sku"),
        ("{no},SKU-1,-1,0", "bad_pieces"),
        ("{no},SKU-1,1.0,0", "bad_pieces"),
        ("{no},SKU-1,4,0", "too_many"),
        ("{no},SKU-9,1,0", "too_many"),
    ],
)
def test_a_row_that_cannot_be_taken_stops_no_other_and_comes_back_with_its_reason(
    env: Env, row: str, reason: str
) -> None:
    result = read(env, row.format(no=no_of()), f"{no_of('2', '190')},SKU-1,1,0")
    assert result.counts == {"refused": 1, "received": 1, "told": 1}
    assert reason in (env.root / "returns.errors.csv").read_text(encoding="utf-8-sig")
    assert level(env) == (97, 0)


def test_a_sku_named_twice_for_a_refund_is_refused_as_a_whole(env: Env) -> None:
    assert read(env, f"{no_of()},SKU-1,1,0", f"{no_of()},SKU-1,1,0").counts == {"refused": 2}
    assert level(env) == (96, 0)


def test_fewer_than_before_are_not_taken_out_again(env: Env) -> None:
    read(env, f"{no_of()},SKU-1,2,0")
    assert read(env, f"{no_of()},SKU-1,1,0").items[0].reason == "fewer_than_before: SKU-1 good"
    assert level(env) == (98, 0)


def test_a_dry_run_lists_what_would_be_received_and_moves_nothing(env: Env) -> None:
    result = read(env, f"{no_of()},SKU-1,2,0", "R-NO-SUCH,SKU-1,1,0", dry_run=True)
    assert [(i.did, i.ref) for i in result.items] == [("refused", "R-NO-SUCH"), ("received", no_of())]
    assert level(env) == (96, 0)
    assert not (env.root / "returns.errors.csv").exists()


def test_a_file_without_its_columns_is_refused(env: Env) -> None:
    path = env.root / "bad.csv"
    path.write_text("refund_no,pieces\nR1,2\n", encoding="utf-8")
    with pytest.raises(BadFile, match="sku"):
        receipts.take(env, path, by="li")


@pytest.mark.parametrize("name", [receiving.NOTED, receiving.STORED, receiving.SHOWN])
def test_a_file_cut_in_a_gap_is_finished_by_reading_it_again(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (f"{no_of()},SKU-1,3,0", f"{no_of('2', '190')},SKU-1,0,1")
    with killed_at(name, monkeypatch):
        read(env, *rows)
    read(env, *rows)
    refunds.decide(env)
    assert level(env) == (99, 1)
    assert sorted(a.platform_refund_no for a in platform.answers) == ["180", "190"]
