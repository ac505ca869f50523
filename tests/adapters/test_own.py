"""Own orders have no platform behind them: whatever would ask or tell one says so by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.documents import LevelUpdate, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised, Unsupported
from adapters.platforms import find
from adapters.platforms.base import Scan
from adapters.ports import Connection, Credentials
from tests.adapters.kit import NOON, CountingBreaker, FixedClock, MemoryLimiter, MemoryTokens, first_token


@pytest.fixture
def own() -> Any:
    clock = FixedClock()
    connection = Connection(
        shop="hotline", credentials=Credentials(app_key="", secret=lambda: "", seller_id="hotline-1"), clock=clock,
        limiter=MemoryLimiter(clock), tokens=MemoryTokens(first_token("hotline-1")), breaker=CountingBreaker(),
    )  # fmt: skip
    made = find("own")(connection)
    yield made
    made.close()


ACTS: dict[str, Callable[[Any], object]] = {
    "pull": lambda p: p.pull("orders", Scan(name="x"), NOON, NOON + timedelta(hours=1)),
    "current": lambda p: p.current(["A1"]),
    "parse": lambda p: p.parse("orders", b"{}"),
    "document": lambda p: p.document("orders", b"{}"),
    "identify": lambda p: p.identify("orders", b"{}"),
    "merge groups": lambda p: p.merge_groups([("A1", "")]),
    "read levels": lambda p: p.read_levels([LevelUpdate(key="k", listing_id="L", qty=1)]),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_needs_a_platform_is_unsupported_by_name(own: Any, act: Callable[[Any], object]) -> None:
    with pytest.raises(Unsupported, match="own: "):
        act(own)


def test_there_is_no_token_to_renew(own: Any) -> None:
    with pytest.raises(NotAuthorised, match="own: "):
        own.renew_token()


@pytest.mark.parametrize(
    "act",
    [
        lambda p: p.ship([ShipNotice(key="k", platform_order_no="A1", parcels=())]),
        lambda p: p.set_levels([LevelUpdate(key="k", listing_id="L", qty=1)]),
        lambda p: p.answer_refunds(
            [RefundAnswer(key="k", platform_refund_no="1", platform_order_no="A1", act="agree")]
        ),
    ],
)
def test_nothing_is_told_to_nobody(own: Any, act: Callable[[Any], Any]) -> None:
    with pytest.raises(Unsupported, match="own: "):
        act(own)


def test_it_says_that_it_can_nothing(own: Any) -> None:
    can = own.capabilities
    assert (can.remote, can.ship, can.stock, can.refunds, can.merge_groups, can.last_look) == (False, None, None, (), False, False)  # fmt: skip
    assert own.scans == {} and own.platform_time() is None and own.drain_faults() == []


def test_the_latest_time_to_ship_is_the_houses_own_rule(own: Any) -> None:
    assert own.latest_shipping(NOON) == NOON + timedelta(hours=48)
