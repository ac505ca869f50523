"""Small clients for the two payment channels, straight through the gate without sockets, and a listener for notifications.

They sign, verify and unseal with `cryptography` alone and take nothing from the sandbox but what sandbox.json hands out.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sandbox.gate import Gate, Outcome
from adapters.sandbox.making import Made, describe
from adapters.sandbox.pay.post import PostOffice
from adapters.sandbox.pay.till import Till
from adapters.sandbox.wire import Request, beijing
from adapters.sandbox.world import World
from tests.sandbox.callers import make

NOTIFY = "http://127.0.0.1:9/pay/notify"


@cache
def private(pem: str) -> Any:
    return serialization.load_pem_private_key(pem.encode(), None)


def sign(pem: str, text: bytes) -> str:
    return base64.b64encode(private(pem).sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def verify(pem: str, text: bytes, signature: str) -> bool:
    raw = pem.encode()
    key: Any = (
        x509.load_pem_x509_certificate(raw).public_key()
        if "CERTIFICATE" in pem
        else serialization.load_pem_public_key(raw)
    )
    try:
        key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


class Channel:
    """What the two have in common."""

    name = ""

    def __init__(self, made: Made, gate: Gate) -> None:
        self.made, self.gate = made, gate
        told = describe(made, "http://127.0.0.1:1")["channels"]
        self.info: dict[str, Any] = next(c for c in told if c["channel"] == self.name)
        self.outcome: Outcome | None = None

    @property
    def world(self) -> World:
        return self.made.world

    @property
    def till(self) -> Till:
        assert self.world.till is not None
        return self.world.till

    def send(self, request: Request) -> Outcome:
        self.outcome = self.gate.handle(self.name, request)
        return self.outcome

    def advance(self, seconds: int) -> None:
        self.world.advance(self.world.now + seconds)


class WechatPay(Channel):
    name = "wechatpay"

    def authorization(self, method: str, target: str, body: bytes, **other: str) -> str:
        words = {
            "mchid": self.info["merchant_id"],
            "nonce_str": "593BEC0C930BF1AFEB40B4A08C8FB242",
            "timestamp": str(self.world.now),
            "serial_no": self.info["serial"],
            **other,
        }
        text = f"{method}\n{target}\n{words['timestamp']}\n{words['nonce_str']}\n".encode() + body + b"\n"
        words.setdefault("signature", sign(self.info["private_key"], text))
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in words.items())

    def request(self, method: str, target: str, tree: object = None, **other: str) -> Request:
        body = json.dumps(tree, ensure_ascii=False).encode() if tree is not None else b""
        path, _, query = target.partition("?")
        headers = {
            "authorization": self.authorization(method, target, body, **other),
            "user-agent": "test",
            "wechatpay-serial": next(iter(self.info["public_keys"])),
        }
        kind = "application/json" if body else ""
        return Request(
            method=method, path=path, query=query, body=body, content_type=kind, target=target, headers=headers
        )

    def raw(self, method: str, target: str, tree: object = None, **other: str) -> tuple[int, bytes]:
        response = self.send(self.request(method, target, tree, **other)).response
        return response.status, response.body

    def call(self, method: str, target: str, tree: object = None, **other: str) -> tuple[int, Any]:
        """Status and JSON; an answer that is good must be signed."""
        response = self.send(self.request(method, target, tree, **other)).response
        if response.status < 300:
            assert self.signed(response.headers, response.body)
        return response.status, json.loads(response.body) if response.body else None

    def signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the channel signed this, by the key it names."""
        found = {k.lower(): v for k, v in headers.items()}
        keys = {**self.info["public_keys"], **self.info["certificates"]}
        text = f"{found['wechatpay-timestamp']}\n{found['wechatpay-nonce']}\n".encode() + body + b"\n"
        return verify(keys[found["wechatpay-serial"]], text, found["wechatpay-signature"])

    def unseal(self, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """The envelope and the plain text of a notification."""
        tree = json.loads(body)
        return tree, json.loads(self.opened(tree["resource"]))

    def opened(self, resource: Mapping[str, str]) -> bytes:
        raw, aad = base64.b64decode(resource["ciphertext"]), resource["associated_data"].encode()
        return AESGCM(self.info["api_v3_key"].encode()).decrypt(resource["nonce"].encode(), raw, aad)

    def start(self, number: str, total: int = 8800, kind: str = "native", **more: Any) -> tuple[int, Any]:
        body = {
            "appid": self.info["app_id"],
            "mchid": self.info["merchant_id"],
            "description": "T恤",
            "out_trade_no": number,
            "notify_url": NOTIFY,
            "amount": {"total": total, "currency": "CNY"},
        }
        if kind == "jsapi":
            body["payer"] = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
        if kind == "h5":
            body["scene_info"] = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
        return self.call("POST", f"/v3/pay/transactions/{kind}", {**body, **more})

    def query(self, number: str) -> tuple[int, Any]:
        return self.call(
            "GET",
            f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}?mchid={self.info['merchant_id']}",
        )

    def close(self, number: str) -> tuple[int, Any]:
        path = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return self.call("POST", path, {"mchid": self.info["merchant_id"]})

    def refund(self, number: str, back: str, amount: int, total: int = 8800, **more: Any) -> tuple[int, Any]:
        amounts = {"refund": amount, "total": total, "currency": "CNY"}
        body = {"out_trade_no": number, "out_refund_no": back, "reason": "质量问题", "amount": amounts, **more}
        return self.call("POST", "/v3/refund/domestic/refunds", body)

    def bill(self, day: str, kind: str = "tradebill", **more: str) -> str:
        """The text of a bill, its hash checked."""
        status, told = self.call("GET", f"/v3/bill/{kind}?{urlencode({'bill_date': day, **more})}")
        assert status == 200, told
        url = urlsplit(told["download_url"])
        status, data = self.raw("GET", f"{url.path}?{url.query}")
        assert status == 200
        plain = gzip.decompress(data) if more.get("tar_type") else data
        assert told["hash_value"] in {hashlib.sha1(x).hexdigest() for x in (data, plain)}
        return plain.decode("utf-8")


