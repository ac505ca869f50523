"""The channels' own code gives the signatures that the notes' worked examples print, and refuses all others."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.sandbox.pay import alipay, keys, wechatpay
from adapters.sandbox.wire import Request, from_beijing
from tests.sandbox.pay_callers import Alipay, WechatPay, channels, sign, verify

# --- WeChat Pay: a throw-away merchant key made for this

MERCHANT = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDtkqCdXpfDSWN1
uiqXcDFC1MLlp/bA8NSWP4tReWO/NTRXl5MDrmPCu1jaVyhBHF9T5e3PLuq9cbED
g79goohhPkA+yGCjGjJV7b/wL7JgGXQiAvnSMeNxoF58R7mvFbfQ6Z9g7Emzcvcu
rkkT5pjPyKQquzaz6yWs9nzqVNNa8s9ZJ9XPy/NfAx1jmWIlkDB8KCELs/shbXiv
eIXzgFREGhv0wY6XAn0Xivi0dbosJ/7vZiQZ1yFHSeMwMzQ7CJPD9ZkGO1/pc1P1
ec5K5BV7f6gE08FEtlRl3rMk7xIkClFfd7uQPTxndJefhlRYxB4pnoKLSecPe2uu
64RZqHilAgMBAAECggEAI1AnwqyUV2lZuN6exRren6X7gGKKmZxSpTC11zr5eisA
6EI2DpaF6qSpbO8Go0MB4nkrc5/wMY+sNa8IK+eM6RN1Pj/PqX7T25T28k9Mrt8p
tYKGutlCixnA4a1RqvZJ9+o6EBCfVeaxWkV6xFQDA+O5j0Z7t5us4nxTDgvkzMBA
g7mpZIqXj+iAwb4xtoI0ldvehBz2NbonmZiw8ztm7NeinzoHi6d8tfIg9tCp8I4h
c5/+ZPIS24ZZnrTE64EvSNNYsuQC1Q/7jpok+dHYpT4/3g4F6HHm17oqmNIqBkXB
iQpxDPjLQWFQrHMFbKQpQ+S6wD4796eRTdfz8xkp0wKBgQD4aBJv+wH+/STZ/RgZ
j4DNfthUii8UiA1yYcBMOel0TR17zv+hpD1ut6Amx0Vyskvpx4Ky5a+LfucNu2wq
4wDbwUDabGulKxig7arVKGEKkzXnWTXxOINnS/2lT/2KrJmo6NYbKDnOj4QKB8JX
t8wkckTDpeHkREg5dqzyAYj4EwKBgQD01cZVVemobAKkhbaGz24U7NKYJRUMKRLw
U9XGff3iuxg7ofnT4ttU2Cz3qkPTBs6WiQtmPzFaYDI9Ut3vhGnFwR9fSupYNRNz
9TlFXz+Bc3dUyShEKeZJwjKrSOGHdICncaAxJFXIUZJXHzr4QxwcqpDZgTDEKO/5
iZyQqTfTZwKBgQCupZUY8BSGL3rCXKSeC/vV/vGf9ouFVuaFXd6yeSD+6Nzq2C14
ex3KAwZxXTchneOrmN72YnBalj1itTwmpvVKjAPJzeKc/MDTHGY4eaxIoBmM73by
gvY4IQBTQvsSjal3TUSDUXPbG6IM30mvHIVFtqVMHQvFzpAs/pg3iga/ywKBgBhK
VUEGIwZooOJ9uZwqXDuLO2GI3Eu2j4B0cNMekN+7vC2+ZjDVYvlJ8TwpEk2PcVOS
CSV9w4G55YIcBJTMyEmsXVZw8ksKCQIKJEJzrrNDJ2WsB2ir14Md1zUTJ/zuXA1A
wqnddv1GyoQGPy1+Sv21FmXd4V60yQoy0uuvPjClAoGAPCas5vDAbwHyDBjeyYa+
nfuDOPtHDmbixRKK0YuJ6h7ASvMmnogNMOLjUs9DdEw/3pTjrX1QS7gxM8k+yymu
dVEGnx9NpMsCUPgtFOGVRkaJy5X7aM9/ljZ9Pa8XoxkbsOYmhQFbrO8lDF4KT1aF
fRYVIILNVXAZNGLUe/HzHNo=
-----END PRIVATE KEY-----
"""
QUERY = "/v3/pay/transactions/out-trade-no/OMS20260901000001?mchid=1900000109"
QUERY_SIGN = (
    "T57/wcuk+SazcJz5vBSzFEtVP8yVuYeivkShi7T1jWR2Qvhu/3Z5VOoOAr/utBJoD91UO5Hi2lROxW6Fj6GguwqL6zG4qUgayjzcXNBWciUZKQgnm5CR"
    "2ENX6HtDp1oMmX5Ehnn0er8d5yODcuPHIO3tWazjmuhfTgWccWm6qwqz6Yqw6ycR+FlzQP6C2UCqB2e50BrL1priJW2cBKekr4PmLMdZeChP02oWkh99"
    "5RSLgXCrmklP8OIAMjOFnO8/fzJXcJN8G4jEQTJD3oHUHUOXtII3nHcnB2C0bQJziYeOKk6Rmz6FxTUw0d3odipSbC7KB60zNLQDPUkJANDUXw=="
)
REFUND_BODY = (
    '{"out_trade_no":"OMS20260901000001","out_refund_no":"OMSR20260901000001","reason":"质量问题",'
    '"amount":{"refund":1200,"total":8800,"currency":"CNY"}}'
).encode()
REFUND_SIGN = (
    "da6+Mx1F6l4kwJ7xWg3B+3zjE5MZdCCSdHYwaoAMvNj61pv4IZnFYH4StOU4e5fd5vVDaSbt95Xgi61KLDwnt/CNbjlZnSx9FX7IfsssaAiKDKnNn9OU"
    "ZFRKOPT1vQgBgPUrKbGJ1uIYyDgTAZTnPsqUP45Qu+B2xkAjQXeb0aVPJ+Zf1MMs74EFhdl3YjrzSxTvZGS5+I60NToayqBi8wxCZ1l0MZpQIeP0U1/Y"
    "FdJPvcEBZXRV0rfAbFBCN6stOhEOhW7YpbXTFynPoqjXI8XUpKdxHMBwGtoeyhqB80/np3eKu511u04Up8JcihRdnoUVmYX8bp95oSC7UI93gw=="
)
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"


