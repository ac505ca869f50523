"""parcel handover: a last look, then a pick list; what was cut is taken up again under the same number."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from adapters.errors import Retryable
from jobs import handover, orders, push
from jobs.env import Env
from jobs.errors import BadFile, BadMove, BadRequest, Busy, UnknownThing
from stores.records import ParcelState
from tests.documents import T0
from tests.factories import open_env
from tests.fulfilment import FakePlatform, books, document, install, killed_at, number_of, planned


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def hand_over(env: Env, name: str = "picks.csv", **more: Any) -> Any:
    return handover.handover(env, warehouse="EAST", out=env.root / name, by="li", **more)


def test_planned_parcels_are_marked_and_written_with_their_receiver(env: Env, platform: FakePlatform) -> None:
    [parcel] = planned(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 1)))
    result = hand_over(env)
    assert result.counts == {"handed_over": 1}
    assert result.facts["handover_no"] == "EAST-20260301-01"
    kept = env.orders.parcels([parcel.parcel_no])[parcel.parcel_no]
    assert (kept.state, kept.handover_no) == (ParcelState.HANDED_OVER, "EAST-20260301-01")
    found = rows(env.root / "picks.csv")
    assert [(r["parcel_no"], r["sku"], r["qty"], r["carrier"], r["orders"]) for r in found] == [
        (parcel.parcel_no, "SKU-1", "2", "SF", "1"), (parcel.parcel_no, "SKU-2", "1", "SF", "1")
    ]  # fmt: skip
    assert (found[0]["name"], found[0]["phone"], found[0]["city"]) == ("张三", "13800000001", "杭州市")


def test_who_took_personal_data_out_is_in_the_audit_trail(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"))
    hand_over(env)
    [entry] = [e for e in env.ledger.audit_trail() if e.act == "pick_list"]
    assert (entry.who, entry.ref) == ("li", "EAST-20260301-01")
    assert (env.root / "picks.csv").stat().st_mode & 0o077 == 0


def test_pieces_of_merged_orders_stand_in_one_row_per_sku(env: Env, platform: FakePlatform) -> None:
    same = {"merge_key": "k", "buyer_id": "b"}
    planned(env, platform, document("1", **same), document("2", ("SKU-1", 1), **same))
    hand_over(env)
    assert [(r["sku"], r["qty"], r["orders"]) for r in rows(env.root / "picks.csv")] == [("SKU-1", "3", "1 2")]


def test_a_name_that_looks_like_a_formula_stays_text(env: Env, platform: FakePlatform) -> None:
    who = msgspec.structs.replace(document("1").receiver, name="=HYPERLINK(1)", phone="+8613800000001")
    planned(env, platform, document("1", receiver=who))
    hand_over(env)
    assert rows(env.root / "picks.csv")[0]["name"] == "'=HYPERLINK(1)"
    handover.export(env, "EAST-20260301-01", out=env.root / "picks.xlsx", by="li")
    book = openpyxl.load_workbook(env.root / "picks.xlsx")
    header, first = list(book.worksheets[0].iter_rows())[:2]
    cells = {h.value: c for h, c in zip(header, first, strict=True)}
    assert (cells["name"].value, cells["name"].data_type, cells["phone"].data_type) == ("=HYPERLINK(1)", "s", "s")
    book.close()


def test_the_last_look_keeps_back_what_was_cancelled_or_is_refunded(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"), document("2"), document("3"))
    platform.change("1", status="cancelled")
    platform.change("2", lines=tuple(msgspec.structs.replace(x, refund="asked") for x in platform.orders["2"].lines))
    result = hand_over(env)
    assert result.counts == {"handed_over": 1, "left_out": 2}
    assert sorted(result.facts["left_out"].values()) == ["held", "status_cancelled"]
    assert [r["orders"] for r in rows(env.root / "picks.csv")] == ["3"]


def test_a_shop_that_does_not_answer_keeps_its_parcels(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"))
    platform.fail_current = Retryable("busy")
    result = hand_over(env)
    assert result.exit_code == 3
    assert set(result.facts["left_out"].values()) == {"no_last_look"}
    assert not (env.root / "picks.csv").exists()
    platform.fail_current = None
    assert hand_over(env).facts["handover_no"] == "EAST-20260301-01"


def test_a_held_member_keeps_its_parcel(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"))
    orders.hold(env, [number_of("1")], by="li")
    assert set(hand_over(env).facts["left_out"].values()) == {"held"}


def test_what_is_held_here_stays_also_where_no_platform_is_asked(tmp_path: Path) -> None:
    env = open_env(tmp_path, shipping={"last_look": False})
    platform = install(env, FakePlatform())
    planned(env, platform, document("1"), document("2"))
    orders.hold(env, [number_of("1")], by="li")
    assert hand_over(env).counts == {"handed_over": 1, "left_out": 1}
    assert [r["orders"] for r in rows(env.root / "picks.csv")] == ["2"]
    assert platform.asked == []
    env.close()


def test_the_most_urgent_parcels_go_first(env: Env, platform: FakePlatform) -> None:
    from datetime import timedelta

    planned(env, platform, *(document(str(n), ship_by=T0 + timedelta(hours=50 - n)) for n in (1, 2, 3)))
    hand_over(env, limit=1)
    assert [r["orders"] for r in rows(env.root / "picks.csv")] == ["3"]


def test_each_hand_over_has_its_own_number_and_file(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"), document("2"))
    assert hand_over(env, limit=1).facts["handover_no"] == "EAST-20260301-01"
    assert hand_over(env).facts["handover_no"] == "EAST-20260301-02"
    assert len(rows(env.root / "picks.csv")) == 1


def test_nothing_planned_writes_no_file_and_takes_no_number(env: Env, platform: FakePlatform) -> None:
    assert hand_over(env).facts == {"rows": 0}
    assert not (env.root / "picks.csv").exists()


def test_export_writes_the_same_list_again(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"), document("2"))
    hand_over(env)
    handover.export(env, "EAST-20260301-01", out=env.root / "again.csv", by="li")
    assert (env.root / "again.csv").read_bytes() == (env.root / "picks.csv").read_bytes()
    with pytest.raises(UnknownThing):
        handover.export(env, "EAST-20260301-99", out=env.root / "none.csv", by="li")


def test_a_dry_run_names_what_would_go(env: Env, platform: FakePlatform) -> None:
    [parcel] = planned(env, platform, document("1"))
    before = books(env)
    assert [(i.ref, i.did) for i in hand_over(env, dry_run=True).items] == [(parcel.parcel_no, "handed_over")]
    assert books(env) == before and not (env.root / "picks.csv").exists()


def test_wrong_words_are_refused_before_anything_is_done(env: Env) -> None:
    with pytest.raises(BadRequest):
        handover.handover(env, warehouse="NOWHERE", out=env.root / "picks.csv", by="li")
    with pytest.raises(BadFile):
        hand_over(env, "picks.pdf")


def test_two_at_once_on_one_warehouse_the_second_is_busy(env: Env, platform: FakePlatform) -> None:
    assert env.ledger.acquire("handover:EAST", holder="other", ttl_s=60)
    with pytest.raises(Busy):
        hand_over(env)


@pytest.mark.parametrize("name", [handover.INTENDED, handover.MARKED, handover.WRITTEN])
def test_a_hand_over_killed_in_a_gap_is_taken_up_under_its_number(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    documents = [document("1"), document("2")]
    planned(env, platform, *documents)
    with killed_at(name, monkeypatch):
        hand_over(env)
    env.clock.advance(env.settings.shipping.lease + 1)
    assert hand_over(env).facts["handover_no"] == "EAST-20260301-01"
    other = open_env(tmp_path / "unkilled")
    planned(other, install(other, FakePlatform()), *documents)
    hand_over(other)
    assert (env.root / "picks.csv").read_bytes() == (other.root / "picks.csv").read_bytes()
    assert books(env) == books(other)
    assert hand_over(env).facts == {"rows": 0}
    other.close()


def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    env: Env, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(env, platform, document("1"))
    (env.root / "picks.csv").write_text("old", encoding="utf-8")

    def broken(*_: Any) -> Any:
        raise OSError("disk full")

    monkeypatch.setattr(handover, "_parcel_lines", broken)
    with pytest.raises(OSError, match="disk full"):
        hand_over(env)
    assert (env.root / "picks.csv").read_text() == "old"
    assert [p.name for p in env.root.glob(".*part")] == []


def test_a_change_that_cannot_be_applied_keeps_only_its_own_parcel(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"), document("2"))
    platform.change("1", status="shipped")
    before = push.Pusher.orders

    def fails(self: Any, entries: Any) -> Any:
        if any(e.number == "1" for e in entries):
            raise BadMove("1: merged → shipped")
        return before(self, entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(push.Pusher, "orders", fails)
        platform.change("2", seller_remark="x")
        result = hand_over(env)
    assert [(i.ref, i.reason) for i in result.items] == [("1", "change_not_applied")]
    assert [r["orders"] for r in rows(env.root / "picks.csv")] == ["2"]