class Alipay(Channel):
    name = "alipay"

    def params(self, method: str, content: object, **other: str) -> dict[str, str]:
        return {
            "app_id": self.info["app_id"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(self.world.now),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
            **other,
        }

    def sign(self, params: Mapping[str, str]) -> dict[str, str]:
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if v and k != "sign").encode()
        return {**params, "sign": sign(self.info["private_key"], text)}

    def post(self, params: Mapping[str, str], path: str = "/gateway.do") -> str:
        return self.send(Request(path=path, body=urlencode(params).encode())).response.body.decode()

    def call(self, method: str, content: object, **other: str) -> Any:
        """The inside of the answer; a good one must be signed over its raw text."""
        text = self.post(self.sign(self.params(method, content, **other)))
        tree = json.loads(text)
        inner = tree.get(f"{method.replace('.', '_')}_response", tree.get("error_response"))
        if "sign" in tree:
            raw = text[text.index(":") + 1 : text.rindex(',"sign":')]
            assert json.loads(raw) == inner
            assert verify(self.info["alipay_public_key"], raw.encode(), tree["sign"])
        assert inner["code"] != "10000" or "sign" in tree
        return inner

    def start(self, number: str, total: str = "88.00", kind: str = "precreate", **more: Any) -> Any:
        content = {"out_trade_no": number, "total_amount": total, "subject": "T恤", **more}
        if kind == "precreate":
            return self.call("alipay.trade.precreate", content, notify_url=NOTIFY)
        return self.post(self.sign(self.params(f"alipay.trade.{kind}.pay", content, notify_url=NOTIFY)))

    def query(self, number: str, **more: Any) -> Any:
        return self.call("alipay.trade.query", {"out_trade_no": number, **more})

    def close(self, number: str) -> Any:
        return self.call("alipay.trade.close", {"out_trade_no": number})

    def refund(self, number: str, back: str, amount: str, **more: Any) -> Any:
        content = {"out_trade_no": number, "refund_amount": amount, "out_request_no": back, **more}
        return self.call("alipay.trade.refund", {"refund_reason": "质量问题", **content})

    def told(self, number: str, back: str, **more: Any) -> Any:
        content = {"out_trade_no": number, "out_request_no": back, **more}
        return self.call("alipay.trade.fastpay.refund.query", content)

    def bill(self, day: str, kind: str = "trade") -> dict[str, str]:
        """Name → text of the files of a bill, in the order they stand in the archive."""
        told = self.call("alipay.data.dataservice.bill.downloadurl.query", {"bill_type": kind, "bill_date": day})
        url = urlsplit(told["bill_download_url"])
        data = self.send(Request(method="GET", path=url.path, query=url.query)).response.body
        with zipfile.ZipFile(io.BytesIO(data), metadata_encoding="gbk") as archive:
            assert archive.testzip() is None
            return {n: archive.read(n).decode("gb18030") for n in archive.namelist()}

    def genuine(self, body: bytes) -> bool:
        """Whether a notification is signed by Alipay."""
        form = dict(parse_qsl(body.decode()))
        text = "&".join(f"{k}={v}" for k, v in sorted(form.items()) if k not in ("sign", "sign_type"))
        return verify(self.info["alipay_public_key"], text.encode(), form["sign"])


class Listener:
    """Stands where the notify_url points; `answers` says what it does with each: (status, body), or raises."""

    def __init__(self, answer: Callable[[str], tuple[int, bytes]] | None = None) -> None:
        self.got: list[tuple[int, Mapping[str, str], bytes]] = []
        self.answer = answer or (lambda _url: (200, b"success"))

    def round(self, till: Till) -> int:
        """One step of the clock's deliveries."""

        async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
            self.got.append((till.world.now, dict(headers), body))
            return self.answer(url)

        return asyncio.run(PostOffice(lambda: nullcontext(send)).round(till))


def channels(**wish: object) -> tuple[WechatPay, Alipay]:
    """Both channels of one world without orders; prompt buyers without coupons unless the world says otherwise."""
    made = make(**{"platforms": ("jd",), "start": "2026-09-01T10:00:00+08:00", **wish})
    gate = Gate(made.world, rate=1_000_000.0)
    callers = WechatPay(made, gate), Alipay(made, gate)
    callers[0].till.habits.plan, callers[0].till.habits.coupon = "prompt", "none"
    return callers
