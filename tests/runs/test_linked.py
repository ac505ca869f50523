"""Exchange and reship: one linked order each, the ordinary way, gone with its refund."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs import audit, carrying, expire, linked, orders, receiving, refunds
from jobs.env import Env
from jobs.errors import BadRequest
from jobs.rules.numbers import order_no
from stores.contracts import OrderQuery
from stores.records import FullOrder, Progress, RefundStatus
from tests.documents import refund_document
from tests.fulfilment import FakePlatform, document, install, killed_at, number_of, pull
from tests.fulfilment import shipped as shipped_there
from tests.own import SELLER, hand_over, left, moved_on, number, office, shipped
from tests.runs.test_requesting import ask, the, whole

A1 = number()


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = office(tmp_path)
    yield made
    made.close()


def linked_orders(env: Env) -> list[FullOrder]:
    heads, _ = env.orders.find(OrderQuery(platforms=("own",)), limit=100)
    return list(env.orders.load([h.order_no for h in heads if h.linked_to]).values())


def asked(env: Env, kind: str = "reship", **how: Any) -> str:
    shipped(env)
    env.clock.advance(1)
    ask(env, kind=kind, reason=how.pop("reason", "lost"), **how)
    return the(env)[0].refund_no


def test_an_approved_reship_makes_an_order_that_ships_like_any(env: Env) -> None:
    refund_no = asked(env, lines={"SKU-1": 1})
    assert refunds.approve(env, [refund_no], by="li", reason="carrier lost it").counts == {"approved": 1, "linked": 1}
    [made] = linked_orders(env)
    head = made.order
    assert (head.platform, head.shop, head.linked_to, head.flags) == ("own", "hotline", A1, ("reship",))
    assert head.platform_order_no == linked.number("A1", refund_no) and head.platform_order_no.startswith("A1-")
    assert (head.payable_minor, head.paid_minor, head.goods_minor, head.unexplained_minor) == (0, 0, 9_400, 0)
    assert [(x.code, x.qty, x.paid_minor) for x in made.lines] == [("SKU-1", 1, 0)]
    who, first = (env.orders.receivers([no])[no] for no in (head.order_no, A1))
    assert who == first and head.region == whole(env).order.region
    refund, _ = the(env)
    assert (refund.status, refund.amount_minor, refund.replacement.order_no) == ("approved", 0, head.order_no)
    assert whole(env).order.refund_state == "asked"
    moved_on(env)
    hand_over(env)
    left(env)
    assert whole(env, head.order_no).order.progress == Progress.SHIPPED
    refunds.decide(env)
    assert the(env)[0].status == RefundStatus.DONE
    assert whole(env).order.refunded_minor == 0 and whole(env).order.paid_minor == 20_100
    assert {x.sku: x.on_hand for x in env.stock.levels()}["SKU-1"] == 97


def test_show_and_explain_name_the_link_both_ways(env: Env) -> None:
    refund_no = asked(env)
    refunds.approve(env, [refund_no], by="li")
    [made] = linked_orders(env)
    no = made.order.order_no
    forth, back = orders.show(env, A1)["linked"], orders.explain(env, no)["linked"]
    assert [(x["order_no"], x["refund_no"], x["progress"]) for x in forth] == [(no, refund_no, "created")]
    assert [(x["order_no"], x["refund_no"], x["progress"]) for x in back] == [(A1, refund_no, "shipped")]
    assert orders.explain(env, A1)["linked"] == forth and orders.show(env, no)["linked"] == back


def test_an_exchange_sends_its_goods_when_the_old_ones_are_back(env: Env) -> None:
    refund_no = asked(env, "exchange", lines={"SKU-1": 1}, send={"SKU-3": 1}, reason="wrong_size")
    refunds.approve(env, [refund_no], by="li")
    assert linked_orders(env) == [] and the(env)[0].status == RefundStatus.APPROVED
    receiving.receive(env, refund_no, good={"SKU-1": 1}, defective={}, by="li")
    [made] = linked_orders(env)
    assert [(x.code, x.qty) for x in made.lines] == [("SKU-3", 1)] and made.order.flags == ("exchange",)
    assert the(env)[0].status == RefundStatus.GOODS_BACK
    moved_on(env)
    hand_over(env)
    left(env)
    refunds.decide(env)
    assert the(env)[0].status == RefundStatus.DONE


def test_by_setting_an_exchange_sends_first(tmp_path: Path) -> None:
    env = office(tmp_path, refunds={"exchange_first": True})
    try:
        refund_no = asked(env, "exchange", lines={"SKU-1": 2}, reason="wrong_size")
        refunds.approve(env, [refund_no], by="li")
        [made] = linked_orders(env)
        assert [(x.code, x.qty) for x in made.lines] == [("SKU-1", 2)]
        receiving.receive(env, refund_no, good={"SKU-1": 2}, defective={}, by="li")
        assert len(linked_orders(env)) == 1 and the(env)[0].status == RefundStatus.GOODS_BACK
    finally:
        env.close()


def test_dearer_goods_wait_for_the_buyers_difference_and_do_not_expire(env: Env) -> None:
    refund_no = asked(env, "exchange", lines={"SKU-1": 1}, send={"SKU-3": 1}, difference="30.00", reason="wrong_size")
    refunds.approve(env, [refund_no], by="li")
    receiving.receive(env, refund_no, good={"SKU-1": 1}, defective={}, by="li")
    [made] = linked_orders(env)
    head = made.order
    assert (head.progress, head.payable_minor, head.paid_minor, head.unexplained_minor) == ("unpaid", 3_000, 0, 0)
    env.clock.advance(env.settings.expire.after * 10)
    expire.expire(env)
    assert expire.expire(env, dry_run=True).items == []
    assert whole(env, head.order_no).order.progress == Progress.UNPAID


def test_cheaper_goods_give_money_back_within_what_was_paid(env: Env) -> None:
    refund_no = asked(env, "exchange", lines={"SKU-1": 1}, amount="20.00", reason="wrong_size")
    assert the(env)[0].amount_minor == 2_000
    refunds.approve(env, [refund_no], by="li")
    receiving.receive(env, refund_no, good={"SKU-1": 1}, defective={}, by="li")
    refunds.decide(env)
    assert the(env)[0].status == RefundStatus.GOODS_BACK  # done only when its money is
    with pytest.raises(BadRequest, match="at most 18100"):
        ask(env, kind="price_protection", amount="181.01", reason="price")


@pytest.mark.parametrize("how", [{"difference": "1"}, {"amount": "1"}, {"send": {"SKU-1": 0}}])
def test_a_reship_moves_no_money(env: Env, how: dict[str, Any]) -> None:
    shipped(env)
    with pytest.raises(BadRequest):
        ask(env, kind="reship", reason="lost", **how)


def test_a_linked_order_goes_with_its_refund_while_it_has_not_left(env: Env) -> None:
    refund_no = asked(env)
    refunds.approve(env, [refund_no], by="li")
    [parcel] = moved_on(env)
    assert refunds.reject(env, [refund_no], by="li", reason="it was found").counts["rejected"] == 1
    [made] = linked_orders(env)
    assert made.order.progress == Progress.CANCELLED and the(env)[0].status == RefundStatus.REFUSED
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == "void"
    assert whole(env).order.refund_state == "none" and all(x.held == 0 for x in env.stock.levels())
    assert refunds.decide(env).counts.get("linked", 0) == 0


def test_a_linked_order_that_left_keeps_its_refund(env: Env) -> None:
    refund_no = asked(env)
    refunds.approve(env, [refund_no], by="li")
    moved_on(env)
    hand_over(env)
    assert [i.reason for i in refunds.reject(env, [refund_no], by="li", reason="x").items] == ["linked_parcel_asked"]
    assert the(env)[0].status == RefundStatus.APPROVED


# ------------------------------------------------------------------ once


def test_a_number_is_made_of_the_order_and_its_refund_and_fits(env: Env) -> None:
    made = {linked.number(first, f"R{n}") for first in ("1", "A" * 19, "B" * 25, "C" * 20) for n in range(200)}
    assert len(made) == 800 and all(len(n) <= 25 for n in made)
    for n in made:
        assert order_no("own", SELLER, n)
    assert linked.number("3890000000000000001", "R1") == linked.number("3890000000000000001", "R1")
    assert linked.number("3890000000000000001", "R1").startswith("3890000000000000001-")


@pytest.mark.parametrize("gap", [refunds.DECIDED, linked.MADE, carrying.ADVANCED, "push.added", "push.wanted"])
def test_killed_anywhere_and_started_twice_one_order_is_made(
    gap: str, env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs import push

    refund_no = asked(env)
    with killed_at(gap, monkeypatch):
        refunds.approve(env, [refund_no], by="li")
    env.clock.advance(130)
    refunds.decide(env)
    refunds.approve(env, [refund_no], by="li")
    push.push(env)
    [made] = linked_orders(env)
    assert made.order.progress == Progress.CREATED and the(env)[0].replacement.order_no == made.order.order_no
    assert env.stock.demand() == {"SKU-1": 2, "SKU-2": 1}
    assert [s.reason for s in env.orders.history(made.order.order_no)] == ["pushed"]
    assert audit.audit(env).counts["audited"] == 1


def test_a_number_that_is_another_orders_makes_nothing(env: Env) -> None:
    from tests.own import row, take

    refund_no = asked(env)
    taken = linked.number("A1", refund_no)
    take(env, row(order_ref=taken))
    result = refunds.approve(env, [refund_no], by="li")
    assert result.facts["no_linked_order"] == {refund_no: "number_clash"}
    assert linked_orders(env) == [] and the(env)[0].status == RefundStatus.ASKED


# ------------------------------------------------------------------ of marketplaces


def test_a_marketplaces_order_is_sent_again_by_the_own_shop_with_the_skus_that_left(env: Env) -> None:
    platform = install(env, FakePlatform())
    shipped_there(env, platform, document("1", ("SKU-1", 2)))
    first = number_of("1")
    with pytest.raises(BadRequest, match="at taobao"):
        ask(env, first, kind="return")
    ask(env, first, kind="reship", reason="lost", lines={"SKU-1": 1})
    refunds.approve(env, [the(env, first)[0].refund_no], by="li")
    [made] = linked_orders(env)
    assert (made.order.shop, made.order.linked_to, [(x.code, x.qty) for x in made.lines]) == (
        "hotline",
        first,
        [("SKU-1", 1)],
    )
    assert platform.answers == []


def test_a_platforms_reship_makes_its_order_and_loses_it_when_it_is_refused_there(env: Env) -> None:
    platform = install(env, FakePlatform())
    shipped_there(env, platform, document("1", ("SKU-1", 2)))
    case: dict[str, Any] = {
        "platform_refund_no": "180", "platform_order_no": "1", "platform_line_no": "1-1", "kind": "reship", "qty": 1, "amount_minor": 0,
    }  # fmt: skip
    pull(env, platform, refund_document(**case))
    first = number_of("1")
    refunds.approve(env, [the(env, first)[0].refund_no], by="li")
    [made] = linked_orders(env)
    assert made.order.progress == Progress.CREATED and [a.act for a in platform.answers] == ["agree"]
    env.clock.advance(60)
    pull(env, platform, refund_document(**case, status="closed", modified_at=env.clock.now()))
    [made] = linked_orders(env)
    assert made.order.progress == Progress.CANCELLED


def test_an_address_only_the_marketplace_can_read_is_written_down_first(env: Env) -> None:
    from adapters.documents import ReceiverDocument

    platform = install(env, FakePlatform())
    masked = ReceiverDocument(
        name="李*", phone="138****0000", address="***", province="浙江省", city="杭州市", cipher="oaid", masked=True
    )
    shipped_there(env, platform, document("1", ("SKU-1", 2), receiver=masked))
    ask(env, number_of("1"), kind="reship", reason="lost")
    refunds.approve(env, [the(env, number_of("1"))[0].refund_no], by="li")
    [made] = linked_orders(env)
    assert made.order.held == 1 and "hold_masked_receiver" in made.order.flags


def test_without_an_own_shop_it_is_said_and_nothing_is_approved_by_halves(tmp_path: Path) -> None:
    from tests.factories import open_env

    env = open_env(tmp_path)
    try:
        platform = install(env, FakePlatform())
        shipped_there(env, platform, document("1", ("SKU-1", 2)))
        ask(env, number_of("1"), kind="reship", reason="lost")
        refund_no = the(env, number_of("1"))[0].refund_no
        result = refunds.approve(env, [refund_no], by="li")
        assert result.facts["no_linked_order"] == {refund_no: "no_own_shop"}
        assert the(env, number_of("1"))[0].status == RefundStatus.ASKED
    finally:
        env.close()
