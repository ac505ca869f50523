"""parcel list and show."""

from pathlib import Path
from typing import Any

import pytest

from jobs import parcels
from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from tests.factories import open_env
from tests.fulfilment import FakePlatform, document, install, planned, shipped, waybill


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def test_parcels_are_listed_by_state_shop_and_warehouse(env: Env, platform: FakePlatform) -> None:
    found = planned(env, platform, document("1"), document("2"))
    assert parcels.listing(env, states=["planned"], shops=["tm*"], warehouse="EAST") == found
    assert parcels.listing(env, states=["shipped"]) == []
    assert len(parcels.listing(env, limit=1)) == 1
    with pytest.raises(BadRequest, match="planned"):
        parcels.listing(env, states=["lost"])


def test_a_parcel_is_shown_by_its_number_or_waybill_with_what_happened(env: Env, platform: FakePlatform) -> None:
    [parcel] = shipped(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 1)))
    shown = parcels.show(env, parcel.parcel_no)
    assert parcels.show(env, waybill(parcel)) == shown
    assert [s["to_state"] for s in shown["history"]] == ["planned", "handed_over", "labelled", "shipped"]
    assert [(s["sku"], s["shipped_qty"]) for s in shown["lines"]] == [("SKU-1", 2), ("SKU-2", 1)]
    assert len(shown["notices"]) == 2
    assert "张三" not in repr(shown)


def test_a_parcel_that_is_not_there_says_so(env: Env) -> None:
    with pytest.raises(UnknownThing):
        parcels.show(env, "PNOSUCH")
