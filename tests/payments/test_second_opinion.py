"""wechatpayv3, a library of other people, agrees with us in signing and in verifying, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_sign, rsa_verify

from adapters.payments import _keys
from adapters.payments import _wechatpay_signing as signing
from tests.payments.contract import NO
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.fakes import API_V3_KEY, KEY_ID, Pay, load, public_pem
from tests.payments.kit import NOON, Rig, back_ask, pay_ask, sample, sample_text

MERCHANT_KEY = sample_text("wechatpay", "merchant_key.pem")
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


def their(public_key: str) -> Any:
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE, mchid=FakeWeChat.merchant_id, private_key=MERCHANT_KEY,
        cert_serial_no=FakeWeChat.serial, apiv3_key=API_V3_KEY, appid=FakeWeChat.app_id, notify_url="https://shop.example/pay",
        public_key=public_key, public_key_id=KEY_ID,
    )  # fmt: skip


@pytest.fixture
def world() -> FakeWeChat:
    fake = FakeWeChat(NOON)
    fake.pays[NO] = Pay(NO, 8800, "paid")
    return fake


@pytest.fixture
def rig(world: FakeWeChat) -> Iterator[Rig]:
    with world.rig() as rig:
        yield rig


@pytest.fixture
def theirs(world: FakeWeChat, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Their client, its HTTP led to the fake, which checks signatures by itself; their clock is the fake's."""

    def send(method: str) -> Any:
        def call(url: str, headers: dict[str, str], json: Any = None, **_: Any) -> Any:
            # as requests would send it
            body = b"" if json is None else __import__("json").dumps(json).encode()
            from tests.adapters.kit import Seen

            reply = world(Seen(httpx.Request(method, url, headers=headers, content=body)))
            assert isinstance(reply, httpx.Response)
            theirs = requests.Response()
            theirs.status_code, theirs._content, theirs.encoding = reply.status_code, reply.content, "utf-8"
            theirs.headers.update({**reply.headers, "Content-Type": "application/json"})
            return theirs

        return call

    monkeypatch.setattr(requests, "get", send("GET"))
    monkeypatch.setattr(requests, "post", send("POST"))
    monkeypatch.setattr("time.time", lambda: world.now.timestamp())
    return their(public_pem(world.mine))


# ================================================================ signing


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v3/pay/transactions/out-trade-no/OMS20260901000001?mchid=1900000109", ""),
        ("POST", "/v3/refund/domestic/refunds", '{"reason":"质量问题"}'),
    ],
)
def test_both_write_the_same_authorization(
    world: FakeWeChat, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: str
) -> None:
    now = datetime.fromtimestamp(1788400000, UTC)
    monkeypatch.setattr("time.time", now.timestamp)
    monkeypatch.setattr("secrets.token_hex", lambda size=0: NONCE.lower())
    theirs = build_authorization(path, method, world.merchant_id, world.serial, load(MERCHANT_KEY), body, NONCE)
    text = signing.request_text(method, path, "1788400000", NONCE, body.encode())
    ours = signing.authorization(world.merchant_id, world.serial, "1788400000", NONCE, _keys.sign(MERCHANT_KEY, text))
    assert ours == theirs


def test_each_verifies_what_the_other_signed() -> None:
    key = load(MERCHANT_KEY)
    for body in ("", "{}", '{"a":"质量"}'):
        text = signing.answer_text("1788400000", NONCE, body.encode())
        theirs = rsa_sign(key, text.decode())
        assert _keys.signed_by(key.public_key(), text, theirs)
        ours = _keys.sign(MERCHANT_KEY, text)
        assert rsa_verify("1788400000", NONCE, body, ours, key.public_key())
        assert not rsa_verify("1788400001", NONCE, body, ours, key.public_key())
        assert not _keys.signed_by(key.public_key(), text + b" ", theirs)


@pytest.mark.parametrize("method", ["jsapi", "app"])
def test_both_sign_the_same_for_the_buyers_device(rig: Rig, world: FakeWeChat, theirs: Any, method: str) -> None:
    got = rig.channel.start(pay_ask(method=method)).params
    names = {
        "jsapi": ("appId", "timeStamp", "nonceStr", "package"),
        "app": ("appid", "timestamp", "noncestr", "prepayid"),
    }
    assert theirs.sign([got[name] for name in names[method]]) == got["paySign" if method == "jsapi" else "sign"]