@pytest.fixture
def wechat() -> WechatPay:
    """A world at the time of the worked examples, whose merchant has their key."""
    caller, _ = channels(start="2026-09-01T00:00:00+08:00")
    merchant = caller.till.merchants["wechatpay"]
    merchant.own_pem, merchant.serial = MERCHANT, SERIAL
    caller.info["private_key"], caller.info["serial"] = MERCHANT, SERIAL
    caller.start("OMS20260901000001")
    caller.advance(3600)
    caller.world.advance(1788400000)
    return caller


def query(caller: WechatPay, **other: str) -> Request:
    """The worked example's query; other parts of the header as given."""
    words = {"nonce_str": "593BEC0C930BF1AFEB40B4A08C8FB242", "timestamp": "1788400000", "signature": QUERY_SIGN}
    return caller.request("GET", QUERY, None, **{**words, **other})


def code(caller: WechatPay, request: Request) -> tuple[int, str]:
    response = caller.send(request).response
    tree = json.loads(response.body)
    if response.status >= 400:
        assert "wechatpay-signature" not in response.headers
    return response.status, tree.get("code", tree.get("trade_state"))


def test_wechatpay_signs_both_worked_examples() -> None:
    text = wechatpay.signing_text("GET", QUERY, "1788400000", "593BEC0C930BF1AFEB40B4A08C8FB242", b"")
    assert keys.sign(keys.read_private(MERCHANT), text) == QUERY_SIGN
    path = "/v3/refund/domestic/refunds"
    text = wechatpay.signing_text("POST", path, "1788400001", "C0FFEE00C0FFEE00C0FFEE00C0FFEE00", REFUND_BODY)
    assert keys.sign(keys.read_private(MERCHANT), text) == REFUND_SIGN


def test_wechatpay_lets_the_worked_examples_in(wechat: WechatPay) -> None:
    assert code(wechat, query(wechat)) == (200, "SUCCESS")
    other = {"nonce_str": "C0FFEE00C0FFEE00C0FFEE00C0FFEE00", "timestamp": "1788400001", "signature": REFUND_SIGN}
    plain = wechat.request("POST", "/v3/refund/domestic/refunds", {}, **other)
    response = wechat.send(msgspec.structs.replace(plain, body=REFUND_BODY)).response
    assert (response.status, json.loads(response.body)["status"]) == (200, "PROCESSING")
    assert wechat.signed(response.headers, response.body)


