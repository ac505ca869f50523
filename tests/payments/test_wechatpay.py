"""WeChat Pay API v3: the worked examples of its documents, each also with one trait altered, and what only it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.errors import KeysRefused, NotVerified, Refused, Unreadable
from adapters.payments import _keys
from adapters.payments import _wechatpay_signing as signing
from adapters.payments._wechatpay_documents import PAYMENTS, REFUNDS, payment, refund
from adapters.payments.documents import BackDocument, PaymentDocument
from adapters.payments.wechatpay import CODES
from tests.payments.contract import NO, ChannelContract
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.fakes import KEY_ID, Pay, load
from tests.payments.kit import NOON, Rig, back_ask, pay_ask, sample, sample_text

HEADERS = {
    "Wechatpay-Timestamp": "1788228921", "Wechatpay-Nonce": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
    "Wechatpay-Signature": sample_text("wechatpay", "notification.b64"), "Wechatpay-Serial": KEY_ID,
    "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
}  # fmt: skip
BODY = sample("wechatpay", "notification.json")


class TestWeChatPay(ChannelContract):
    fake = FakeWeChat


@pytest.fixture
def world() -> FakeWeChat:
    fake = FakeWeChat(NOON)
    fake.pays[NO] = Pay(NO, 8800, "paid")
    return fake


@pytest.fixture
def rig(world: FakeWeChat) -> Iterator[Rig]:
    """Believes the key of the worked example beside the fake's."""
    with world.rig(keys={KEY_ID: sample_text("wechatpay", "public_key.pem")}) as rig:
        yield rig


# ================================================================ requests


def fixed(monkeypatch: pytest.MonkeyPatch, nonce: str) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size=0: nonce.lower() if size == 16 else "00")


@pytest.mark.parametrize(("name", "stamp"), [("query", 1788400000), ("refund", 1788400001)])
def test_the_worked_requests_are_signed_as_written(
    world: FakeWeChat, monkeypatch: pytest.MonkeyPatch, name: str, stamp: int
) -> None:
    text = sample("wechatpay", f"sign_{name}.txt")
    method, path, _, nonce, body = text.decode().split("\n")[:5]
    fixed(monkeypatch, nonce)
    now = datetime.fromtimestamp(stamp, UTC)
    with world.rig(now=now, notify_url="") as rig:
        rig.server.handler = lambda _: httpx.ReadTimeout("the request is what matters")
        if name == "query":
            request = rig.channel.request(rig.channel.query_call("OMS20260901000001"))
        else:
            ask = back_ask(back_no="OMSR20260901000001", payment_no="OMS20260901000001")
            request = rig.channel.request(rig.channel.refund_call(ask))
    assert (request.method, httpx.URL(request.url).raw_path.decode(), request.body.decode()) == (method, path, body)
    assert request.headers["Authorization"] == (
        f'WECHATPAY2-SHA256-RSA2048 mchid="1900000109",nonce_str="{nonce}",'
        f'signature="{sample_text("wechatpay", f"sign_{name}.b64")}",timestamp="{stamp}",serial_no="{world.serial}"'
    )
    assert request.headers["Wechatpay-Serial"] == KEY_ID


@pytest.mark.parametrize("name", ["query", "refund"])
def test_no_byte_of_a_worked_string_can_differ(name: str) -> None:
    text, sign = sample("wechatpay", f"sign_{name}.txt"), sample_text("wechatpay", f"sign_{name}.b64")
    key = load(sample_text("wechatpay", "merchant_key.pem")).public_key()
    assert _keys.signed_by(key, text, sign)
    for n in range(0, len(text), 7):
        assert not _keys.signed_by(key, text[:n] + bytes([text[n] ^ 1]) + text[n + 1 :], sign)
    assert not _keys.signed_by(key, text[:-1], sign)
    for wrong in ("", "…", sign[:-4], sign + "=", sign.replace("A", "B", 1), sign.lower()):
        assert not _keys.signed_by(key, text, wrong)


def test_a_number_is_signed_as_it_goes_over_the_wire(rig: Rig, world: FakeWeChat) -> None:
    # the fake checks the signature over the path as it came
    assert rig.channel.query("OMS|1").status == "unpaid"
    assert rig.server.seen[0].url.raw_path.startswith(b"/v3/pay/transactions/out-trade-no/OMS%7C1?")


