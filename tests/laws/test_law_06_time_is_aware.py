"""Law 6: time is aware. What knows no zone gets nowhere; neither the machine's zone nor a wrong process clock changes a day."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import stores
from adapters.documents import OrderDocument, Pulled, RefundDocument
from adapters.platforms import find, names
from jobs import handover, push, source, sync
from jobs.env import Env
from jobs.errors import BadSettings
from jobs.settings import load
from jobs.storing import store
from oms_cli import console
from oms_cli.moments import parse
from stores.contracts import Change
from stores.records import (
    Alert,
    AuditEntry,
    Effect,
    Hold,
    InboxItem,
    Lateness,
    Progress,
    Run,
    StockMove,
    Task,
    Token,
    Watermark,
    Window,
)
from tests.adapters.kit import NOON, SAMPLES, Rig
from tests.factories import T0, FixedClock, make_full_order, open_env, put_orders, put_stock
from tests.fulfilment import FakePlatform, document, install, number_of, planned
from tests.laws.market import Office, office

NAIVE = datetime(2026, 3, 1, 10, 0)  # noqa: DTZ001 - the law is about these
NUMBER = number_of("1")
ZONES = ("America/New_York", "Asia/Tokyo", "UTC")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    put_orders(made, make_full_order(number="1"))
    yield made
    made.close()


@pytest.fixture
def abroad(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Move this machine to another zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


# ------------------------------------------------------------------ nothing naive is kept

WINDOW: dict[str, Any] = {
    "window_id": "w",
    "shop": "tmall",
    "kind": "orders",
    "scan": "s",
    "start": T0,
    "end": T0,
    "opened_at": T0,
}
ITEM: dict[str, Any] = {"key": "orders:taobao:1:9", "kind": "orders", "platform": "taobao", "seller_id": "1", "shop": "tmall", "number": "9", "hash": "h", "document": b"{}", "raw": b"{}"}  # fmt: skip
EFFECT: dict[str, Any] = {"key": "e", "kind": "ship_notice", "shop": "tmall", "ref": NUMBER, "group": "g"}


def change(**parts: Any) -> Change:
    return Change(order_no=NUMBER, expect=1, reason="test", **parts)


#: every way a time gets into a store, each with a naive one
KEEPS: dict[str, Callable[[Env], object]] = {
    "order": lambda env: put_orders(env, make_full_order(number="2", ordered_at=NAIVE)),
    "due": lambda env: env.orders.apply([change(set={"due_at": NAIVE})], run_id="r"),
    "ship_by": lambda env: env.orders.apply([change(set={"ship_by": NAIVE})], run_id="r"),
    "hold": lambda env: env.orders.apply(
        [change(hold=(Hold(order_no=NUMBER, code="c", since=T0, until=NAIVE),))], run_id="r"
    ),
    "inbox": lambda env: env.inbox.put([InboxItem(**ITEM, modified_at=NAIVE)]),
    "window": lambda env: env.ledger.put_window(Window(**{**WINDOW, "end": NAIVE}), lease=None),
    "mark": lambda env: env.ledger.set_mark(
        Watermark(shop="tmall", kind="orders", scan="s", frontier=NAIVE), lease=None
    ),
    "lateness": lambda env: env.ledger.add_lateness(
        [Lateness(shop="tmall", kind="orders", number="1", modified_at=NAIVE, found_at=T0, late_s=1)]
    ),
    "run": lambda env: env.ledger.put_run(Run(run_id="x", job="j", started_at=NAIVE)),
    "task": lambda env: env.ledger.add_tasks([Task(key="k", kind="k", ref="r", due_at=NAIVE)]),
    "alert": lambda env: env.ledger.raise_alert(Alert(key="k", kind="k", title="t", first_at=NAIVE, last_at=NAIVE)),
    "effect": lambda env: env.ledger.intend([Effect(**EFFECT, created_at=T0, next_at=NAIVE)]),
    "token": lambda env: env.ledger.put_token(Token(shop="tmall", access="a", expires_at=NAIVE)),
    "audit": lambda env: env.ledger.audit([AuditEntry(at=NAIVE, who="li", act="a", ref="r")]),
    "move": lambda env: env.stock.move(
        [StockMove(key="m", kind="adjust", warehouse="EAST", sku="A", on_hand=1, at=NAIVE)], run_id="r"
    ),
    "count": lambda env: env.stock.count([("c", "EAST", "A", 1, NAIVE)], run_id="r", reason="count"),
}


@pytest.mark.parametrize("what", KEEPS)
def test_no_store_takes_a_time_without_a_zone(env: Env, what: str) -> None:
    kept: list[Any] = [env.orders, env.inbox, env.stock, env.ledger]
    before = [list(store.dump()) for store in kept]
    with pytest.raises(TypeError, match="naive"):
        KEEPS[what](env)
    assert [list(store.dump()) for store in kept] == before


def test_what_comes_out_of_the_stores_is_aware_and_utc(env: Env) -> None:
    east = T0.astimezone(ZoneInfo("Asia/Shanghai"))
    put_orders(env, make_full_order(number="3", ordered_at=east))
    [head] = env.orders.heads([number_of("3")]).values()
    times = [v for n in head.__struct_fields__ if isinstance(v := getattr(head, n), datetime)]
    assert head.ordered_at == T0 and {t.tzinfo for t in times} == {UTC}


def test_a_document_that_names_no_zone_is_parked_and_stops_nobody(env: Env) -> None:
    whole, careless = document("11"), document("12", ordered_at=NAIVE)
    items = [Pulled(kind="orders", number=d.platform_order_no, modified_at=d.modified_at, document=d, raw=b"{}") for d in (whole, careless)]  # fmt: skip
    store(env, "tmall", FakePlatform(), "orders", items)  # type: ignore[arg-type]
    push.push(env)
    assert [(e.number, e.reason) for e in env.inbox.parked()] == [("12", "bad_document")]
    assert set(env.orders.heads([number_of("11"), number_of("12")])) == {number_of("11")}


def test_the_base_of_all_adapters_refuses_a_time_without_a_zone() -> None:
    class Forgetful(find("taobao")):  # type: ignore[misc]
        def document(self, kind: str, raw: bytes) -> OrderDocument:
            return document("5", modified_at=NAIVE, ordered_at=NAIVE)

        def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
            return "5", NAIVE

    with Rig(Forgetful, lambda _seen: {}) as rig:
        read = rig.adapter.translate("orders", b"{}")
        assert (read.document, read.number, read.modified_at, read.error) == (None, "5", None, "bad_time")
        with pytest.raises(ValueError, match="aware"):
            rig.adapter.pull("orders", rig.adapter.scans["orders"][0], NAIVE, NOON)


# ------------------------------------------------------------------ platforms have a zone of their own


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", sorted(p.name for p in SAMPLES.iterdir()))
def test_a_platforms_times_do_not_depend_on_the_machines_zone(name: str, zone: str, abroad: Any) -> None:
    abroad(zone)
    with Rig(name, lambda _seen: {}) as rig:
        for path in sorted(SAMPLES.joinpath(name).glob("*.json")):
            if path.name.endswith(".documents.json"):
                continue
            if not path.with_suffix(".documents.json").exists():
                continue  # a sample that is no whole answer: the platform's own tests read it
            kind = path.name.partition("_")[0]
            read = [p.document for p in rig.adapter.parse(kind, path.read_bytes())]
            kept = json.loads(path.with_suffix("").with_suffix(".documents.json").read_bytes())
            shape = list[OrderDocument | None] if kind == "orders" else list[RefundDocument | None]
            wanted = [None if "error" in k else k for k in kept]
            assert read == msgspec.convert(wanted, shape)


def test_every_platform_names_a_zone_that_exists() -> None:
    for name in names():
        assert ZoneInfo(find(name).zone)


# ------------------------------------------------------------------ people read the business zone


@pytest.mark.parametrize("zone", ZONES)
def test_days_begin_in_the_business_zone_wherever_the_machine_stands(zone: str, abroad: Any) -> None:
    abroad(zone)
    now = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # 01:00 of the next day in Shanghai
    assert parse("today", now=now, zone="Asia/Shanghai") == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    assert parse("yesterday", now=now, zone="Asia/Shanghai") == datetime(2026, 2, 28, 16, 0, tzinfo=UTC)
    assert parse("2026-03-01", now=now, zone="Asia/Shanghai") == datetime(2026, 2, 28, 16, 0, tzinfo=UTC)
    assert parse("2026-03-01T08:00-05:00", now=now, zone="Asia/Shanghai") == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


def test_a_table_shows_the_business_zone_and_json_the_instant(abroad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    abroad("America/New_York")
    monkeypatch.setattr(console, "zone", ZoneInfo("Asia/Shanghai"))
    assert console.cell(T0) == "2026-03-01 10:00:00+0800"
    assert console.plain(T0) == "2026-03-01T02:00:00+00:00"


def test_a_hand_over_bears_the_day_of_the_business(tmp_path: Path, abroad: Any) -> None:
    abroad("America/New_York")
    env = open_env(tmp_path, clock=FixedClock(datetime(2026, 3, 1, 17, 0, tzinfo=UTC)))
    planned(env, install(env, FakePlatform()), document("1", ship_by=None))
    result = handover.handover(env, warehouse="EAST", out=tmp_path / "east.csv", by="li")
    assert result.facts["handover_no"] == "EAST-20260302-01"
    env.close()


def test_a_clock_setting_without_an_offset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "oms.toml"
    path.write_text('[clock]\nstart = "2026-03-01T10:00:00"\n')
    with pytest.raises(BadSettings, match="clock"):
        load(path, {})


# ------------------------------------------------------------------ leases go by the store's clock


def off(o: Office, hours: float) -> Office:
    """A second process at the same stores whose own clock is wrong by so much."""
    wrong = Env(o.env.settings, o.env.path, clock=FixedClock(o.env.clock.now() + timedelta(hours=hours)))
    for name, opened in (("orders", stores.open_orders), ("ledger", stores.open_ledger), ("inbox", stores.open_inbox)):
        kept = opened(o.env.url(name), clock=o.env.clock, privacy=o.env.privacy)
        wrong.__dict__[name] = wrong._keep(kept)
    return Office(wrong, install(wrong, o.market))  # type: ignore[arg-type]


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_process_with_a_wrong_clock_neither_steals_a_lease_nor_keeps_it_for_ever(
    tmp_path: Path, hours: float
) -> None:
    o = office(tmp_path)
    wrong = off(o, hours)
    held = wrong.env.ledger.acquire("sync:orders:tmall", holder="wrong", ttl_s=120)
    assert held is not None and held.until == o.env.clock.now() + timedelta(seconds=120)
    assert sync.sync(o.env, "orders").counts == {"busy": 1}
    o.env.clock.advance(121)
    assert sync.sync(o.env, "orders").outcome == "done", "the lease of the wrong clock did not end"
    mine = o.env.ledger.acquire("sync:orders:tmall", holder="right", ttl_s=120)
    assert mine is not None
    assert sync.sync(wrong.env, "orders").counts == {"busy": 1}, "the wrong clock took a lease that runs"
    wrong.env.close()
    o.env.close()


@pytest.mark.parametrize("hours", [-30, 30])
def test_claims_of_a_process_with_a_wrong_clock_end_on_time(tmp_path: Path, hours: float) -> None:
    o = office(tmp_path)
    put_stock(o.env, {"EAST": {"SKU-1": 9}})
    put_orders(o.env, make_full_order(number="7", progress=Progress.AUDITED))
    wrong = off(o, hours)
    taken = wrong.env.orders.claim(Progress.AUDITED, limit=5, lease_s=60, worker="wrong")
    assert len(taken.orders) == 1
    assert source.source(o.env).counts == {}
    o.env.clock.advance(61)
    assert source.source(o.env).counts == {"sourced": 1}
    wrong.env.close()
    o.env.close()


def test_the_same_instant_is_written_whatever_the_machines_zone(tmp_path: Path) -> None:
    """Three machines in three zones push the same document: the same rows."""
    seen = set()
    for zone in ZONES:
        folder = tmp_path / zone.replace("/", "-")
        done = subprocess.run(
            [sys.executable, "-c", _PUSH, str(folder)], env={**os.environ, "TZ": zone, "PYTHONPATH": os.getcwd()},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        seen.add(done.stdout)
    assert len(seen) == 1 and NUMBER in seen.pop()


_PUSH = """
import sys
from pathlib import Path
from tests.fulfilment import document, pull
from tests.laws.market import office
o = office(Path(sys.argv[1]))
pull(o.env, o.market, document("1"))
rows = [{k: v for k, v in row.items() if k != "run_id"} for table, row in o.env.orders.dump() if table == "orders"]
sys.stdout.write(repr(rows))
o.env.close()
"""
