"""A merchant's code is a SKU only when we keep such a SKU; what we do not know waits for a person, not for stock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.env import Env
from jobs.listings import Listings
from stores.records import StockMove
from tests.documents import line_document
from tests.factories import T0, open_env, put_stock


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def expanded(env: Env, code: str) -> list[tuple[str, int, int]]:
    return Listings.open(env).expand("taobao", line_document(listing_id="480003", code=code, qty=2, paid_minor=900))


def test_a_code_that_no_warehouse_keeps_is_unmapped(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 1}})
    assert expanded(env, "SKU-1") == [("SKU-1", 2, 900)]
    assert expanded(env, "TYPO-1") == [("", 2, 900)]


def test_a_code_whose_stock_ran_out_is_still_a_sku(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 1}})
    env.stock.move(
        [StockMove(key="sold-out", kind="adjust", warehouse="EAST", sku="SKU-1", on_hand=-1, at=T0)], run_id="test"
    )
    assert expanded(env, "SKU-1") == [("SKU-1", 2, 900)]


def test_before_any_count_every_code_is_taken_for_a_sku(env: Env) -> None:
    assert expanded(env, "SKU-9") == [("SKU-9", 2, 900)]
