"""Alipay's classic gateway: the worked examples of its documents, each also with one trait altered, and what only it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import httpx
import pytest

from adapters.errors import AnswerLost, BadAnswer, NotVerified, NotYet, Refused, Uncertain, Unreadable
from adapters.payments import _alipay_signing as signing
from adapters.payments import _keys
from adapters.payments._alipay_documents import PAYMENTS
from adapters.payments.alipay import CODES, SUB_CODES
from adapters.payments.base import Answer, Call
from adapters.payments.documents import ASK_AGAIN, PaymentDocument
from tests.payments.contract import BACK, NO, ChannelContract
from tests.payments.fake_alipay import FakeAlipay, gbk_zip
from tests.payments.fakes import Pay, both_bills, check, form_of, signature
from tests.payments.kit import DAY, NEXT_DAY, NOON, Rig, back_ask, pay_ask, sample, sample_text

FORM = sample("alipay", "notification.form")
ANSWER = sample("alipay", "payment.json")


class TestAlipay(ChannelContract):
    fake = FakeAlipay


@pytest.fixture
def world() -> FakeAlipay:
    fake = FakeAlipay(NOON)
    fake.pays[NO] = Pay(NO, 8800, "paid")
    return fake


@pytest.fixture
def rig(world: FakeAlipay) -> Iterator[Rig]:
    with world.rig() as rig:
        yield rig


@pytest.fixture
def worked(world: FakeAlipay) -> Iterator[Rig]:
    """Believes the key of the worked examples instead of the fake's."""
    with world.rig() as rig:
        rig.secrets["alipay_public_key"] = sample_text("alipay", "public_key.pem")
        yield rig


# ================================================================ requests


def test_the_worked_request_is_signed_as_written(rig: Rig) -> None:
    text, sign = sample("alipay", "sign_query.txt").decode(), sample_text("alipay", "sign_query.b64")
    params = dict(part.split("=", 1) for part in text.split("&"))
    assert signing.request_text({**params, "sign": "x", "notify_url": ""}) == text
    assert _keys.sign(rig.secrets["private_key"], text.encode()) == sign
    for n in range(0, len(text), 9):
        altered = text[:n] + chr(ord(text[n]) ^ 1) + text[n + 1 :]
        assert not _keys.signed_by(FakeAlipay.merchant.public_key(), altered.encode(), sign)


def test_the_channel_itself_signs_the_worked_request(world: FakeAlipay) -> None:
    with world.rig(now=datetime(2026, 9, 1, 2, 20, tzinfo=UTC)) as rig:
        biz = {"out_trade_no": "OMS20260901000002", "query_options": ["trade_settle_info", "fund_bill_list"]}
        form = form_of(rig.channel.request(Call(api="alipay.trade.query", params={"biz": biz})).body)
    assert form["sign"] == sample_text("alipay", "sign_query.b64")


@pytest.mark.parametrize("base", ["", "https://pay.example/alipay", "https://pay.example/alipay/gateway.do"])
def test_the_gateway_may_stand_elsewhere(world: FakeAlipay, base: str) -> None:
    with world.rig(base_url=base) as rig:
        request = rig.channel.request(rig.channel.query_call(NO))
    assert request.url == ("https://pay.example/alipay" if base else "https://openapi.alipay.com") + "/gateway.do"


@pytest.mark.parametrize(("method", "api"), [("page", "alipay.trade.page.pay"), ("wap", "alipay.trade.wap.pay")])
def test_a_page_is_signed_and_nothing_is_sent(rig: Rig, method: str, api: str) -> None:
    start = rig.channel.start(pay_ask(method=method, title='T恤 "&<帽>'))
    query = dict(parse_qsl(urlsplit(start.url).query))
    text = "&".join(f"{k}={query[k]}" for k in sorted(query) if k != "sign")
    check(FakeAlipay.merchant, text.encode(), query["sign"])
    biz = json.loads(query["biz_content"])
    assert (query["method"], biz["total_amount"], biz["time_expire"]) == (api, "88.00", "2026-09-01 12:00:00")
    assert "<帽" not in start.form and query["sign"] in start.form and 'method="post"' in start.form
    assert not rig.server.seen


# ================================================================ answers


