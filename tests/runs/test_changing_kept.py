"""Changes in flight: what an older word, a mask or a platform's change must not take away from an order here."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.documents import OrderDocument, ReceiverDocument, RefundDocument
from jobs import audit, edits, push, source
from jobs.env import Env
from jobs.errors import BadMove
from jobs.intake import merged_lines
from jobs.push import Pusher
from jobs.storing import store
from stores.records import Order, Progress, Receiver, RefundState
from tests.documents import T0, pulled, refund_document
from tests.factories import make_full_order, open_env, put_stock
from tests.fulfilment import FakePlatform, document, install, number_of, planned, pull

NO = number_of("1")
WHO = ReceiverDocument(name="张三", phone="13800000001", address="示例路1号", province="浙江省", city="杭州市")
MASKED = msgspec.structs.replace(WHO, name="张**", phone="138****0001", address="示例路**号", masked=True)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def head(env: Env) -> Order:
    return env.orders.heads([NO])[NO]


def receiver(env: Env) -> Receiver:
    return env.orders.receivers([NO])[NO]


def later(minutes: int, **changes: object) -> OrderDocument:
    return document("1", **{"receiver": WHO, "modified_at": T0 + timedelta(minutes=minutes), **changes})


def sourced(env: Env, platform: FakePlatform) -> None:
    put_stock(env, {"EAST": {"SKU-1": 10}})
    pull(env, platform, later(0))
    audit.audit(env)
    source.source(env)
    assert head(env).progress == Progress.SOURCED and held(env) == 2


def held(env: Env) -> int:
    return sum(level.held for level in env.stock.levels())


# ------------------------------------------------------------------ versions and stock


def test_a_pusher_that_read_an_older_version_changes_nothing_after_a_newer_one(
    env: Env, platform: FakePlatform
) -> None:
    pull(env, platform, later(0))
    store(env, "tmall", platform, "orders", [pulled(later(1, seller_remark="old"))])  # type: ignore[arg-type]
    [slow] = env.inbox.peek("orders", limit=9)
    pull(env, platform, later(2, seller_remark="new"))
    with env.run("push orders") as run:
        [(_, status, reason, _)] = Pusher(env, run).orders([slow])
    assert (status, reason) == ("pushed", "older")
    assert env.orders.load([NO])[NO].seller_remark == "new"
    assert head(env).doc_modified_at == T0 + timedelta(minutes=2)


def test_an_older_word_on_a_refund_does_not_open_it_again(env: Env, platform: FakePlatform) -> None:
    def refund(minutes: int, status: str) -> RefundDocument:
        at = T0 + timedelta(minutes=minutes)
        return refund_document(platform_order_no="1", platform_line_no="1-1", status=status, modified_at=at)

    pull(env, platform, later(0), refund(0, "asked"))
    store(env, "tmall", platform, "refunds", [pulled(refund(1, "approved"))])  # type: ignore[arg-type]
    [slow] = env.inbox.peek("refunds", limit=9)
    pull(env, platform, refund(2, "closed"))
    with env.run("push orders") as run:
        Pusher(env, run).refunds([slow])
    [kept] = env.orders.load([NO])[NO].refunds
    assert (kept.status, head(env).refund_state, head(env).held) == ("closed", RefundState.NONE, 0)


def test_all_that_went_back_is_taken_off_what_should_reach_us(env: Env, platform: FakePlatform) -> None:
    put = [
        refund_document(
            platform_refund_no=f"18{n}", platform_order_no="1", platform_line_no="1-1", status="done", amount_minor=amount
        )
        for n, amount in enumerate((3_000, 2_000))
    ]  # fmt: skip
    pull(env, platform, later(0), *put)
    assert (head(env).paid_minor, head(env).refunded_minor, head(env).receivable_minor) == (10_000, 5_000, 5_000)
    assert head(env).refund_state == RefundState.PARTLY


def test_an_order_closed_by_the_platform_gives_back_the_stock_that_was_held_for_it(
    env: Env, platform: FakePlatform
) -> None:
    sourced(env, platform)
    pull(env, platform, later(1, status="cancelled", status_raw="TRADE_CLOSED"))
    assert head(env).progress == Progress.CANCELLED
    assert held(env) == 0 and env.stock.demand() == {}
    assert {r.state for r in env.stock.reservations([NO])[NO]} == {"released"}


def test_an_order_whose_pieces_change_gives_back_what_it_held_and_claims_what_it_wants_now(
    env: Env, platform: FakePlatform
) -> None:
    sourced(env, platform)
    pull(env, platform, document("1", ("SKU-1", 5), receiver=WHO, modified_at=T0 + timedelta(minutes=1)))
    assert head(env).progress == Progress.CREATED
    assert held(env) == 0 and env.stock.demand() == {"SKU-1": 5}


def test_money_that_went_back_is_not_taken_back_by_an_older_word() -> None:
    old = make_full_order({"SKU-1": 1, "SKU-2": 1}).lines
    refunded = (msgspec.structs.replace(old[0], refund_state=RefundState.FULL), old[1])
    asked = tuple(msgspec.structs.replace(line, refund_state=RefundState.ASKED) for line in old)
    states = [line.refund_state for line in merged_lines(refunded, asked)]
    assert states == [RefundState.FULL, RefundState.ASKED]


# ------------------------------------------------------------------ texts


def test_a_mask_over_what_we_hold_in_clear_is_no_new_address(env: Env, platform: FakePlatform) -> None:
    sourced(env, platform)
    pull(env, platform, later(1, receiver=MASKED))
    assert head(env).progress == Progress.SOURCED and held(env) == 2
    pull(env, platform, later(2, receiver=msgspec.structs.replace(WHO, address="示例路9号")))
    assert head(env).progress == Progress.CREATED


def test_masked_texts_are_not_found_and_clear_ones_are(env: Env, platform: FakePlatform) -> None:
    from jobs import orders

    pull(env, platform, later(0, receiver=MASKED))
    assert orders.search(env, name="张**") == [] and orders.search(env, phone="138****0001") == []
    pull(env, platform, document("2", receiver=WHO))
    assert [o.order_no for o in orders.search(env, name="张三")] == [number_of("2")]


def test_an_edit_made_here_survives_the_next_pull(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, later(0))
    edits.edit(env, NO, {"address": "改后路2号", "city": "宁波市"}, by="li")
    pull(env, platform, later(1, buyer_remark="请尽快"))
    assert (receiver(env).address, receiver(env).name, head(env).region.city) == ("改后路2号", "张三", "宁波市")
    assert env.orders.load([NO])[NO].buyer_remark == "请尽快"
    assert head(env).held == 0


def test_what_a_parcel_is_made_of_cannot_be_edited_any_more(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, later(0))
    with pytest.raises(BadMove, match="undo its parcel first"):
        edits.edit(env, NO, {"address": "改后路2号"}, by="li")
    assert receiver(env).address == "示例路1号" and env.orders.edits([NO]).get(NO, []) == []


def test_a_platforms_change_to_an_edited_field_holds_the_order_and_overwrites_nothing(
    env: Env, platform: FakePlatform
) -> None:
    pull(env, platform, later(0))
    edits.edit(env, NO, {"address": "改后路2号"}, by="li")
    pull(env, platform, later(1, receiver=msgspec.structs.replace(WHO, address="买家改的路3号")))
    assert receiver(env).address == "改后路2号"
    assert [(h.code, h.facts) for h in env.orders.holds(NO)] == [("edit_conflict", {"fields": ["address"]})]


def test_an_order_sent_elsewhere_by_hand_never_merges_by_the_platforms_key_again(
    env: Env, platform: FakePlatform
) -> None:
    pull(env, platform, later(0))
    edits.edit(env, NO, {"address": "改后路2号"}, by="li")
    assert head(env).merge_key == ""
    pull(env, platform, later(1, buyer_remark="请尽快"))
    assert head(env).merge_key == ""
    pull(env, platform, document("2"))
    edits.edit(env, number_of("2"), {"seller_remark": "VIP"}, by="li")
    push.push(env)
    assert env.orders.heads([number_of("2")])[number_of("2")].merge_key == "k-2"
