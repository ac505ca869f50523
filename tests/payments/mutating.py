"""Mutations of notifications, before they are signed with the valid key and after. Each names itself.

A mutation is given a generator of random numbers and returns what goes over the wire; whatever it does before signing,
the signature is good.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote_plus, urlencode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.fakes import API_V3_KEY, signature

Notice = tuple[dict[str, str], bytes]

ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1, 1.5, 1e400, 8801, 10**13, 2**63, -(2**70), True, False, [], {}, [1], {"a": 1}, "8800", "٨٨٠٠", "8800.0", "1e3", "-1",
    "NaN", "\u0000", "x" * 300, "😀", "SUCCESS", "CLOSED", "2026-09-01T10:15:20", "2026-02-30T00:00:00+08:00", "2026-09-01T10:15:20Z",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "USD", "CNY", "1900000110",
)  # fmt: skip
ODD_TEXT = (
    "", " ", "0", "-1", "0.00", "88", "88.0", "88.00", "88.001", "-88.00", "+88.00", "1e3", "NaN", "99999999999999.00", "８８.００", "88,00", "\x00",
    "x" * 300, "😀", "&=%", "TRADE_CLOSED", "TRADE_FINISHED", "WAIT_BUYER_PAY", "2026-09-01 10:15:20", "2026-02-30 00:00:00", "2026-09-01T10:15:20", "2026-9-1 1:1:1",
)  # fmt: skip


def bent(rng: Random, data: bytes) -> bytes:
    """Bytes flipped, cut, doubled or put in."""
    at = rng.randrange(max(len(data), 1))
    match rng.randrange(5):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at : at + 20] + data[at:]
        case 3:
            return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
        case _:
            return data[:at] + data[at + rng.randrange(1, 9) :]


def spots(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON tree."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    return [(tree, key) for key, _ in pairs] + [spot for _, value in pairs for spot in spots(value)]


def altered(rng: Random, tree: dict[str, Any]) -> dict[str, Any]:
    """A tree with one to three of its values dropped or replaced."""
    tree = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not (found := spots(tree)):
            break
        box, key = rng.choice(found)
        if rng.random() < 0.3:
            del box[key]
        else:
            box[key] = rng.choice(ODD)
    return tree


def written(rng: Random, tree: dict[str, Any]) -> bytes:
    """The same tree in other words: order, blanks, escapes, unknown fields."""
    items = [*tree.items(), *((f"new_{n}", rng.choice(ODD)) for n in range(rng.randrange(3)))]
    rng.shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1)))
    return text.encode()


# ---------------------------------------------------------------- WeChat Pay


def wechat_base(rng: Random, fake: FakeWeChat, numbers: list[str], backs: list[str]) -> tuple[dict[str, Any], str]:
    """A good plain text and its event."""
    if rng.random() < 0.6:
        return fake.transaction(fake.pays[rng.choice(numbers)]), "TRANSACTION.SUCCESS"
    payload = {**fake.refund(rng.choice(backs)), "refund_status": "SUCCESS", "mchid": fake.merchant_id}
    return payload, "REFUND.SUCCESS"


def wechat_plain(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    return fake.sealed(json.dumps(altered(rng, plain)).encode(), event)


def wechat_words(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    return fake.sealed(written(rng, plain), event)


def wechat_twice(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    key = rng.choice(list(plain))
    text = json.dumps(plain)[:-1] + f", {json.dumps(key)}: {json.dumps(rng.choice((*ODD[:12], plain[key])))}}}"
    return fake.sealed(text.encode(), event)


def wechat_bytes(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    return fake.sealed(bent(rng, json.dumps(plain, ensure_ascii=False).encode()), event)


def wechat_deep(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    depth = rng.randrange(1, 8000)
    return fake.sealed(json.dumps(plain)[:-1].encode() + b',"deep":' + b"[" * depth + b"]" * depth + b"}", event)


def wechat_event(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    return fake.notice(
        plain, rng.choice(("REFUND.CLOSED", "REFUND.ABNORMAL", "X", "", "TRANSACTION.SUCCESS", "REFUND.SUCCESS"))
    )


def wechat_envelope(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    body = json.dumps(altered(rng, json.loads(fake.notice(plain, event)[1]))).encode()
    return fake.signed(body), body


def wechat_body(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    body = bent(rng, fake.notice(plain, event)[1])
    return fake.signed(body), body


def wechat_sealed(rng: Random, fake: FakeWeChat, plain: dict[str, Any], event: str) -> Notice:
    """Sealed with another key, nonce or associated data than it says, and signed well."""
    tree = json.loads(fake.notice(plain, event)[1])
    key = rng.choice((API_V3_KEY, API_V3_KEY[::-1])).encode()
    box = AESGCM(key).encrypt(
        rng.choice((b"fdasflkja484", b"fdasflkja485")), json.dumps(plain).encode(), b"transaction"
    )
    tree["resource"]["ciphertext"] = base64.b64encode(box[: rng.choice((len(box), len(box) - 1, 3))]).decode()
    body = json.dumps(tree).encode()
    return fake.signed(body), body


def wechat_header(rng: Random, notice: Notice) -> Notice:
    headers, body = dict(notice[0]), notice[1]
    name = rng.choice(list(headers))
    match rng.randrange(4):
        case 0:
            del headers[name]
        case 1:
            headers[name] = rng.choice(
                ("", "x", "0", "1788228921", headers[name] + "=", headers[name][::-1], "WECHATPAY/SIGNTEST/x", "é")
            )
        case 2:
            headers["Wechatpay-Timestamp"] = str(
                int(headers["Wechatpay-Timestamp"]) + rng.choice((-400, -1, 1, 400, 10**9))
            )
        case _:
            text = headers[name]
            at = rng.randrange(len(text))
            headers[name] = text[:at] + rng.choice("Aa0+/=-é") + text[at + 1 :]
    return headers, body


# ---------------------------------------------------------------- Alipay


def alipay_base(rng: Random, fake: FakeAlipay, numbers: list[str], backs: list[str]) -> dict[str, str]:
    pay = fake.pays[rng.choice(numbers)]
    if rng.random() < 0.6:
        return fake.fields(pay)
    number = rng.choice(backs)
    pay = fake.pays[fake.backs[number][0]]
    return fake.fields(pay, refund_fee=f"{pay.refunded / 100:.2f}", gmt_refund="2026-09-01 10:16:00", out_biz_no=number)


def alipay_fields(rng: Random, fake: FakeAlipay, fields: dict[str, str]) -> Notice:
    fields = dict(fields)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        name = rng.choice(list(fields))
        if rng.random() < 0.3 and len(fields) > 1:
            del fields[name]
        else:
            fields[name] = rng.choice(ODD_TEXT)
    return fake.form(fields, with_empty=rng.random() < 0.5)


def alipay_words(rng: Random, fake: FakeAlipay, fields: dict[str, str]) -> Notice:
    """The same fields in another order, encoded otherwise, beside unknown and empty ones."""
    fields = {**fields, **{f"new_{n}": rng.choice(ODD_TEXT[8:]) for n in range(rng.randrange(3))}, "body": ""}
    headers, body = fake.form(fields, with_empty=rng.random() < 0.5)
    parts = body.split(b"&")
    rng.shuffle(parts)
    return headers, b"&".join(parts)


def alipay_encoded(rng: Random, fake: FakeAlipay, fields: dict[str, str]) -> Notice:
    """Signed over one charset, naming another, or none that is known."""
    charset = rng.choice(("gbk", "utf-8", "utf-16-le", "gb18030"))
    fields = {**fields, "charset": rng.choice(("utf-8", "gbk", "GBK", "gb2312", "latin-1", "\x00"))}
    text = "&".join(f"{k}={fields[k]}" for k in sorted(fields))
    try:
        signed = {**fields, "sign_type": "RSA2", "sign": signature(fake.mine, text.encode(charset))}
        return {}, urlencode(signed, encoding=charset).encode()
    except UnicodeEncodeError:
        return fake.form(fields)


def alipay_raw(rng: Random, fake: FakeAlipay, fields: dict[str, str]) -> Notice:
    """Values of any bytes, signed as they are."""
    raw = {k.encode(): v.encode() for k, v in fields.items()}
    name = rng.choice(list(raw))
    raw[name] = bent(rng, raw[name] or b"x")
    sign = signature(fake.mine, b"&".join(k + b"=" + raw[k] for k in sorted(raw) if raw[k]))
    return {}, urlencode({**raw, b"sign_type": b"RSA2", b"sign": sign.encode()}).encode()


def alipay_type(rng: Random, fake: FakeAlipay, fields: dict[str, str]) -> Notice:
    """Another algorithm, or a field twice, under a signature that would hold."""
    headers, body = fake.form(fields)
    if rng.random() < 0.3:
        return headers, body.replace(
            b"sign_type=RSA2", rng.choice((b"sign_type=RSA", b"sign_type=", b"sign_type=rsa2"))
        )
    name = rng.choice(list(fields))
    return headers, body + f"&{name}={quote_plus(rng.choice((fields[name], '0.01')))}".encode()


def bent_body(rng: Random, notice: Notice) -> Notice:
    return notice[0], bent(rng, notice[1])


def other_body(rng: Random, notice: Notice) -> Notice:
    """Parts of the signed text in other places."""
    body = notice[1]
    a, b = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    return notice[0], body[b:] + body[a:b] + body[:a]


def untouched(rng: Random, notice: Notice) -> Notice:
    """Only the spelling of header names, which means nothing."""
    how = rng.choice((str.lower, str.upper, str.title))
    return {how(name): value for name, value in notice[0].items()}, notice[1]


WECHAT_BEFORE: tuple[Callable[..., Notice], ...] = (
    wechat_plain, wechat_plain, wechat_plain, wechat_words, wechat_twice, wechat_bytes, wechat_bytes, wechat_deep, wechat_event,
    wechat_envelope, wechat_body, wechat_sealed,
)  # fmt: skip
WECHAT_AFTER: tuple[Callable[..., Notice], ...] = (wechat_header, wechat_header, bent_body, other_body, untouched)
ALIPAY_BEFORE: tuple[Callable[..., Notice], ...] = (
    alipay_fields, alipay_fields, alipay_fields, alipay_words, alipay_encoded, alipay_raw, alipay_type,
)  # fmt: skip
ALIPAY_AFTER: tuple[Callable[..., Notice], ...] = (bent_body, bent_body, other_body, untouched)
