"""The channels' answers have the field paths and JSON types of the documented samples, and the samples' very figures."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from adapters.sandbox.pay.till import Habits
from adapters.sandbox.wire import from_beijing
from tests.sandbox.pay_callers import Alipay, Listener, WechatPay, channels
from tests.sandbox.test_shapes import walk

_PAYMENT = {
    "appid": "text",
    "mchid": "text",
    "out_trade_no": "text",
    "transaction_id": "text",
    "trade_type": "text",
    "trade_state": "text",
    "trade_state_desc": "text",
    "bank_type": "text",
    "attach": "text",
    "success_time": "text",
    "payer.openid": "text",
    "amount.total": "int",
    "amount.payer_total": "int",
    "amount.currency": "text",
    "amount.payer_currency": "text",
    **{
        f"promotion_detail[].{name}": "int" if name in ("amount",) or name.endswith("contribute") else "text"
        for name in (
            "coupon_id",
            "name",
            "scope",
            "type",
            "amount",
            "stock_id",
            "wechatpay_contribute",
            "merchant_contribute",
            "other_contribute",
            "currency",
        )
    },
}
_REFUND = {
    **dict.fromkeys(
        (
            "refund_id",
            "out_refund_no",
            "transaction_id",
            "out_trade_no",
            "channel",
            "user_received_account",
            "success_time",
            "create_time",
            "status",
            "funds_account",
            "amount.currency",
            "promotion_detail[].promotion_id",
            "promotion_detail[].scope",
            "promotion_detail[].type",
        ),
        "text",
    ),
    **dict.fromkeys(
        (
            "amount.total",
            "amount.refund",
            "amount.payer_total",
            "amount.payer_refund",
            "amount.settlement_refund",
            "amount.settlement_total",
            "amount.discount_refund",
            "amount.refund_fee",
            "promotion_detail[].amount",
            "promotion_detail[].refund_amount",
        ),
        "int",
    ),
}
_NOTICE = dict.fromkeys(
    (
        "id",
        "create_time",
        "resource_type",
        "event_type",
        "summary",
        "resource.original_type",
        "resource.algorithm",
        "resource.ciphertext",
        "resource.associated_data",
        "resource.nonce",
    ),
    "text",
)


def shape(value: object) -> dict[str, Any]:
    return {path: next(iter(kinds)) if len(kinds) == 1 else kinds for path, kinds in walk(value, "", {}).items()}


def bought(number: str) -> tuple[WechatPay, Alipay]:
    """The samples' trade: 88.00 with a coupon of 5.00, paid."""
    wechat, ali = channels(start="2026-09-01T10:15:00+08:00")
    wechat.till.habits = Habits(plan="prompt", coupon="NOCASH", coupon_amount=500)
    wechat.start(number, kind="jsapi")
    ali.start(number)
    wechat.advance(600)
    return wechat, ali


def test_wechatpay_query_has_the_sampled_shape_and_figures() -> None:
    wechat, _ = bought("OMS20260901000001")
    _, paid = wechat.query("OMS20260901000001")
    assert shape(paid) == _PAYMENT
    assert paid["amount"] == {"total": 8800, "payer_total": 8300, "currency": "CNY", "payer_currency": "CNY"}
    assert (paid["trade_state"], paid["trade_type"]) == ("SUCCESS", "JSAPI")
    assert paid["success_time"].startswith("2026-09-01T10:1")
    assert paid["success_time"].endswith("+08:00")
    assert wechat.call("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid=1900000109") == (200, paid)


def test_wechatpay_unpaid_order_lacks_what_only_payment_brings() -> None:
    wechat, _ = channels()
    wechat.till.habits.plan = "never"
    wechat.start("OMS20260901000001")
    _, unpaid = wechat.query("OMS20260901000001")
    paid_only = {"transaction_id", "success_time", "payer.openid", "amount.payer_total", "amount.payer_currency"}
    found = {p for p in _PAYMENT if not p.startswith("promotion")} - paid_only
    assert shape(unpaid) == {p: _PAYMENT[p] for p in found}
    assert unpaid["trade_state"] == "NOTPAY"


def test_wechatpay_refund_has_the_sampled_shape_and_figures() -> None:
    wechat, _ = bought("OMS20260901000001")
    _, asked = wechat.refund("OMS20260901000001", "OMSR20260901000001", 1200)
    assert (asked["status"], "success_time" in asked) == ("PROCESSING", False)
    wechat.advance(120)
    _, done = wechat.call("GET", "/v3/refund/domestic/refunds/OMSR20260901000001")
    assert shape(done) == _REFUND
    assert done["status"] == "SUCCESS"
    assert done["amount"] == {
        "total": 8800,
        "refund": 1200,
        "payer_total": 8300,
        "payer_refund": 1132,
        "settlement_refund": 1132,
        "settlement_total": 8300,
        "discount_refund": 68,
        "currency": "CNY",
        "refund_fee": 0,
        "from": [],
    }
    assert wechat.query("OMS20260901000001")[1]["trade_state"] == "REFUND"