def test_the_worked_answer_is_verified_over_its_text_and_read(worked: Rig) -> None:
    worked.server.next(ANSWER)
    inner = sample("alipay", "payment_signed.txt")
    assert worked.channel.query("OMS20260901000002") == PaymentDocument(
        payment_no="OMS20260901000002", trade_no="2026090122001424331400000001", status="paid", status_raw="TRADE_SUCCESS",
        amount_minor=8800, payer_minor=8300, settled_minor=8300, paid_at=datetime(2026, 9, 1, 2, 15, 20, tzinfo=UTC),
        merchant_id="2088101106499364", app_id="2021000199912345", raw=inner,
    )  # fmt: skip


def test_the_worked_answer_with_any_signed_byte_altered_is_refused(worked: Rig) -> None:
    inner = sample("alipay", "payment_signed.txt")
    start = ANSWER.index(inner)
    for n in range(start, start + len(inner), 13):
        altered = ANSWER[:n] + bytes([ANSWER[n] ^ 1]) + ANSWER[n + 1 :]
        worked.server.handler = lambda _, body=altered: body  # type: ignore[misc]
        # no JSON any more: no answer at all
        with pytest.raises((BadAnswer, AnswerLost)):
            worked.channel.query("OMS20260901000002")


def test_an_answer_said_again_in_other_words_is_refused(worked: Rig) -> None:
    said = json.loads(ANSWER)
    worked.server.next(json.dumps(said, ensure_ascii=False).encode())
    with pytest.raises(NotVerified):
        worked.channel.query("OMS20260901000002")


def test_an_answer_to_another_call_is_no_answer(rig: Rig, world: FakeAlipay) -> None:
    rig.server.handler = lambda _: world.says("alipay.trade.close", world.trade(world.pays[NO]))
    with pytest.raises(Exception, match="no envelope"):
        rig.channel.query(NO)


@pytest.mark.parametrize("code", ["10000", "40004", "10003"])
def test_what_happened_to_money_counts_only_with_a_signature(rig: Rig, world: FakeAlipay, code: str) -> None:
    rig.server.next(world.error("alipay.trade.query", code, "ACQ.TRADE_NOT_EXIST", signed=False))
    with pytest.raises(NotVerified) as caught:
        rig.channel.query(NO)
    assert caught.value.reason == "missing_sign"


def test_a_refusal_in_an_unsigned_answer_refuses_no_refund(rig: Rig, world: FakeAlipay) -> None:
    rig.server.next(world.error("alipay.trade.refund", "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", signed=False))
    with pytest.raises(Uncertain):
        rig.channel.refund(back_ask())


def test_every_state_of_the_documents_is_in_a_table() -> None:
    assert set(PAYMENTS) == {"WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"}


@pytest.mark.parametrize(
    ("code", "sub_code", "act", "known"),
    [
        ("10000", "", "ok", "10000"), ("10003", "", "lost", "10003"), ("20000", "isp.unknow-error", "lost", "UNKNOW_ERROR"),
        ("20000", "aop.unknow-error", "lost", "UNKNOW_ERROR"), ("20000", "", "lost", "20000"),
        ("20001", "aop.invalid-app-auth-token", "authorise", "INVALID_APP_AUTH_TOKEN"),
        ("40001", "isv.missing-method", "final", "isv.missing-method"),
        ("40002", "isv.invalid-signature", "authorise", "INVALID_SIGNATURE"),
        ("40002", "isv.invalid-timestamp", "authorise", "INVALID_TIMESTAMP"),
        ("40003", "isv.missing-signature-config", "authorise", "MISSING_SIGNATURE_CONFIG"),
        ("40004", "ACQ.SYSTEM_ERROR", "lost", "SYSTEM_ERROR"), ("40004", "AQC.SYSTEM_ERROR", "lost", "SYSTEM_ERROR"),
        ("40004", "TRADE_NOT_EXIST", "final", "TRADE_NOT_EXIST"), ("40004", "ACQ.TRADE_NOT_EXIST", "final", "TRADE_NOT_EXIST"),
        ("40004", "ACQ.REFUND_CHARGE_ERROR", "retry", "REFUND_CHARGE_ERROR"),
        ("40004", "isp.bill_not_exist", "final", "BILL_NOT_EXIST"), ("40004", "invalid_arguments", "final", "INVALID_ARGUMENTS"),
        ("40004", "SYSTEM_RATE_LIMIT", "throttled", "SYSTEM_RATE_LIMIT"), ("40004", "ACQ.NEVER_HEARD", "unknown", "ACQ.NEVER_HEARD"),
        ("40005", "isv.app-call-limited", "throttled", "APP_CALL_LIMITED"),
        ("40006", "isv.insufficient-isv-permissions", "authorise", "INSUFFICIENT_ISV_PERMISSIONS"),
        ("49999", "", "unknown", "49999"),
    ],
)  # fmt: skip
def test_errors_are_told_apart_by_the_tables(
    rig: Rig, world: FakeAlipay, code: str, sub_code: str, act: str, known: str
) -> None:
    said = world.error("alipay.trade.query", code, sub_code)
    got = rig.channel.verdict(Call(api="alipay.trade.query", params={}), Answer(status=200, body=said.content))
    assert (got.act, got.code) == (act, known)