def test_what_the_buyers_device_gets_is_signed_with_our_key(rig: Rig) -> None:
    rig.keys[KEY_ID] = FakeWeChat(NOON).keys()[KEY_ID]
    key = load(sample_text("wechatpay", "merchant_key.pem")).public_key()
    got = rig.channel.start(pay_ask(method="jsapi")).params
    text = "".join(f"{got[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
    assert got["package"] == "prepay_id=wx01" and _keys.signed_by(key, text.encode(), got["paySign"])
    got = rig.channel.start(pay_ask(method="app")).params
    text = "".join(f"{got[name]}\n" for name in ("appid", "timestamp", "noncestr", "prepayid"))
    assert got["partnerid"] == "1900000109" and _keys.signed_by(key, text.encode(), got["sign"])


def test_what_a_method_needs_is_asked_for_before_anything_is_sent(rig: Rig, world: FakeWeChat) -> None:
    for ask in (pay_ask(method="jsapi", payer=""), pay_ask(method="h5", client_ip="")):
        with pytest.raises(Refused, match="missing"):
            rig.channel.start(ask)
    with world.rig(notify_url="") as other, pytest.raises(KeysRefused, match="notify_url"):
        other.channel.start(pay_ask())
    assert not rig.server.seen


def test_a_title_loses_what_the_channel_cannot_take(rig: Rig) -> None:
    rig.keys[KEY_ID] = FakeWeChat(NOON).keys()[KEY_ID]
    rig.channel.start(pay_ask(title="T恤😀" + "x" * 200))
    sent = rig.server.seen[0].json
    assert sent["description"] == "T恤" + "x" * 125
    assert sent["time_expire"] == "2026-09-01T12:00:00+08:00"


def test_keys_may_come_as_bare_base64() -> None:
    text = sample_text("wechatpay", "merchant_key.pem")
    bare = "".join(text.splitlines()[1:-1])
    assert _keys.sign(bare, b"x") == _keys.sign(text, b"x")
    public = sample_text("wechatpay", "public_key.pem")
    assert (
        _keys.verify_key("".join(public.splitlines()[1:-1])).key.public_numbers()
        == _keys.verify_key(public).key.public_numbers()
    )
    for wrong in ("", "x", "AAAA", public, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"):
        with pytest.raises(KeysRefused):
            _keys.private_key(wrong)


# ================================================================ sealed


def test_the_public_vector_of_the_sealing_is_opened() -> None:
    opened = signing.unseal(
        "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "uluk4a9R25RW", "associatedData", "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI="
    )
    assert opened == b"message"


@pytest.mark.parametrize(
    "change", [{"key": "b7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"}, {"nonce": "uluk4a9R25RX"}, {"associated": "associateddata"},
               {"ciphertext": "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwM="}, {"ciphertext": "…"}, {"nonce": ""}],
)  # fmt: skip
def test_the_public_vector_with_one_trait_altered_stays_shut(change: dict[str, str]) -> None:
    good = {
        "key": "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "nonce": "uluk4a9R25RW", "associated": "associatedData",
        "ciphertext": "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=",
    }  # fmt: skip
    with pytest.raises(Unreadable) as caught:
        signing.unseal(**{**good, **change})
    assert caught.value.reason == "decrypt"


def test_a_key_of_another_length_is_our_mistake_not_the_senders() -> None:
    with pytest.raises(KeysRefused, match="32"):
        signing.unseal("short", "uluk4a9R25RW", "", "")


# ================================================================ notifications


def test_the_worked_notification_is_read(rig: Rig) -> None:
    got = rig.channel.notification(HEADERS, BODY)
    assert got.payment == PaymentDocument(
        payment_no="OMS20260901000001", trade_no="4200000000202609010000000001", status="paid", status_raw="SUCCESS",
        amount_minor=8800, payer_minor=8300, settled_minor=8300, paid_at=datetime(2026, 9, 1, 2, 15, 20, tzinfo=UTC),
        merchant_id="1900000109", app_id="wxd678efh567hg6787", raw=sample("wechatpay", "notification_plain.json"),
    )  # fmt: skip
    assert (got.id, got.kind) == ("EV-2026090110152000001", "payment")
    assert got.sent_at == datetime(2026, 9, 1, 2, 15, 21, tzinfo=UTC)
    without = {name: value for name, value in HEADERS.items() if name != "Wechatpay-Signature-Type"}
    assert rig.channel.notification(without, BODY) == got


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Wechatpay-Timestamp": "1788228922"}, "signature"),
        ({"Wechatpay-Timestamp": "1788228921.0"}, "bad_time"),
        ({"Wechatpay-Timestamp": "-1788228921"}, "bad_time"),
        ({"Wechatpay-Timestamp": "١٧٨٨٢٢٨٩٢١"}, "bad_time"),
        ({"Wechatpay-Nonce": "5K8264ILTKCH16CQ2502SI8ZNMTM67VT"}, "signature"),
        ({"Wechatpay-Serial": "PUB_KEY_ID_0119000001092026010100000002"}, "unknown_key"),
        ({"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"}, "unknown_key"),
        ({"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}, "signature_type"),
        ({"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + HEADERS["Wechatpay-Signature"]}, "probe"),
        ({"Wechatpay-Signature": HEADERS["Wechatpay-Signature"][::-1]}, "signature"),
        ({"Wechatpay-Signature": HEADERS["Wechatpay-Signature"].replace("Q1oJ", "Q1oK")}, "signature"),
        *[({name: ""}, "missing_header") for name in list(HEADERS)[:4]],
    ],
)
def test_the_worked_notification_with_one_header_altered_is_refused(
    rig: Rig, change: dict[str, str], reason: str
) -> None:
    with pytest.raises(NotVerified) as caught:
        rig.channel.notification({**HEADERS, **change}, BODY)
    assert caught.value.reason == reason


def test_the_worked_notification_with_any_byte_altered_is_refused(rig: Rig) -> None:
    for n in range(0, len(BODY), 11):
        with pytest.raises(NotVerified):
            rig.channel.notification(HEADERS, BODY[:n] + bytes([BODY[n] ^ 1]) + BODY[n + 1 :])


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_the_window_is_five_minutes_either_way(rig: Rig, seconds: int, good: bool) -> None:
    rig.clock.set(datetime.fromtimestamp(1788228921 + seconds, UTC))
    if good:
        assert rig.channel.notification(HEADERS, BODY).payment is not None
        return
    with pytest.raises(NotVerified) as caught:
        rig.channel.notification(HEADERS, BODY)
    assert caught.value.reason == "too_old"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trade_state": "NEW"}, "unknown_status"), ({"trade_state": "CLOSED"}, "contradiction"),
        ({"trade_state": None}, "missing_field"), ({"out_trade_no": ""}, "missing_field"),
        ({"success_time": "2026-09-01 10:15:20"}, "bad_time"), ({"success_time": None}, "missing_field"),
        ({"amount": {"total": 88.0, "payer_total": 8300}}, "bad_money"), ({"amount": {"total": -1}}, "bad_money"),
        ({"amount": {"total": 8800}}, "missing_field"), ({"amount": {"total": 8800, "payer_total": 8801}}, "bad_money"),
        ({"amount": {"total": 8800, "payer_total": 8300, "currency": "USD"}}, "unknown_currency"),
        ({"promotion_detail": [{"type": "NOCASH", "amount": 8801}]}, "bad_money"), ({"transaction_id": 4.2e30}, "float_id"),
    ],
)  # fmt: skip
def test_what_is_signed_and_contradicts_itself_is_not_believed(
    world: FakeWeChat, change: dict[str, Any], reason: str
) -> None:
    with world.rig() as rig, pytest.raises(Unreadable) as caught:
        rig.channel.notification(*world.notice({**world.transaction(world.pays[NO]), **change}))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("event", "reason"), [("TRANSACTION.NEW", "unknown_event"), ("REFUND.SUCCESS", "bad_money"), ("", "unknown_event")]
)
def test_an_event_of_another_name_is_not_guessed_at(world: FakeWeChat, event: str, reason: str) -> None:
    payload = {**world.transaction(world.pays[NO]), "refund_status": "SUCCESS", "out_refund_no": "1"}
    payload["amount"] = {**payload["amount"], "refund": 8801}
    with world.rig() as rig, pytest.raises(Unreadable) as caught:
        rig.channel.notification(*world.notice(payload, event))
    assert caught.value.reason == reason


@pytest.mark.parametrize(("event", "status"), [("REFUND.CLOSED", "CLOSED"), ("REFUND.ABNORMAL", "ABNORMAL")])
def test_a_refund_that_failed_is_told_by_its_notification(world: FakeWeChat, event: str, status: str) -> None:
    world.give("B1", NO, 1200)
    payload = {**world.refund("B1"), "refund_status": status, "mchid": world.merchant_id}
    with world.rig() as rig:
        got = rig.channel.notification(*world.notice(payload, event))
        assert got.refund is not None and (got.refund.status, got.refund.status_raw) == (status.lower(), status)
        with pytest.raises(Unreadable):
            rig.channel.notification(*world.notice(payload, "REFUND.SUCCESS"))


# ================================================================ answers


def test_the_worked_answers_are_read() -> None:
    got = payment(sample("wechatpay", "payment.json"))
    assert (got.status, got.amount_minor, got.payer_minor, got.settled_minor) == ("refund", 8800, 8300, 8800)
    back, merchant = refund(sample("wechatpay", "refund.json"))
    assert merchant == "" and back == BackDocument(
        back_no="OMSR20260901000001", payment_no="OMS20260901000001", channel_refund_no="50300000002026090100000000001",
        status="success", status_raw="SUCCESS", amount_minor=1200, settled_minor=1132,
        done_at=datetime(2026, 9, 1, 10, 0, 3, tzinfo=UTC), raw=sample("wechatpay", "refund.json"),
    )  # fmt: skip


def test_every_state_of_the_documents_is_in_a_table() -> None:
    assert dict(PAYMENTS) == {
        "SUCCESS": "paid", "REFUND": "refund", "NOTPAY": "unpaid", "USERPAYING": "unpaid", "ACCEPT": "unpaid",
        "CLOSED": "closed", "REVOKED": "closed", "PAYERROR": "failed",
    }  # fmt: skip
    assert dict(REFUNDS) == {
        "SUCCESS": "success", "PROCESSING": "processing", "CLOSED": "closed", "ABNORMAL": "abnormal",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "act"),
    [
        (202, "", "lost"), (400, "PARAM_ERROR", "final"), (400, "INVALID_REQUEST", "final"), (401, "SIGN_ERROR", "authorise"),
        (401, "", "authorise"), (403, "NO_AUTH", "authorise"), (403, "NOT_ENOUGH", "final"), (403, "RULE_LIMIT", "final"),
        (404, "ORDER_NOT_EXIST", "final"), (404, "", "unknown"), (429, "FREQUENCY_LIMITED", "throttled"),
        (429, "", "throttled"), (500, "SYSTEM_ERROR", "lost"), (500, "BANK_ERROR", "lost"), (500, "", "lost"),
        (502, "", "lost"), (503, "SERVICE_UNAVAILABLE", "lost"), (400, "NEVER_HEARD_OF", "unknown"),
    ],
)  # fmt: skip
def test_errors_are_told_apart_by_the_table(rig: Rig, status: int, code: str, act: str) -> None:
    from adapters.payments.base import Answer, Call

    body = json.dumps({"code": code, "message": "…"}).encode() if code else b""
    call = Call(api="GET query", params={})
    assert rig.channel.verdict(call, Answer(status=status, body=body)).act == act
    if act == "throttled":
        write = Call(api="POST refund", params={}, write=True)
        assert rig.channel.verdict(write, Answer(status=status, body=body)).act == "lost", (
            "of refunds nothing is known then"
        )


def test_every_code_that_means_something_is_in_the_table(rig: Rig) -> None:
    meant = rig.channel.no_payment | rig.channel.no_refund | rig.channel.is_closed | rig.channel.is_paid
    assert {CODES.get(code) for code in meant | rig.channel.no_bill | set(rig.channel.bill_later)} == {"final"}