@pytest.mark.parametrize(
    "other",
    [
        {"signature": QUERY_SIGN[:-3] + "A=="},
        {"signature": REFUND_SIGN},
        {"signature": ""},
        {"signature": "WECHATPAY/SIGNTEST/abc"},
        {"nonce_str": "593BEC0C930BF1AFEB40B4A08C8FB243"},
        {"timestamp": "1788400001"},
        {"timestamp": "1788399699"},
        {"timestamp": "1788400301"},
        {"timestamp": "now"},
        {"mchid": "1900000110"},
        {"serial_no": SERIAL[:-1] + "2"},
    ],
)
def test_wechatpay_refuses_the_example_with_one_word_altered(wechat: WechatPay, other: dict[str, str]) -> None:
    assert code(wechat, query(wechat, **other)) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"target": QUERY + "&x=1"}, (401, "SIGN_ERROR")),
        ({"target": QUERY.replace("0001?", "0002?")}, (401, "SIGN_ERROR")),
        ({"body": b"x"}, (401, "SIGN_ERROR")),
        (
            {"method": "POST", "path": "/v3/refund/domestic/refunds", "content_type": "application/json"},
            (401, "SIGN_ERROR"),
        ),
        ({"method": "POST", "path": "/v3/refund/domestic/refunds"}, (400, "INVALID_REQUEST")),
    ],
)
def test_wechatpay_refuses_what_was_not_signed(
    wechat: WechatPay, change: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert code(wechat, msgspec.structs.replace(query(wechat), **change)) == answer


@pytest.mark.parametrize(
    ("header", "value", "answer"),
    [
        ("authorization", "", (401, "SIGN_ERROR")),
        ("authorization", "WECHATPAY2-SHA256-RSA2048  mchid=1900000109", (401, "SIGN_ERROR")),
        ("user-agent", "", (400, "INVALID_REQUEST")),
        ("wechatpay-serial", "PUB_KEY_ID_1", (400, "INVALID_REQUEST")),
    ],
)
def test_wechatpay_looks_at_every_header(wechat: WechatPay, header: str, value: str, answer: tuple[int, str]) -> None:
    request = query(wechat)
    assert code(wechat, msgspec.structs.replace(request, headers={**request.headers, header: value})) == answer


def test_wechatpay_takes_the_words_in_any_order_but_not_otherwise_written(wechat: WechatPay) -> None:
    request = query(wechat)
    scheme, _, words = request.headers["authorization"].partition(" ")
    turned = ",".join(reversed(words.split(",")))
    for text, answer in ((turned, (200, "SUCCESS")), (turned.replace(",", ", "), (401, "SIGN_ERROR"))):
        headers = {**request.headers, "authorization": f"{scheme} {text}"}
        assert code(wechat, msgspec.structs.replace(request, headers=headers)) == answer


def test_wechatpay_knows_the_path_with_and_without_the_sandbox_prefix(wechat: WechatPay) -> None:
    assert code(wechat, msgspec.structs.replace(query(wechat), target=f"/wechatpay{QUERY}")) == (200, "SUCCESS")
    signed = wechat.request("GET", f"/wechatpay{QUERY}")
    path, _, words = QUERY.partition("?")
    assert code(wechat, msgspec.structs.replace(signed, path=path, query=words)) == (200, "SUCCESS")


def test_wechatpay_takes_the_real_clock_too_and_answers_by_the_same(wechat: WechatPay) -> None:
    request = wechat.request("GET", QUERY, timestamp="1900000000")
    assert code(wechat, request) == (401, "SIGN_ERROR")
    wechat.till.real = lambda: 1900000123.5
    assert code(wechat, request) == (200, "SUCCESS")
    assert wechat.outcome is not None
    assert wechat.outcome.response.headers["wechatpay-timestamp"] == "1900000123"
    assert code(wechat, query(wechat)) == (200, "SUCCESS")
    assert wechat.outcome.response.headers["wechatpay-timestamp"] == "1788400000"


@pytest.mark.parametrize("kind", ["public_keys", "certificates"])
def test_wechatpay_answers_with_the_key_it_is_asked_for(wechat: WechatPay, kind: str) -> None:
    (wanted,) = wechat.info[kind]
    request = query(wechat)
    request = msgspec.structs.replace(request, headers={**request.headers, "wechatpay-serial": wanted})
    response = wechat.send(request).response
    assert response.headers["wechatpay-serial"] == wanted
    assert wechat.signed(response.headers, response.body)
    assert not wechat.signed(response.headers, response.body + b" ")


def test_wechatpay_hands_out_its_certificate_sealed(wechat: WechatPay) -> None:
    status, told = wechat.call("GET", "/v3/certificates")
    (row,) = told["data"]
    sealed = row["encrypt_certificate"]
    assert (status, sealed["algorithm"], sealed["associated_data"]) == (200, "AEAD_AES_256_GCM", "certificate")
    assert {row["serial_no"]: wechat.opened(sealed).decode()} == wechat.info["certificates"]


def test_wechatpay_seals_the_public_vector() -> None:
    key, nonce = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "uluk4a9R25RW"
    assert keys.seal(key, nonce, "associatedData", b"message") == "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI="


# --- Alipay: a throw-away app key and Alipay's public key made for this

APP = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDoD2PsXz+fjuic
MTxdVbDkpZxIjEHfnpnlbR21p4Ijwfg2XziEmsJQd80fRpRnsbrRrWEZ8iuRCMOe
tIBCFXrE+IDXCUQmuhE2MYbtQZFr7IKvi63o2OctAeSa+m1K1CiFd7i84hlqEyt7
S1g7ShMHlITjc3zM0rh79sd0jSctArHDFrOQsz+HCObVbqTzicA9jjtCQ6Zw7yUb
o4zQa4wugaBdWs6fStPwI1FL1ghvwzai/WscgRlRuTlUNCu5Fs/BULRt81whMcWn
mG8JW3DZeBO8MSOfFrU+7xZU0KPv8Z/E0wrrv2Dr0+uLGW6ljdPLY1PWU7FlHDNj
ugKjpMSdAgMBAAECggEAIB09IVF/HwgqZa8koPACZmoKyjlqxlUPDCKBGYoAZw1p
WbDsw+Ec4gDqSJk+YWlFps29IdeTMuOJGtX05/BMCKUxQ1D7dvaJ+jt5Zi0MQGi/
HycP3qjhuSdJaS8d39yjbPEIBk+t37Gec1YWdEIIhySFDWsGitvgfvtEV/tOwBob
VxVSE+GcpH2aV8HZGv6VG4IkAgsUA8FMI7hRnsIPZWobCuH1SPtHN4DJIsK82uft
LOOFHKgtybfNHPZDZlqSF16e1qefVjpAFFk+/98eaFzWoxfKur+alydN2tDBU5qk
2kgYHFyOmKjYc8goCiWxmzoWILsAzfyumut1ex/FQQKBgQD9jbWaiAvJVRU0mNA9
L7vODLOqQYz9rGTuhvANDceEjl+rEyaJ+zGG8yEhoY8pLta0SXMJ0pcu5xVjBN6y
UnZQjOsRXeliRG4xfMyIWRLbBzTav0TpXArQHMpac+BVB2pVGfuysdm07SYsPT0h
ONSOIKSFzd9io/hq+fJdEAT+/QKBgQDqTJdNXCglQLi4wtSMLnPxbRifMg0Lc8LT
Ciq0N5BWZGfHDiNiS2xvq7O9q9U3BQ/KO9OgscsF+41cChyoge/X0sitg0ZPcwLT
XQtmnyzJ1EJ9HVCMqv7CmunW0UUYt6tWjYPwPbeUR0r+ajmfy4tBfd+4kmvv/5r3
b4WrkoteIQKBgQDrwb0PT9ptvL/35PMTQXQFtgfEkijPomFC7JL+AEb4+Qz5W9gk
yj0V9rFivP8JUvTuM7FUe8x5HwLizB9pfYVnhm/3+PNNnMU9HIZtbS08HSpHDzu7
JAsl0O9SRZZcWYXEVWGUmQwNz8gDsHlLj7UL5kwz4eYIqOAOUBPL9l4+3QKBgFLa
KLrTduLNg0TaqJy1pIxgHs/UvCYrll5YfwdhiqnyMXyDdGHC+CJ5HkNZKzmckZvb
EhgGJxwDe1ZrwPyZjj3MrOgmvstDiWFCytBMQ2NPqv9hSWWk5hfc/gnX0M5PzMf7
nQdsW6mUmGFlIOFv8duD7oPvSzoAMkWDa0pjtOLhAoGAMI7aZGd5gDbN+os5+zIX
DGR/6GrYyGg1LqFuMDDh2mdUxLQtLDZ5Zp3TC3YgpVPhtTdO27UV7uWeQF1ZR/PI
tyWUgAE8buumE5SdTsbezz5WHuaARPloDHlSGeUxQJRYs1+vWCrYwv78pk9Ub7Fy
fxqP3Hq071/69FUVNsjFWmQ=
-----END PRIVATE KEY-----
"""
ALIPAY_PUBLIC = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmbaMtCR4Q1IIah1MQcbC
RTLpMskVVhBWyav2h6MPwLUoggjCN7/h9dFZvqZGLlaNUe4IrEUfUQWOph+h5OkU
+xtMBT9VDvsS5Hf0q80jiaKj/7Sud/nAePNoDQYEUDfZ44y9yczg6M5hEJ4sz5dz
USkWqoQ4Wd5bLCkgT/J51D4W/ehoAv+MTskyz8CMLu/tNM2yKVXJFGz8iUPslp8a
K4/WDd+9Ne/GxrKFma2RFhgWveFFzuE3YE/ohYo+8aXyOleHzVA9bRl/w/A7CP04
b51VeuiaeqEccSXJnhgmUEDUK0WALe7mJht/u9XayvB1D/9g8uYuQceIfPWRIoKP
oQIDAQAB
-----END PUBLIC KEY-----
"""
TRADE_QUERY = {
    "app_id": "2021000199912345",
    "biz_content": '{"out_trade_no":"OMS20260901000002","query_options":["trade_settle_info","fund_bill_list"]}',
    "charset": "utf-8",
    "format": "JSON",
    "method": "alipay.trade.query",
    "sign_type": "RSA2",
    "timestamp": "2026-09-01 10:20:00",
    "version": "1.0",
}
TRADE_QUERY_SIGN = (
    "Ij1Ou9rCnT815/kWzefMxLVXHYgrhniacM7UIPZbuT/KY5Sonp1jwlT1oySIl4jN2ccySwZ+EVVNmP3u+tFdgx/V6ZvGYQdPNR0SX/JM762j6d/nNaUN"
    "7a08T5SOgOwtTAHWgiyjB4gPAqouqYSS19Oh2Bj/UtCb62YQAlgTT61WftnAmSmwDUAe/NAlDSqSJkCe1H4S35bUH06t7nWXcOZ+0WVL7yzUg5cl4/dQ"
    "0m8+ocsaoqvSt2GfChJQooIfJ4SIMRKQuVk8NerUMsaZckK52uGUOee4nOj2s+/5HRhHKkesFBFgnXgsN8Ks/6S8oCztFaEYafyQS9YD9Tmpug=="
)
#: a notification as it came, without its signature, and the signature
NOTICE = {
    "app_id": "2021000199912345",
    "auth_app_id": "2021000199912345",
    "buyer_id": "2088102122524333",
    "buyer_logon_id": "159****5620",
    "buyer_pay_amount": "83.00",
    "charset": "utf-8",
    "fund_bill_list": (
        '[{"amount":"83.00","fundChannel":"ALIPAYACCOUNT"},{"amount":"5.00","fundChannel":"MDISCOUNT"}]'
    ),
    "gmt_create": "2026-09-01 10:15:02",
    "gmt_payment": "2026-09-01 10:15:20",
    "invoice_amount": "83.00",
    "notify_id": "2026090100222101520024331400000001",
    "notify_time": "2026-09-01 10:15:21",
    "notify_type": "trade_status_sync",
    "out_trade_no": "OMS20260901000002",
    "point_amount": "0.00",
    "receipt_amount": "83.00",
    "seller_id": "2088101106499364",
    "subject": "T恤 & 帽",
    "total_amount": "88.00",
    "trade_no": "2026090122001424331400000001",
    "trade_status": "TRADE_SUCCESS",
    "version": "1.0",
}
NOTICE_SIGN = (
    "khEP3dZ0ink1a/+3jCtGjZ7KL2aq9WZjUw4YpF+MSgXUwbY1S6a20H66hziHuLrUhnFUehqMq8rTVKrLRofjmJgd4JVUqSh0lfDsuqUURFhrcZcEMG6A"
    "I/S9LQw42y4mBQX9EDXxFJPROp+Wf5WObRy/txyWONdssdVBC2V8iIN2BPtDcSZ+j5/nUmCwF/VLl1hEr7IM2th8sEIfcBLZ1FS/zoI4KAd7/K9oI/M+"
    "HeLXYUUhOKLECFjCdRPnjxd3YbGy6yyz/Ydv/kkSbvtOyBteH5Ym659cOpr/mdXyutFPuUMOYc31SxWM5vtb+VPfXuIYcPCSimko+jenLi8Ibg=="
)


@pytest.fixture
def ali() -> Alipay:
    _, caller = channels(start="2026-09-01T10:00:00+08:00")
    caller.till.merchants["alipay"].own_pem = APP
    caller.info["private_key"] = APP
    caller.start("OMS20260901000002")
    caller.world.advance(from_beijing("2026-09-01 10:20:00"))
    return caller


def sub_code(text: str) -> str:
    (inner,) = (v for k, v in json.loads(text).items() if k != "sign")
    if inner["code"] in ("40001", "40002"):
        assert "sign" not in json.loads(text)
    return str(inner.get("sub_code", inner.get("trade_status")))


def test_alipay_signs_the_worked_example_and_lets_it_in(ali: Alipay) -> None:
    assert keys.sign(keys.read_private(APP), alipay.signing_text(TRADE_QUERY)) == TRADE_QUERY_SIGN
    assert sub_code(ali.post({**TRADE_QUERY, "sign": TRADE_QUERY_SIGN})) == "TRADE_SUCCESS"
    assert sub_code(ali.post({**TRADE_QUERY, "sign": TRADE_QUERY_SIGN}, "/")) == "TRADE_SUCCESS"


def test_alipay_writes_notifications_as_the_worked_example_is_signed() -> None:
    assert verify(ALIPAY_PUBLIC, alipay.signing_text(NOTICE, ("sign", "sign_type")), NOTICE_SIGN)
    for name in NOTICE:
        altered = {**NOTICE, name: NOTICE[name] + "0"}
        assert not verify(ALIPAY_PUBLIC, alipay.signing_text(altered, ("sign", "sign_type")), NOTICE_SIGN)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"sign": TRADE_QUERY_SIGN[:-3] + "A=="}, "isv.invalid-signature"),
        ({"sign": "not base64"}, "isv.invalid-signature"),
        ({"sign": ""}, "isv.missing-sign"),
        ({"app_id": "2021000199912346"}, "isv.invalid-app-id"),
        ({"app_id": "2021000199912346", "sign": "x"}, "isv.invalid-app-id"),
        ({"biz_content": TRADE_QUERY["biz_content"].replace("002", "003")}, "isv.invalid-signature"),
        ({"timestamp": "2026-09-01 10:20:01"}, "isv.invalid-signature"),
        ({"timestamp": "2026-09-01 10:14:59"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-09-01 10:25:01"}, "isv.invalid-timestamp"),
        ({"timestamp": "1788400000"}, "isv.invalid-timestamp"),
        ({"sign_type": "RSA"}, "isv.invalid-sign-type"),
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"version": "2.0"}, "isv.invalid-version"),
        ({"method": "alipay.trade.close"}, "isv.invalid-signature"),
        ({"method": "alipay.trade.steal"}, "isv.invalid-method"),
        ({"extra": "1"}, "isv.invalid-signature"),
    ],
)
def test_alipay_refuses_the_example_with_one_parameter_altered(
    ali: Alipay, change: dict[str, str], wanted: str
) -> None:
    assert sub_code(ali.post({**TRADE_QUERY, "sign": TRADE_QUERY_SIGN, **change})) == wanted


def test_alipay_leaves_empty_values_out_of_what_is_signed(ali: Alipay) -> None:
    assert sub_code(ali.post({**TRADE_QUERY, "app_auth_token": "", "sign": TRADE_QUERY_SIGN})) == "TRADE_SUCCESS"


def test_alipay_takes_the_real_clock_too(ali: Alipay) -> None:
    late = ali.sign({**TRADE_QUERY, "timestamp": "2027-01-01 00:00:00"})
    assert sub_code(ali.post(late)) == "isv.invalid-timestamp"
    ali.till.real = lambda: float(from_beijing("2027-01-01 00:04:00"))
    assert sub_code(ali.post(late)) == "TRADE_SUCCESS"


def test_alipay_parameters_may_stand_in_the_query(ali: Alipay) -> None:
    from urllib.parse import urlencode

    params = {**TRADE_QUERY, "sign": sign(APP, alipay.signing_text(TRADE_QUERY))}
    body = urlencode({"biz_content": params.pop("biz_content")}).encode()
    outcome = ali.send(Request(path="/gateway.do", query=urlencode(params), body=body))
    assert sub_code(outcome.response.body.decode()) == "TRADE_SUCCESS"
    assert outcome.response.content_type.startswith("text/html")
