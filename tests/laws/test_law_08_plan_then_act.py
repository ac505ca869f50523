"""Law 8: plan, then act. A dry run walks the same path and changes not one byte; a plan does what it says, or nothing."""

import inspect
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobs import orders as order_jobs
from jobs.api import Oms
from jobs.env import Env
from jobs.errors import PlanOutdated
from jobs.results import Item, Result
from stores.records import Progress
from tests.documents import refund_document
from tests.factories import make_full_order, put_orders, put_stock
from tests.fulfilment import number_of, pull, waybill
from tests.laws.market import STAGES, Office, office, orders, play, reopened

DOCUMENTS = orders(4)
NUMBERS = [number_of(d.platform_order_no) for d in DOCUMENTS]
CHAIN = list(STAGES)
#: what a dry run tells beside what it would move
STAYS = {"waiting", "skipped", "same", "held", "not_due", "left_out", "unproven"}


# ------------------------------------------------------------------ what a run moves, as a question to the stores


def progress(o: Office) -> dict[str, object]:
    return {no: (h.progress, h.held) for no, h in o.env.orders.heads([*NUMBERS, *OWN]).items()}


def parcels(o: Office) -> dict[str, object]:
    return {p.parcel_no: (p.state, p.waybill) for p in o.env.orders.find_parcels()}


def documents(o: Office) -> dict[str, object]:
    found = [e for kind in ("orders", "refunds") for part in o.env.inbox.scan(kind) for e in part]
    return {e.number: e.modified_at for e in found}


def entries(o: Office) -> dict[str, object]:
    return {e.key: e.status for kind in ("orders", "refunds") for part in o.env.inbox.scan(kind) for e in part}


def notices(o: Office) -> dict[str, object]:
    return {e.group: e.state for e in o.env.ledger.effects(kind="ship_notice")}


def shown(o: Office) -> dict[str, object]:
    return dict(o.market.levels)


def counters(o: Office) -> dict[str, object]:
    return {f"{x.warehouse}/{x.sku}": x.on_hand for x in o.env.stock.levels()}


def refunds(o: Office) -> dict[str, object]:
    return {r.refund_no: r.decision for r in o.env.orders.find_refunds()}


def returned(o: Office) -> dict[str, object]:
    numbers = [r.refund_no for r in o.env.orders.find_refunds()]
    return {no: [line.good_qty for line in lines] for no, (_, lines) in o.env.orders.refunds(numbers).items()}


def payloads(o: Office) -> dict[str, object]:
    """How many documents there are, under the name that the job counts them by."""
    with closing(sqlite3.connect(o.env.data / "inbox.db")) as c:
        return {"purged": c.execute("SELECT count(*) FROM inbox_payload WHERE length(document) > 0").fetchone()[0]}


# ------------------------------------------------------------------ scenes


def a_count(o: Office) -> None:
    rows = ["warehouse,sku,qty", "EAST,SKU-1,100", "EAST,SKU-2,7", "EAST,SKU-9,5", "NOWHERE,SKU-1,3"]
    (o.env.root / "counts.csv").write_text("\n".join(rows), encoding="utf-8")
    o.env.clock.advance(60)


def waybills(o: Office) -> None:
    found = o.env.orders.find_parcels()
    rows = ["parcel_no,carrier,waybill", *(f"{p.parcel_no},SF,{waybill(p)}" for p in found[1:]), "NOBODY,SF,SF000001"]
    (o.env.root / "waybills.csv").write_text("\n".join(rows), encoding="utf-8")


OWN = [make_full_order(number=f"{n:019d}", platform="own").order.order_no for n in (1, 2)]


def ended_times(o: Office) -> None:
    put_orders(o.env, *(make_full_order(number=f"{n:019d}", platform="own", progress=Progress.UNPAID) for n in (1, 2)))
    order_jobs.hold(o.env, NUMBERS[:1], by="li", until=o.env.clock.now() + timedelta(hours=1))
    o.env.clock.advance(7200)


def a_refund(o: Office) -> None:
    number = DOCUMENTS[0].platform_order_no
    pull(o.env, o.market, refund_document(platform_order_no=number, platform_line_no=f"{number}-1", amount_minor=5_000))


def a_return(o: Office) -> None:
    first = DOCUMENTS[0]
    line = first.lines[0]
    given = {"platform_order_no": first.platform_order_no, "platform_line_no": line.platform_line_no, "qty": line.qty}
    pull(o.env, o.market, refund_document(kind="return", status="approved", amount_minor=5_000, **given))
    [refund] = o.env.orders.find_refunds()
    rows = ["refund_no,sku,good,defective", f"{refund.refund_no},{line.code},1,0", "NOBODY,SKU-1,1,0"]
    (o.env.root / "returns.csv").write_text("\n".join(rows), encoding="utf-8")


def a_case(o: Office) -> None:
    o.market.refunds["180001"] = refund_document()
    o.env.clock.advance(60)


def a_gap(o: Office) -> None:
    """The inbox lacks two orders that the platform has."""
    o.market.lost_on_page = {d.platform_order_no for d in DOCUMENTS[:2]}
    play(o, "sync")
    o.market.lost_on_page = set()