def test_every_code_that_means_something_is_in_a_table(rig: Rig) -> None:
    meant = rig.channel.no_payment | rig.channel.no_refund | rig.channel.is_closed | rig.channel.is_paid
    assert {SUB_CODES.get(code) for code in meant | rig.channel.no_bill} == {"final"}
    assert set(CODES) >= {"10000", "20000", "40004"}


# ================================================================ refunds


def test_only_fund_change_y_says_that_money_went_back(rig: Rig, world: FakeAlipay) -> None:
    assert rig.channel.refund(back_ask()).status == "success"
    for said in ({"fund_change": "N"}, {}, {"fund_change": ""}):
        rig.server.next(world.says("alipay.trade.refund", {"out_trade_no": NO, "refund_fee": "12.00", **said}))
        got = rig.channel.refund(back_ask())
        assert (got.status, got.done_at) == ("processing", None)


def test_a_cumulated_amount_that_does_not_hold_this_refund_is_not_believed(rig: Rig, world: FakeAlipay) -> None:
    for fee in ("11.99", "88.01"):
        rig.server.next(world.says("alipay.trade.refund", {"out_trade_no": NO, "fund_change": "Y", "refund_fee": fee}))
        with pytest.raises(Uncertain):
            rig.channel.refund(back_ask())


def test_a_refund_the_channel_has_not_seen_is_to_be_asked_for_again(rig: Rig) -> None:
    got = rig.channel.refund_query(BACK, NO)
    assert got is not None and (got.status, got.status_raw, got.back_no) == ("processing", ASK_AGAIN, BACK)
    assert rig.channel.refund_query(BACK, "OMS-NEVER") is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"refund_status": "REFUND_SUCCESS"}, "success"), ({}, "success"), ({"refund_status": ""}, "success"),
        ({"deposit_back_info": {"has_deposit_back": "true", "dback_status": "F", "dback_amount": "12.00"}}, "abnormal"),
        ({"deposit_back_info": {"has_deposit_back": "true", "dback_status": "S"}}, "success"),
    ],
)  # fmt: skip
def test_older_answers_and_bounced_refunds_are_read(rig: Rig, world: FakeAlipay, said: Any, status: str) -> None:
    facts = {
        "out_trade_no": NO,
        "out_request_no": BACK,
        "trade_no": "2026",
        "refund_amount": "12.00",
        "total_amount": "88.00",
    }
    rig.server.next(world.says("alipay.trade.fastpay.refund.query", {**facts, **said}))
    got = rig.channel.refund_query(BACK, NO)
    assert got is not None and (got.status, got.amount_minor) == (status, 1200)


def test_a_state_that_is_in_no_table_is_not_guessed_at(rig: Rig, world: FakeAlipay) -> None:
    facts = {"out_trade_no": NO, "out_request_no": BACK, "refund_amount": "12.00", "refund_status": "REFUND_MAYBE"}
    rig.server.next(world.says("alipay.trade.fastpay.refund.query", facts))
    with pytest.raises(BadAnswer, match="refund_status"):
        rig.channel.refund_query(BACK, NO)


# ================================================================ notifications