# ================================================================ whole calls


@pytest.mark.parametrize(
    ("method", "kind", "more"),
    [
        ("native", WeChatPayType.NATIVE, {}), ("app", WeChatPayType.APP, {}),
        ("jsapi", WeChatPayType.JSAPI, {"payer": {"openid": "o-payer-1"}}),
        ("h5", WeChatPayType.H5, {"scene_info": {"payer_client_ip": "192.0.2.7", "h5_info": {"type": "Wap"}}}),
    ],
)  # fmt: skip
def test_both_start_a_payment_with_the_same_words(
    rig: Rig,
    world: FakeWeChat,
    theirs: Any,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    kind: Any,
    more: dict[str, Any],
) -> None:
    heard: list[tuple[str, Any]] = []
    start = world._start
    monkeypatch.setattr(world, "_start", lambda way, body: (heard.append((way, body)), start(way, body))[1])
    rig.channel.start(pay_ask(method=method))
    status, _ = theirs.pay(
        description="T恤 & 帽", out_trade_no=NO, amount={"total": 8800, "currency": "CNY"}, pay_type=kind,
        time_expire="2026-09-01T12:00:00+08:00", **more,
    )  # fmt: skip
    assert status == 200
    (ours_way, ours), (theirs_way, theirs_body) = heard
    assert ours_way == theirs_way and ours == {k: v for k, v in theirs_body.items() if v is not None}


def test_both_ask_close_and_give_back_alike(rig: Rig, world: FakeWeChat, theirs: Any) -> None:
    status, told = theirs.query(out_trade_no=NO)
    assert status == 200 and json.loads(told)["trade_state"] == rig.channel.query(NO).status_raw == "SUCCESS"
    status, told = theirs.refund(
        out_refund_no="B1", out_trade_no=NO, amount={"refund": 1200, "total": 8800, "currency": "CNY"}
    )
    assert status == 200 and json.loads(told)["status"] == "PROCESSING"
    assert rig.channel.refund(back_ask(back_no="B1")).status_raw == "PROCESSING" and world.given == 1
    status, told = theirs.query_refund(out_refund_no="B1")
    read = rig.channel.refund_query("B1", NO)
    assert status == 200 and read is not None and json.loads(told)["status"] == read.status_raw
    world.pays["OMS-OPEN"] = Pay("OMS-OPEN", 100)
    assert theirs.close(out_trade_no="OMS-OPEN")[0] == 204 and rig.channel.close("OMS-OPEN") == "closed"


# ================================================================ notifications


def test_both_read_the_worked_notification_alike(rig: Rig) -> None:
    pem = sample_text("wechatpay", "public_key.pem")
    rig.keys[KEY_ID] = pem
    body = sample("wechatpay", "notification.json")
    headers = {
        "Wechatpay-Timestamp": "1788228921", "Wechatpay-Nonce": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "Wechatpay-Signature": sample_text("wechatpay", "notification.b64"), "Wechatpay-Serial": KEY_ID,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }  # fmt: skip
    told = their(pem).callback(headers, body)["resource"]
    ours = rig.channel.notification(headers, body).payment
    assert ours is not None
    assert (told["out_trade_no"], told["transaction_id"], told["amount"]["total"], told["amount"]["payer_total"]) == (
        ours.payment_no, ours.trade_no, ours.amount_minor, ours.payer_minor,
    )  # fmt: skip
    assert told == json.loads(ours.raw)
    forged = {**headers, "Wechatpay-Nonce": "x"}
    assert their(pem).callback(forged, body) is None


def test_both_open_what_is_sealed_alike(world: FakeWeChat) -> None:
    _, body = world.paid_notice(NO)
    sealed = json.loads(body)["resource"]
    theirs = aes_decrypt(sealed["nonce"], sealed["ciphertext"], sealed["associated_data"], API_V3_KEY)
    ours = signing.unseal(API_V3_KEY, sealed["nonce"], sealed["associated_data"], sealed["ciphertext"])
    assert theirs.encode() == ours
    assert aes_decrypt(sealed["nonce"], sealed["ciphertext"], "other", API_V3_KEY) is None