def long_ago(o: Office) -> None:
    o.env.clock.advance(100 * 86400)


def arrived(o: Office) -> None:
    play(o, "complete")
    o.env.clock.advance(o.env.settings.complete.after + 1)


def a_fresh_frontier(o: Office) -> None:
    play(o, "sync")


class Play(NamedTuple):
    """A job at a moment when it has something to do."""

    #: the stage that is next; everything before it was played
    stage: str
    run: Callable[[Oms, bool], Result]
    moves: Callable[[Office], dict[str, object]]
    scene: Callable[[Office], None] = lambda _: None
    #: a dry run's items that announce a move, beyond what `STAYS` says
    announces: Callable[[Item], bool] = lambda _: True


def span(oms: Oms) -> dict[str, Any]:
    return {"since": oms.env.clock.now() - timedelta(days=2), "until": oms.env.clock.now()}


#: facade method → its play; `merge_plan` is the dry run of `merge_run`
PLAYS: dict[str, Play] = {
    "sync_orders": Play("sync", lambda oms, dry: oms.sync_orders(dry_run=dry), documents),
    "sync_refunds": Play("sync", lambda oms, dry: oms.sync_refunds(dry_run=dry), documents, a_case),
    "sync_verify": Play("sync", lambda oms, dry: oms.sync_verify(dry_run=dry, **span(oms)), documents, a_gap),
    "push_orders": Play("push", lambda oms, dry: oms.push_orders(dry_run=dry), entries),
    "audit_orders": Play("audit", lambda oms, dry: oms.audit_orders(dry_run=dry), progress),
    "source_orders": Play("source", lambda oms, dry: oms.source_orders(dry_run=dry), progress),
    "merge_plan": Play("merge", lambda oms, dry: oms.merge_plan() if dry else oms.merge_run(), parcels, lambda o: o.env.clock.advance(2000)),
    "handover_parcels": Play("handover", lambda oms, dry: oms.handover_parcels(warehouse="EAST", out=oms.env.root / "picks.csv", by="li", dry_run=dry), parcels),
    "import_waybills": Play("pack", lambda oms, dry: oms.import_waybills(oms.env.root / "waybills.csv", by="li", dry_run=dry), parcels, waybills),
    "ship_parcels": Play("ship", lambda oms, dry: oms.ship_parcels(dry_run=dry), parcels),
    "push_shipments": Play("notices", lambda oms, dry: oms.push_shipments(dry_run=dry), notices),
    "complete_orders": Play("complete", lambda oms, dry: oms.complete_orders(dry_run=dry), progress, arrived),
    "cancel_orders": Play("source", lambda oms, dry: oms.cancel_orders(NUMBERS[:2], reason="buyer", by="li", dry_run=dry), progress),
    "expire_orders": Play("audit", lambda oms, dry: oms.expire_orders(dry_run=dry), progress, ended_times),
    "stock_import": Play("sync", lambda oms, dry: oms.stock_import(oms.env.root / "counts.csv", as_of=oms.env.clock.now(), by="li", dry_run=dry), counters, a_count, lambda i: i.facts.get("counted") != i.facts.get("on_hand")),
    "push_stock": Play("audit", lambda oms, dry: oms.push_stock(dry_run=dry), shown, a_fresh_frontier, lambda i: i.reason == "changed"),
    "decide_refunds": Play("source", lambda oms, dry: oms.decide_refunds(dry_run=dry), refunds, a_refund),
    "receive_refunds": Play("complete", lambda oms, dry: oms.receive_refunds(oms.env.root / "returns.csv", by="li", dry_run=dry), returned, a_return),
    "purge": Play("audit", lambda oms, dry: oms.purge(dry_run=dry), payloads, long_ago),
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path / "office")
    made.market.sells(*DOCUMENTS)
    _ = made.env.orders, made.env.inbox, made.env.ledger  # a store is made by whoever opens it first
    yield made
    made.env.close()


def bytes_of(o: Office) -> dict[str, str]:
    """Every file of the office, by what is in it. The stores are closed for it, so that their logs are in their files."""
    o.env.close()
    return {
        str(p.relative_to(o.env.root)): sha256(p.read_bytes()).hexdigest() for p in o.env.root.rglob("*") if p.is_file()
    }


def outside(o: Office) -> tuple[Any, ...]:
    """What the marketplace was told."""
    m = o.market
    return [*m.shipped_log], [*m.level_log], [*m.answers], [*m.notices]


def test_every_method_with_a_dry_run_is_played_here() -> None:
    dry = {n for n, v in vars(Oms).items() if callable(v) and "dry_run" in inspect.signature(v).parameters}
    assert dry | {"merge_plan"} == set(PLAYS)