def test_the_worked_notification_is_read(worked: Rig) -> None:
    fields = signing.form(FORM)
    assert signing.notice_text(fields, with_empty=False) == sample("alipay", "notification_signed.txt")
    got = worked.channel.notification({}, FORM)
    assert got.payment == PaymentDocument(
        payment_no="OMS20260901000002", trade_no="2026090122001424331400000001", status="paid", status_raw="TRADE_SUCCESS",
        amount_minor=8800, payer_minor=8300, settled_minor=8300, paid_at=datetime(2026, 9, 1, 2, 15, 20, tzinfo=UTC),
        merchant_id="2088101106499364", app_id="2021000199912345", raw=FORM,
    )  # fmt: skip
    assert (got.id, got.kind) == ("2026090100222101520024331400000001", "payment")
    assert got.sent_at == datetime(2026, 9, 1, 2, 15, 21, tzinfo=UTC)


def test_the_worked_notification_with_any_field_altered_added_or_left_out_is_refused(worked: Rig) -> None:
    fields = form_of(FORM)
    for name, value in fields.items():
        if name != "sign_type":
            for changed in ({**fields, name: value + "x"}, {k: v for k, v in fields.items() if k != name}):
                with pytest.raises(NotVerified):
                    worked.channel.notification({}, urlencode(changed).encode())
    for extra in (b"&new=1", b"&total_amount=0.01", b"&a", b"&sign_type=RSA"):
        with pytest.raises(NotVerified):
            worked.channel.notification({}, FORM + extra)
    with pytest.raises(NotVerified) as caught:
        worked.channel.notification({}, FORM.replace(b"sign_type=RSA2", b"sign_type=RSA"))
    assert caught.value.reason == "signature_type"


def test_fields_in_another_order_or_encoded_otherwise_are_the_same_notification(worked: Rig) -> None:
    fields = form_of(FORM)
    body = "&".join(f"{k}={quote_plus(v, safe='*')}" for k, v in reversed(fields.items())).encode()
    got = worked.channel.notification({}, body).payment
    assert got is not None and got.amount_minor == 8800


def test_a_field_that_comes_twice_is_refused_even_when_both_are_signed(rig: Rig, world: FakeAlipay) -> None:
    pairs = sorted([*world.fields(world.pays[NO]).items(), ("total_amount", "0.01")])
    sign = signature(world.mine, "&".join(f"{k}={v}" for k, v in pairs).encode())
    with pytest.raises(NotVerified) as caught:
        rig.channel.notification({}, urlencode([*pairs, ("sign_type", "RSA2"), ("sign", sign)]).encode())
    assert caught.value.reason == "doubled_field"


@pytest.mark.parametrize("with_empty", [False, True])
def test_both_rules_for_empty_values_are_believed(rig: Rig, world: FakeAlipay, with_empty: bool) -> None:
    fields = world.fields(world.pays[NO], body="", passback_params="", new_field_of_next_year="1")
    got = rig.channel.notification(*world.form(fields, with_empty=with_empty))
    assert got.payment is not None and got.payment.status == "paid"


def test_a_notification_in_gbk_is_verified_over_its_bytes(rig: Rig, world: FakeAlipay) -> None:
    fields = world.fields(world.pays[NO], charset="GBK", subject="T恤")
    text = "&".join(f"{k}={fields[k]}" for k in sorted(fields))
    signed = {**fields, "sign_type": "RSA2", "sign": signature(world.mine, text.encode("gbk"))}
    assert rig.channel.notification({}, urlencode(signed, encoding="gbk").encode()).payment is not None