def test_wechatpay_notifications_have_the_sampled_shape() -> None:
    wechat, _ = bought("OMS20260901000001")
    listener = Listener()
    wechat.refund("OMS20260901000001", "OMSR20260901000001", 1200, notify_url="http://127.0.0.1:9/back")
    wechat.advance(120)
    listener.round(wechat.till)
    told = [wechat.unseal(body) for _, headers, body in listener.got if "wechatpay-serial" in headers]
    assert [shape(envelope) for envelope, _ in told] == [_NOTICE, _NOTICE]
    (_, paid), (envelope, back) = told
    assert shape(paid) == _PAYMENT
    assert (envelope["event_type"], back["refund_status"], "status" in back) == ("REFUND.SUCCESS", "SUCCESS", False)
    assert back["amount"] == {"total": 8800, "refund": 1200, "payer_total": 8300, "payer_refund": 1132}
    headers = listener.got[0][1]
    assert {k for k in headers if k.startswith("wechatpay")} == {
        "wechatpay-timestamp",
        "wechatpay-nonce",
        "wechatpay-signature",
        "wechatpay-serial",
        "wechatpay-signature-type",
    }


def test_wechatpay_errors_have_the_envelope() -> None:
    wechat, _ = channels()
    status, told = wechat.start("OMS20260901000001", amount={"total": 1, "currency": "XYZ"})
    assert (status, told["code"]) == (400, "PARAM_ERROR")
    assert {k: v for k, v in told["detail"].items() if k != "issue"} == {
        "field": "/amount/currency",
        "value": "XYZ",
        "location": "body",
    }
    assert wechat.outcome is not None
    assert wechat.outcome.response.headers["request-id"].rpartition("-")[2].isdigit()
    for method, path, status in (("GET", "/v3/nothing", 404), ("GET", "/v3/refund/domestic/refunds", 405)):
        assert wechat.raw(method, path) == (status, b"")


def test_alipay_query_has_the_sampled_fields_and_figures() -> None:
    _, ali = bought("OMS20260901000002")
    told = ali.query("OMS20260901000002", query_options=["fund_bill_list"])
    assert set(told) == {
        *("code", "msg", "buyer_logon_id", "buyer_pay_amount", "buyer_user_id", "fund_bill_list", "invoice_amount"),
        *("out_trade_no", "point_amount", "receipt_amount", "send_pay_date", "subject", "total_amount", "trade_no"),
        "trade_status",
    }
    amounts = {k: told[k] for k in ("total_amount", "buyer_pay_amount", "receipt_amount", "invoice_amount")}
    assert amounts == {
        "total_amount": "88.00",
        "buyer_pay_amount": "83.00",
        "receipt_amount": "83.00",
        "invoice_amount": "83.00",
    }
    assert told["fund_bill_list"] == [
        {"amount": "83.00", "fund_channel": "ALIPAYACCOUNT"},
        {"amount": "5.00", "fund_channel": "MDISCOUNT"},
    ]
    assert (len(told["trade_no"]), told["trade_no"][:8]) == (28, "20260901")
    assert set(shape(told).values()) == {"text"}
    assert from_beijing(told["send_pay_date"]) > from_beijing("2026-09-01 10:15:00")


def test_alipay_signs_titles_with_braces_and_quotes_over_the_raw_text() -> None:
    _, ali = channels()
    ali.start("OMS20260901000002", subject='T恤 {"M"}}')
    ali.advance(300)
    assert ali.query("OMS20260901000002")["subject"] == 'T恤 {"M"}}'
    assert ali.outcome is not None
    assert b'T\\u6064 {\\"M\\"}}' in ali.outcome.response.body


def test_alipay_notifications_have_the_sampled_parameters() -> None:
    _, ali = bought("OMS20260901000002")
    listener = Listener()
    listener.round(ali.till)
    (body,) = [b for _, h, b in listener.got if h["content-type"].startswith("application/x-www")]
    form = dict(parse_qsl(body.decode()))
    assert ali.genuine(body)
    assert set(form) == {
        *("app_id", "auth_app_id", "buyer_id", "buyer_logon_id", "buyer_pay_amount", "charset", "fund_bill_list"),
        *("gmt_create", "gmt_payment", "invoice_amount", "notify_id", "notify_time", "notify_type", "out_trade_no"),
        *("point_amount", "receipt_amount", "seller_id", "subject", "total_amount", "trade_no", "trade_status"),
        *("version", "sign_type", "sign"),
    }
    assert json.loads(form["fund_bill_list"])[1] == {"amount": "5.00", "fundChannel": "MDISCOUNT"}
    assert len(form["notify_id"]) == 34
    assert (form["trade_status"], form["total_amount"]) == ("TRADE_SUCCESS", "88.00")


def test_alipay_refund_answers_have_the_documented_fields() -> None:
    _, ali = bought("OMS20260901000002")
    told = ali.refund("OMS20260901000002", "R1", "12.00", query_options=["refund_detail_item_list"])
    assert (told["fund_change"], told["refund_fee"], told["send_back_fee"]) == ("Y", "12.00", "11.32")
    assert told["refund_detail_item_list"] == [
        {"amount": "11.32", "fund_channel": "ALIPAYACCOUNT"},
        {"amount": "0.68", "fund_channel": "MDISCOUNT"},
    ]
    again = ali.refund("OMS20260901000002", "R2", "8.00")
    assert again["refund_fee"] == "20.00"
    found = ali.told("OMS20260901000002", "R2", query_options=["gmt_refund_pay"])
    assert (found["refund_status"], found["refund_amount"], found["total_amount"]) == (
        "REFUND_SUCCESS",
        "8.00",
        "88.00",
    )
    assert found["gmt_refund_pay"].startswith("2026-09-01 10:25:")
    missing = ali.told("OMS20260901000002", "R3")
    assert missing == {"code": "10000", "msg": "Success"}