@pytest.mark.parametrize("name", PLAYS)
def test_a_dry_run_changes_no_byte_and_names_what_the_real_run_then_moves(shop: Office, name: str) -> None:
    given = PLAYS[name]
    play(shop, *CHAIN[: CHAIN.index(given.stage)])
    given.scene(shop)
    told, before = outside(shop), bytes_of(shop)

    again = reopened(shop)
    dry = given.run(Oms(again.env), True)
    assert bytes_of(again) == before, "the dry run wrote"
    assert outside(again) == told, "the dry run told the marketplace something"

    real = reopened(again)
    was = given.moves(real)
    result = given.run(Oms(real.env), False)
    now = given.moves(real)
    moved = {k for k in was.keys() | now.keys() if was.get(k) != now.get(k)}
    assert moved, "the scene gives the job nothing to do"
    if name == "purge":
        assert dry.counts == result.counts  # it counts and has no items
        assert result.counts["purged"] == was["purged"]
    else:
        named = [i for i in dry.items if i.did not in STAYS | {"refused", "parked"} and given.announces(i)]
        assert {i.ref for i in named} == moved
        assert dry.counts.get("refused", 0) == result.counts.get("refused", 0)
    assert dry.outcome == result.outcome
    real.env.close()


# ------------------------------------------------------------------ plans


def tamper(env: Env, sku: str, by: int) -> None:
    with closing(sqlite3.connect(env.data / "stock.db")) as c:
        c.execute("UPDATE stock SET on_hand = on_hand + ? WHERE sku = ?", (by, sku))
        c.commit()


def on_hand(env: Env) -> dict[str, int]:
    return {x.sku: x.on_hand for x in env.stock.levels()}


def test_writing_a_plan_repairs_nothing(shop: Office, tmp_path: Path) -> None:
    tamper(shop.env, "SKU-1", -7)
    before = list(shop.env.stock.dump()), list(shop.env.orders.dump())
    result = Oms(shop.env).reconcile_stock(plan_out=tmp_path / "plan.json")
    assert (list(shop.env.stock.dump()), list(shop.env.orders.dump())) == before
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [e["ref"] for e in plan["items"]] == [i.ref for i in result.items] == ["EAST/SKU-1"]
    assert plan["items"][0]["expect"]["counter"][0] == 93


def test_a_plan_carries_out_what_still_is_as_it_says_and_skips_what_changed(shop: Office, tmp_path: Path) -> None:
    oms, plan = Oms(shop.env), tmp_path / "plan.json"
    for sku in ("SKU-1", "SKU-2", "SKU-3"):
        tamper(shop.env, sku, -7)
    oms.reconcile_stock(plan_out=plan)
    tamper(shop.env, "SKU-2", -1)  # somebody was at it since
    tamper(shop.env, "SKU-3", 7)  # somebody put it right
    result = oms.reconcile_stock(apply=plan, by="li")
    assert on_hand(shop.env) == {"SKU-1": 100, "SKU-2": 92, "SKU-3": 100}
    assert {i.ref: i.reason for i in result.items if i.did == "skipped"} == {
        "EAST/SKU-2": "changed_since", "EAST/SKU-3": "gone",
    }  # fmt: skip
    again = oms.reconcile_stock(apply=plan, by="li")
    assert again.counts == {"skipped": 3} and on_hand(shop.env)["SKU-1"] == 100


def test_a_plan_follows_what_happened_lawfully_in_between(shop: Office, tmp_path: Path) -> None:
    """A count that came after the plan is no reason to lose pieces: the repair is a difference, or is skipped."""
    oms, plan = Oms(shop.env), tmp_path / "plan.json"
    tamper(shop.env, "SKU-1", -7)
    oms.reconcile_stock(plan_out=plan)
    shop.env.clock.advance(60)
    put_stock(shop.env, {"EAST": {"SKU-1": 50}})
    oms.reconcile_stock(apply=plan, by="li")
    assert [i.ref for i in oms.reconcile_stock().items] in ([], ["EAST/SKU-1"])
    oms.reconcile_stock(plan_out=plan)
    oms.reconcile_stock(apply=plan, by="li")
    assert oms.reconcile_stock().items == []


@pytest.mark.parametrize("part", ["expect", "do", "ref", "act"])
def test_a_plan_that_was_edited_is_not_carried_out_at_all(shop: Office, tmp_path: Path, part: str) -> None:
    oms, plan = Oms(shop.env), tmp_path / "plan.json"
    tamper(shop.env, "SKU-1", -7)
    oms.reconcile_stock(plan_out=plan)
    held = json.loads(plan.read_text())
    entry = held["items"][0]
    entry[part] = {**entry[part], "on_hand": 999} if isinstance(entry[part], dict) else "other"
    plan.write_text(json.dumps(held))
    with pytest.raises(PlanOutdated):
        oms.reconcile_stock(apply=plan, by="li")
    assert on_hand(shop.env)["SKU-1"] == 93
    assert sorted(r.outcome for r in shop.env.ledger.runs()) == ["failed", "partial"]


def test_a_repair_is_on_record_with_its_plan_and_who_applied_it(shop: Office, tmp_path: Path) -> None:
    oms, plan = Oms(shop.env), tmp_path / "plan.json"
    tamper(shop.env, "SKU-1", -7)
    made = oms.reconcile_stock(plan_out=plan).facts["hash"]
    oms.reconcile_stock(apply=plan, by="li")
    [entry] = shop.env.ledger.audit_trail()
    assert (entry.who, entry.act) == ("li", "reconcile_stock") and made.startswith(entry.ref)