@pytest.mark.parametrize(
    ("more", "status", "refunded"),
    [
        ({"trade_status": "TRADE_FINISHED"}, "paid", None), ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, "closed", None),
        ({"trade_status": "TRADE_CLOSED", "refund_fee": "88.00", "out_biz_no": "B1"}, "refund", 8800),
        ({"refund_fee": "12.00", "out_biz_no": "B1"}, "refund", 1200), ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": ""}, "unpaid", None),
    ],
)  # fmt: skip
def test_states_are_told_as_the_documents_say(
    rig: Rig, world: FakeAlipay, more: dict[str, str], status: str, refunded: int | None
) -> None:
    got = rig.channel.notification(*world.form(world.fields(world.pays[NO], **more)))
    assert got.payment is not None
    assert (got.payment.status, got.payment.refunded_minor, got.back_no) == (
        status,
        refunded,
        more.get("out_biz_no", ""),
    )


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"total_amount": "88"}, ""), ({"total_amount": "88.001"}, "bad_money"), ({"total_amount": "-88.00"}, "bad_money"),
        ({"total_amount": ""}, "bad_money"), ({"buyer_pay_amount": "88.01"}, "bad_money"), ({"refund_fee": "88.01"}, "bad_money"),
        ({"trade_status": "TRADE_NEW"}, "unknown_status"), ({"gmt_payment": ""}, "missing_field"),
        ({"gmt_payment": "2026-13-01 00:00:00"}, "bad_time"), ({"out_trade_no": ""}, "missing_field"),
        ({"notify_id": ""}, "missing_field"), ({"notify_type": "other"}, "unknown_event"), ({"charset": "ebcdic"}, "encoding"),
    ],
)  # fmt: skip
def test_what_is_signed_and_contradicts_itself_is_not_believed(
    rig: Rig, world: FakeAlipay, more: dict[str, str], reason: str
) -> None:
    notice = world.form(world.fields(world.pays[NO], **more))
    if not reason:
        assert rig.channel.notification(*notice).payment is not None
        return
    with pytest.raises(Unreadable) as caught:
        rig.channel.notification(*notice)
    assert caught.value.reason == reason


def test_a_notification_of_another_app_is_refused(rig: Rig, world: FakeAlipay) -> None:
    with pytest.raises(NotVerified) as caught:
        rig.channel.notification(*world.form(world.fields(world.pays[NO], app_id="2021")))
    assert caught.value.reason == "other_merchant"


@pytest.mark.parametrize(("hours", "good"), [(24.9, True), (25.1, False), (-25.1, False)])
def test_a_repetition_is_believed_for_a_day(rig: Rig, world: FakeAlipay, hours: float, good: bool) -> None:
    notice = world.paid_notice(NO)
    rig.clock.set(NOON + timedelta(hours=hours))
    if good:
        assert rig.channel.notification(*notice).payment is not None
        return
    with pytest.raises(NotVerified):
        rig.channel.notification(*notice)


# ================================================================ bills


def test_the_worked_bill_is_read(rig: Rig) -> None:
    bill = rig.channel.read_bill(sample("alipay", "trade.csv"), day=DAY, kind="trade")
    assert bill.problems == []
    assert bill.totals == {
        "rows": 2, "payments": 1, "refunds": 1, "amount_minor": 8800, "settled_minor": 8300, "refund_asked_minor": 1200,
        "refund_settled_minor": 1132, "fee_e5": -50000,
    }  # fmt: skip
    paid, back = bill.rows
    assert (paid.kind, paid.trade_no, paid.payment_no, paid.back_no) == (
        "payment", "2026090122001424331400000001", "OMS20260901000002", "",
    )  # fmt: skip
    assert (back.kind, back.back_no, back.amount_minor, back.settled_minor) == (
        "refund",
        "OMSR20260901000002",
        1200,
        1132,
    )
    assert back.at == datetime(2026, 9, 1, 10, 0, 3, tzinfo=UTC)


