"""reconcile orders: what the inbox, the orders and the platform do not agree on is named."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.core.shapes import PullReport, Scan
from adapters.documents import Batch, OrderDocument
from jobs import push, reconcile_orders
from jobs.env import Env
from jobs.rules.numbers import order_no
from jobs.storing import store
from tests.documents import SELLER, T0, order_document, pulled
from tests.factories import make_full_order, open_env, put_orders
from tests.fulfilment import FakePlatform, document, install, shipped

NUMBER = order_no("taobao", SELLER, "3890012345678901234")


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


def put(env: Env, *documents: OrderDocument) -> None:
    store(env, "tmall", SimpleNamespace(name="taobao"), "orders", [pulled(d) for d in documents])  # type: ignore[arg-type]


def found(env: Env, **asked: Any) -> list[tuple[str, str]]:
    return [(i.reason, i.ref) for i in reconcile_orders.reconcile(env, **asked).items]


def test_pushed_documents_with_their_orders_agree(env: Env) -> None:
    put(env, order_document())
    push.push(env)
    result = reconcile_orders.reconcile(env)
    assert (result.items, result.counts) == ([], {"documents": 1, "orders": 1})


def test_a_lost_order_and_an_older_one_are_told_with_evidence(env: Env) -> None:
    put(env, order_document(), order_document(platform_order_no="77"))
    push.push(env)
    with sqlite3.connect(env.data / "orders.db") as c:
        c.execute("UPDATE orders SET doc_modified_at = doc_modified_at - 60000 WHERE order_no = ?", (NUMBER,))
    c.close()
    with sqlite3.connect(env.data / "inbox.db") as c:
        c.execute("UPDATE inbox_state SET key = key || '9', number = '779' WHERE number = '77'")
    c.close()
    lost = order_no("taobao", SELLER, "77")
    assert sorted(found(env)) == [
        ("no_document", lost), ("no_order", order_no("taobao", SELLER, "779")), ("order_older", NUMBER)
    ]  # fmt: skip


def test_a_document_that_waits_over_an_hour_is_named(env: Env) -> None:
    put(env, order_document())
    assert found(env) == []
    env.clock.advance(3601)
    assert found(env) == [("waits_long", NUMBER)]


def test_parked_documents_are_counted_not_named(env: Env) -> None:
    put(env, order_document(platform_order_no="x" * 30))
    push.push(env)
    result = reconcile_orders.reconcile(env)
    assert (result.items, result.counts["parked_documents"]) == ([], 1)


class Listed:
    """A pull that lists these documents in every window they fall into."""

    def __init__(self, documents: list[OrderDocument], proof: str) -> None:
        self._documents = documents
        self.report = PullReport(proof=proof, reason="" if proof else "total_moved")

    def __iter__(self) -> Iterator[Batch]:
        yield Batch(items=tuple(pulled(d) for d in self._documents))


def test_what_the_platform_lists_and_the_inbox_lacks_is_named(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    put(env, order_document())
    push.push(env)
    shown = [order_document(modified_at=T0), order_document(platform_order_no="78")]

    def pull(kind: str, scan: Scan, a: Any, b: Any, *, light: bool) -> Listed:
        assert (kind, light) == ("orders", True)
        return Listed([d for d in shown if a <= d.modified_at < b], "" if a >= T0 else "counted")

    fake = SimpleNamespace(name="taobao", scans={"orders": (Scan(name="modified"),)}, pull=pull)
    monkeypatch.setattr(env, "platform", lambda alias: fake)
    names = found(env, since=T0 - timedelta(hours=1), until=T0 + timedelta(hours=1))
    assert names == [
        ("not_in_inbox", "78"), ("inbox_older", "3890012345678901234"), ("total_moved", names[2][1])
    ]  # fmt: skip


def test_an_order_of_another_shop_is_not_compared(env: Env) -> None:
    put_orders(env, make_full_order(shop="other", number="5"))
    assert found(env, shops=["tmall"]) == []


def test_an_order_that_contradicts_its_document_is_named(tmp_path: Path) -> None:
    made = open_env(tmp_path)
    platform = install(made, FakePlatform())
    shipped(made, platform, document("1"), document("2"))
    platform.change("1", status="cancelled", status_raw="TRADE_CLOSED")
    store(made, "tmall", platform, "orders", [pulled(platform.orders["1"])])  # type: ignore[arg-type]
    push.push(made)
    [item] = reconcile_orders.reconcile(made).items
    assert (item.reason, item.facts["platform"], item.facts["ours"]) == ("status_differs", "cancelled", "shipped")
    made.close()
