"""A payment's life at the channels: started, paid or not by its buyer's plan, closed, given back."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

import pytest

from adapters.sandbox.pay import buyers
from adapters.sandbox.pay.state import Payment
from adapters.sandbox.pay.till import Habits
from tests.sandbox.pay_callers import Alipay, WechatPay, channels


def payment(n: int, channel: str = "wechatpay") -> Payment:
    return Payment(
        channel=channel, no=f"Y{n}", method="NATIVE", title="T", total=8800, notify_url="", created=0, expires=7200
    )


def states(wechat: WechatPay, *numbers: str) -> list[str]:
    return [wechat.query(no)[1]["trade_state"] for no in numbers]


# --- buyers


def test_buyers_do_what_the_seed_says_in_the_shares_of_the_mix() -> None:
    plans = Counter(buyers.plan_of(7, payment(n)) for n in range(5000))
    assert {name: round(plans[name] / 50) for name in buyers.MIX} == pytest.approx(buyers.MIX, abs=2)
    assert [buyers.plan_of(7, payment(n)) for n in range(50)] != [buyers.plan_of(8, payment(n)) for n in range(50)]
    coupons = Counter(buyers.coupon_of(7, payment(n))[0] for n in range(5000))
    assert 0.12 < coupons["NOCASH"] / 5000 < 0.16
    assert 0.04 < coupons["CASH"] / 5000 < 0.08


@pytest.mark.parametrize(
    ("plan", "seconds", "state"),
    [("prompt", 19, "NOTPAY"), ("prompt", 240, "SUCCESS"), ("slow", 2999, "NOTPAY"), ("slow", 6000, "SUCCESS")],
)
def test_a_buyer_pays_when_his_plan_says(plan: str, seconds: int, state: str) -> None:
    wechat, _ = channels()
    wechat.till.habits.plan = plan
    wechat.start("OMS00001")
    wechat.advance(seconds)
    assert states(wechat, "OMS00001") == [state]


def test_a_late_buyer_pays_in_the_moment_of_closing() -> None:
    wechat, ali = channels()
    wechat.till.habits.plan = "late"
    wechat.start("OMS00001")
    assert wechat.close("OMS00001") == (400, {"code": "ORDERPAID", "message": "该订单已支付"})
    assert states(wechat, "OMS00001") == ["SUCCESS"]
    ali.start("OMS00001", kind="page")
    assert ali.close("OMS00001")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"


def test_a_late_buyer_who_is_never_closed_pays_just_before_the_end() -> None:
    wechat, _ = channels()
    wechat.till.habits.plan = "late"
    wechat.start("OMS00001", time_expire="2026-09-01T12:00:00+08:00")
    wechat.advance(2 * 3600 - 31)
    assert states(wechat, "OMS00001") == ["NOTPAY"]
    wechat.advance(1)
    assert states(wechat, "OMS00001") == ["SUCCESS"]


def test_a_code_that_nobody_scanned_is_no_trade_and_may_be_paid_after_closing() -> None:
    _, ali = channels()
    ali.till.habits.plan = "late"
    ali.start("OMS00001")
    assert ali.query("OMS00001")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert ali.close("OMS00001")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    ali.advance(61)
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"


def test_a_cancelled_code_is_never_paid() -> None:
    _, ali = channels()
    ali.start("OMS00001")
    told = ali.call("alipay.trade.cancel", {"out_trade_no": "OMS00001"})
    assert (told["action"], told["retry_flag"]) == ("close", "N")
    ali.advance(3600)
    assert ali.till.payments["alipay", "OMS00001"].state == "closed"


def test_cancelling_what_is_paid_gives_all_of_it_back() -> None:
    _, ali = channels()
    ali.start("OMS00001")
    ali.advance(300)
    assert ali.call("alipay.trade.cancel", {"out_trade_no": "OMS00001"})["action"] == "refund"
    assert ali.query("OMS00001")["trade_status"] == "TRADE_CLOSED"


def test_two_payments_of_one_order_are_both_paid() -> None:
    wechat, ali = channels()
    wechat.till.habits.plan = "slow"
    wechat.start("OMS00001")
    wechat.till.habits.plan = "prompt"
    ali.start("OMS00002")
    wechat.advance(7200)
    assert states(wechat, "OMS00001") == ["SUCCESS"]
    assert ali.query("OMS00002")["trade_status"] == "TRADE_SUCCESS"


def test_a_closed_payment_and_one_past_its_end_stay_unpaid() -> None:
    wechat, ali = channels()
    wechat.till.habits.plan = "slow"
    wechat.start("OMS00001")
    wechat.till.habits.plan = "never"
    wechat.start("OMS00002", time_expire="2026-09-01T10:10:00+08:00")
    assert wechat.close("OMS00001")[0] == 204
    wechat.advance(2 * 3600)
    assert states(wechat, "OMS00001", "OMS00002") == ["CLOSED", "CLOSED"]
    assert wechat.close("OMS00001")[1]["code"] == "ORDER_CLOSED"
    ali.start("OMS00003", kind="wap", timeout_express="5m")
    assert ali.query("OMS00003")["trade_status"] == "WAIT_BUYER_PAY"
    ali.advance(301)
    assert ali.query("OMS00003")["trade_status"] == "TRADE_CLOSED"
    assert ali.close("OMS00003")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


# --- starting


@pytest.mark.parametrize(
    ("kind", "word"), [("native", "code_url"), ("h5", "h5_url"), ("jsapi", "prepay_id"), ("app", "prepay_id")]
)
def test_wechatpay_starts_every_kind_and_again_gives_the_same(kind: str, word: str) -> None:
    wechat, _ = channels()
    status, told = wechat.start("OMS00001", kind=kind)
    assert (status, list(told)) == (200, [word])
    assert wechat.start("OMS00001", kind=kind) == (200, told)
    assert wechat.start("OMS00001", 8801, kind=kind)[1]["code"] == "INVALID_REQUEST"
    wechat.advance(300)
    assert wechat.start("OMS00001", kind=kind)[1]["code"] == "ORDERPAID"


@pytest.mark.parametrize("kind", ["page", "wap", "app"])
def test_alipay_starts_when_the_buyer_opens_the_link(kind: str) -> None:
    _, ali = channels()
    assert "OMS00001 88.00" in ali.start("OMS00001", kind=kind)
    assert ali.query("OMS00001")["trade_status"] == "WAIT_BUYER_PAY"
    ali.advance(300)
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"


def test_a_link_may_be_opened_long_after_it_was_signed() -> None:
    _, ali = channels()
    content = {"out_trade_no": "OMS00001", "total_amount": "88.00", "subject": "T恤"}
    signed = ali.sign(ali.params("alipay.trade.wap.pay", content))
    ali.advance(3000)
    assert "OMS00001" in ali.post(signed)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"appid": "wx1"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1"}, "PARAM_ERROR"),
        ({"out_trade_no": "short"}, "PARAM_ERROR"),
        ({"out_trade_no": "with space"}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"description": "😀"}, "PARAM_ERROR"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"amount": {"total": "8800"}}, "PARAM_ERROR"),
        ({"amount": {"total": True}}, "PARAM_ERROR"),
        ({"amount": {"total": 88.0}}, "PARAM_ERROR"),
        ({"notify_url": "http://example.com/x"}, "PARAM_ERROR"),
        ({"notify_url": "https://example.com/x?y=1"}, "PARAM_ERROR"),
        ({"time_expire": "2026-09-01 12:00:00"}, "PARAM_ERROR"),
        ({"time_expire": "2026-09-01T09:00:00+08:00"}, "PARAM_ERROR"),
        ({"payer": {}}, "PARAM_ERROR"),
    ],
)
def test_wechatpay_refuses_a_wrong_start(more: dict[str, object], code: str) -> None:
    wechat, _ = channels()
    status, told = wechat.start("OMS00001", kind="jsapi", **more)
    assert (status, told["code"]) == (400, code)
    assert wechat.till.payments == {}
    assert len(wechat.world.book.of("money_refused", code=code)) == 1


@pytest.mark.parametrize(
    "more", [{"out_trade_no": "a-b"}, {"subject": ""}, {"time_expire": "x"}, {"timeout_express": "1y"}]
)
@pytest.mark.parametrize("total", ["88.00"])
def test_alipay_refuses_a_wrong_start(more: dict[str, str], total: str) -> None:
    _, ali = channels()
    assert ali.start("OMS00001", total, **more)["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("total", ["0.00", "88.001", "-1.00", "1e3", "", 88])
def test_alipay_refuses_an_amount_that_is_none(total: str) -> None:
    _, ali = channels()
    assert ali.start("OMS00001", total)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_what_nobody_started_is_not_there() -> None:
    wechat, ali = channels()
    assert (wechat.query("OMS00001")[0], wechat.close("OMS00001")[1]["code"]) == (404, "ORDER_NOT_EXIST")
    assert wechat.refund("OMS00001", "R1", 1)[1]["code"] == "RESOURCE_NOT_EXISTS"
    assert wechat.call("GET", "/v3/refund/domestic/refunds/R1")[1]["code"] == "RESOURCE_NOT_EXISTS"
    for told in (ali.query("OMS00001"), ali.close("OMS00001"), ali.refund("OMS00001", "R1", "1.00")):
        assert (told["code"], told["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")


def test_a_number_with_a_bar_is_signed_as_it_is_sent() -> None:
    wechat, _ = channels()
    wechat.start("OMS|0001")
    path = f"/v3/pay/transactions/out-trade-no/{quote('OMS|0001', safe='')}"
    assert "%7C" in path
    status, told = wechat.call("GET", f"{path}?mchid={wechat.info['merchant_id']}")
    assert (status, told["out_trade_no"]) == (200, "OMS|0001")


# --- refunds


def bought(coupon: str = "none", amount: int = 0) -> tuple[WechatPay, Alipay]:
    wechat, ali = channels()
    wechat.till.habits = Habits(plan="prompt", coupon=coupon, coupon_amount=amount)
    wechat.start("OMS00001")
    ali.start("OMS00001")
    wechat.advance(300)
    return wechat, ali


def test_a_refund_asked_twice_is_made_once() -> None:
    wechat, ali = bought()
    assert [wechat.refund("OMS00001", "R1", 1200)[0] for _ in range(3)] == [200] * 3
    assert [ali.refund("OMS00001", "R1", "12.00")["fund_change"] for _ in range(3)] == ["Y", "N", "N"]
    assert [b.amount for b in wechat.till.backs.values()] == [1200, 1200]
    status, told = wechat.refund("OMS00001", "R1", 1201)
    assert (status, told["code"]) == (400, "INVALID_REQUEST")
    assert ali.refund("OMS00001", "R1", "12.01")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"


def test_refunds_never_pass_what_was_paid() -> None:
    wechat, ali = bought()
    for n, amount in enumerate((4000, 4000)):
        assert wechat.refund("OMS00001", f"R{n}", amount)[0] == 200
        assert ali.refund("OMS00001", f"R{n}", "40.00")["code"] == "10000"
    assert wechat.refund("OMS00001", "R9", 801)[1]["code"] == "INVALID_REQUEST"
    assert ali.refund("OMS00001", "R9", "8.01")["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert wechat.refund("OMS00001", "R9", 800)[0] == 200
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"
    assert ali.refund("OMS00001", "R9", "8.00")["code"] == "10000"
    assert ali.query("OMS00001")["trade_status"] == "TRADE_CLOSED"
    assert ali.query("OMS00001")["send_pay_date"]


@pytest.mark.parametrize("coupon", ["NOCASH", "CASH"])
@pytest.mark.parametrize("parts", [(1, 8799), (1200, 3333, 2222, 2045), tuple([176] * 50)])
def test_parts_of_a_refund_add_up_to_the_fen(coupon: str, parts: tuple[int, ...]) -> None:
    wechat, _ = bought(coupon, 777)
    for n, part in enumerate(parts):
        assert wechat.refund("OMS00001", f"R{n}", part)[0] == 200
    backs = list(wechat.till.backs.values())
    found = wechat.till.payments["wechatpay", "OMS00001"]
    assert (found.payer_total, found.settled) == (8023, 8023 if coupon == "NOCASH" else 8800)
    assert (sum(b.payer for b in backs), sum(b.settled for b in backs)) == (found.payer_total, found.settled)
    assert sum(b.fee_back for b in backs) == found.fee
    assert all(0 <= b.payer <= b.amount and 0 <= b.settled <= b.amount for b in backs)


def test_an_unpaid_payment_gives_nothing_back() -> None:
    wechat, ali = channels()
    wechat.till.habits.plan = "never"
    wechat.start("OMS00001")
    ali.start("OMS00001", kind="page")
    assert wechat.refund("OMS00001", "R1", 1)[1]["code"] == "INVALID_REQUEST"
    assert ali.refund("OMS00001", "R1", "0.01")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_wechatpay_wants_the_true_total_and_at_most_fifty_parts() -> None:
    wechat, _ = bought()
    assert wechat.refund("OMS00001", "R1", 1, total=8801)[1]["code"] == "INVALID_REQUEST"
    for n in range(50):
        assert wechat.refund("OMS00001", f"R{n}", 1)[0] == 200
    assert wechat.refund("OMS00001", "R50", 1)[1]["code"] == "RULE_LIMIT"


def test_an_empty_account_gives_nothing_back() -> None:
    wechat, ali = bought()
    wechat.till.balances = {"wechatpay": 0, "alipay": 0}
    assert wechat.refund("OMS00001", "R1", 100)[1]["code"] == "NOT_ENOUGH"
    assert ali.refund("OMS00001", "R1", "1.00")["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    wechat.till.balances = {"wechatpay": 100, "alipay": 100}
    assert wechat.refund("OMS00001", "R1", 100)[0] == 200
    assert ali.refund("OMS00001", "R1", "1.00")["code"] == "10000"


@pytest.mark.parametrize(("outcome", "status"), [("abnormal", "ABNORMAL"), ("closed", "CLOSED")])
def test_a_refund_that_fails_says_so_and_a_closed_one_makes_room(outcome: str, status: str) -> None:
    wechat, _ = bought()
    wechat.till.habits.outcome = outcome
    wechat.refund("OMS00001", "R1", 8800)
    wechat.advance(120)
    assert wechat.call("GET", "/v3/refund/domestic/refunds/R1")[1]["status"] == status
    assert wechat.refund("OMS00001", "R2", 8800)[0] == (200 if outcome == "closed" else 400)


def test_alipay_needs_a_number_for_a_part_and_tells_of_a_bank_that_sent_it_back() -> None:
    _, ali = bought()
    assert ali.refund("OMS00001", "", "1.00")["sub_code"] == "ACQ.INVALID_PARAMETER"
    ali.till.habits.outcome = "abnormal"
    ali.refund("OMS00001", "", "88.00")
    assert ali.told("OMS00001", "OMS00001")["deposit_back_info"]["dback_status"] == "F"


def test_a_year_later_the_trade_is_finished() -> None:
    _, ali = bought()
    ali.advance(366 * 86400)
    assert ali.query("OMS00001")["trade_status"] == "TRADE_FINISHED"
    assert ali.refund("OMS00001", "R1", "1.00")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