def test_an_account_ledger_is_read(rig: Rig) -> None:
    bill = rig.channel.read_bill(sample("alipay", "funds.csv"), day=DAY, kind="funds")
    assert bill.problems == [] and bill.totals["net_minor"] == 7118
    assert [(r.kind, r.direction, r.amount_minor, r.balance_minor) for r in bill.rows] == [
        ("payment", "in", 8300, 108300), ("fee", "out", 50, 108250), ("refund", "out", 1132, 107118),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-12.00,-11.32", "12.00,11.32"), ("\t,", ","), ("集分宝（元）", "集分宝抵扣（元）"), ("（元）", "(元)"), ("支付宝优惠（元）", "支付宝优惠"),
        ("T恤,", '"T恤, 白",'), ("\n", "\r\n"), ("共-11.32元，商家优惠退款共-0.68元", "共11.32元，商家优惠退款共0.68元"), ("：", ":"), ("#支付宝业务", "\ufeff#支付宝业务"),
    ],
)  # fmt: skip
def test_variants_of_the_worked_bill_read_the_same(rig: Rig, old: str, new: str) -> None:
    text = sample("alipay", "trade.csv").decode("gb18030")
    assert old in text or new.startswith("\ufeff")
    bill = rig.channel.read_bill(text.replace(old, new).encode("gb18030"), day=DAY, kind="trade")
    assert (bill.problems, bill.totals["refund_settled_minor"], len(bill.rows)) == ([], 1132, 2)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("88.00,83.00", "88.00,83.01", "交易合计"), ("-12.00,-11.32", "-12.00,-11.31", "退款合计"), ("0.00,5.00", "0.00,5.01", "商家优惠"),
        ("交易合计：1笔", "交易合计：2笔", "笔数"), ("商家实收共83.00", "商家实收共83.01", "交易合计"), ("#退款合计", "#退款合", "退款合计"),
        ("交易\t", "转账\t", "row 1"), ("88.00,83.00", "88.001,83.00", "row 1"), ("88.00,83.00", ",83.00", "row 1"),
        ("2026-09-01 10:15:20", "2026-09-02 00:00:00", "row 1: of 2026-09-02"), ("2026-09-01 10:15:20", "10:15:20", "row 1"),
        ("起始日期：[2026年09月01日", "起始日期：[2026年09月02日", "begins with"), ("#账号", "#帐号", "whose it is"), (",质量问题", "", "row 2"),
        ("商家实收共83.00元", "商家实收共8.3.0元", "交易合计"),
    ],
)  # fmt: skip
def test_the_worked_bill_with_one_trait_altered_has_a_problem(rig: Rig, old: str, new: str, problem: str) -> None:
    text = sample("alipay", "trade.csv").decode("gb18030")
    assert old in text
    bill = rig.channel.read_bill(text.replace(old, new, 1).encode("gb18030"), day=DAY, kind="trade")
    assert any(problem in told for told in bill.problems), bill.problems


def test_the_file_of_sums_is_left_out_wherever_it_stands(rig: Rig) -> None:
    data = sample("alipay", "trade.csv")
    for names in (("x_业务明细(汇总).csv", "x_业务明细.csv"), ("x_业务明细.csv", "x_业务汇总.csv")):
        files = {name: (b"sums" if "汇总" in name else data) for name in names}
        assert rig.channel.read_bill(gbk_zip(files), day=DAY, kind="trade").problems == []
    for files in ({"x_业务明细(汇总).csv": data}, {"a_业务明细.csv": data, "b_业务明细.csv": data}):
        with pytest.raises(Unreadable, match="detail files"):
            rig.channel.read_bill(gbk_zip(files), day=DAY, kind="trade")


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_an_expired_link_is_told_by_its_words_and_asked_for_anew(world: FakeAlipay, charset: str) -> None:
    both_bills(world)
    with world.rig(now=NEXT_DAY) as rig:
        rig.server.next(world, httpx.Response(200, content="下载超时，请重新下载".encode(charset)))
        assert rig.channel.bill(DAY, "trade") is not None
        assert [seen.method for seen in rig.server.seen] == ["POST", "GET", "POST", "GET"]
        rig.server.handler = lambda seen: "下载超时".encode() if seen.method == "GET" else world(seen)
        with pytest.raises(Exception, match="expired"):
            rig.channel.bill(DAY, "trade")


def test_before_ten_a_missing_bill_may_still_come(world: FakeAlipay) -> None:
    with world.rig(now=NEXT_DAY - timedelta(minutes=61)) as rig, pytest.raises(NotYet):
        rig.channel.bill(DAY, "trade")
    with world.rig(now=NEXT_DAY) as rig:
        assert rig.channel.bill(DAY, "trade") is None


def test_another_refusal_of_a_bill_is_an_error_not_a_day_without_one(world: FakeAlipay) -> None:
    with world.rig(now=NEXT_DAY) as rig:
        rig.server.next(world.error("alipay.data.dataservice.bill.downloadurl.query", "40004", "isv.invalid_arguments"))
        with pytest.raises(Refused):
            rig.channel.bill(DAY, "trade")
