"""Two small scripted channels. They check what is signed to them with cryptography alone, and sign what they say.

The samples' merchant keys serve crosswise: each fake signs with the key that is the other channel's merchant's.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.adapters.kit import FixedClock
from tests.payments.kit import DAY, Reply, Rig, Seen, sample, sample_text

BEIJING = timezone(timedelta(hours=8))
API_V3_KEY = "ExampleApiV3KeyExampleApiV3Key32"
KEY_ID = "PUB_KEY_ID_0119000001092026010100000001"


def load(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signature(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def check(key: rsa.RSAPrivateKey, message: bytes, sign: str) -> None:
    """Raises InvalidSignature, which fails the test."""
    key.public_key().verify(base64.b64decode(sign, validate=True), message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Pay:
    number: str
    total: int
    #: unpaid, paid, closed
    state: str = "unpaid"
    refunded: int = 0


@dataclass
class FakePay:
    """What both have: payments and refunds by number, and the bills of `DAY`."""

    #: the time it has until a rig with a clock is made
    start: datetime
    pays: dict[str, Pay] = field(default_factory=dict)
    #: number → (payment, amount)
    backs: dict[str, tuple[str, int]] = field(default_factory=dict)
    bills: dict[str, bytes] = field(default_factory=dict)
    #: how many refunds took effect
    given: int = 0
    clock: FixedClock | None = None

    channel = ""
    merchant_id = ""
    app_id = ""

    def secrets(self) -> dict[str, str]:
        raise NotImplementedError

    def rig(self, **changes: Any) -> Rig:
        values = {"merchant_id": self.merchant_id, "app_id": self.app_id, "now": self.now, "keys": self.keys()}
        rig = Rig(self.channel, self, self.secrets(), **{**values, **changes})
        self.clock = rig.clock
        return rig

    @property
    def now(self) -> datetime:
        return self.clock.now() if self.clock else self.start

    def keys(self) -> dict[str, str]:
        return {}

    def __call__(self, seen: Seen) -> Reply:
        raise NotImplementedError

    def local(self) -> datetime:
        return self.now.astimezone(BEIJING)

    def give(self, back_no: str, payment_no: str, amount: int) -> bool:
        """Do a refund once; whether it was done now."""
        if back_no in self.backs:
            return False
        self.backs[back_no] = (payment_no, amount)
        self.pays[payment_no].refunded += amount
        self.given += 1
        return True


class FakeWeChat(FakePay):
    channel = "wechatpay"
    merchant_id, app_id = "1900000109", "wxd678efh567hg6787"
    serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    mine = load(sample_text("alipay", "merchant_key.pem"))
    merchant = load(sample_text("wechatpay", "merchant_key.pem"))

    def secrets(self) -> dict[str, str]:
        return {
            "private_key": sample_text("wechatpay", "merchant_key.pem"), "serial": self.serial, "api_v3_key": API_V3_KEY,
        }  # fmt: skip

    def keys(self) -> dict[str, str]:
        return {KEY_ID: public_pem(self.mine)}

    # ---- what it says
    def signed(self, body: bytes, serial: str = KEY_ID, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        stamp, nonce = str(int(self.now.timestamp())), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
        sign = signature(key or self.mine, f"{stamp}\n{nonce}\n".encode() + body + b"\n")
        return {
            "Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": nonce, "Wechatpay-Signature": sign, "Wechatpay-Serial": serial,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }  # fmt: skip

    def says(self, payload: Any, status: int = 200) -> httpx.Response:
        body = b"" if status == 204 else json.dumps(payload, ensure_ascii=False).encode()
        return httpx.Response(status, content=body, headers=self.signed(body))

    def error(self, status: int, code: str) -> httpx.Response:
        return httpx.Response(status, json={"code": code, "message": "…"})

    def refused(self) -> Reply:
        return self.error(403, "NOT_ENOUGH")

    def busy(self) -> Reply:
        return self.error(500, "SYSTEM_ERROR")

    def throttled(self) -> Reply:
        return self.error(429, "FREQUENCY_LIMITED")

    def keys_refused(self) -> Reply:
        return self.error(401, "SIGN_ERROR")

    def unknown_code(self) -> Reply:
        return self.error(400, "NEW_CODE")

    def not_made(self) -> Reply:
        return self.error(400, "STATEMENT_CREATING")

    def no_bill(self) -> Reply:
        return self.error(400, "NO_STATEMENT_EXIST")

    def altered(self, reply: Reply) -> httpx.Response:
        assert isinstance(reply, httpx.Response)
        return httpx.Response(
            reply.status_code, content=reply.content.replace(b"8800", b"8801"), headers=reply.headers
        )

    def unsigned(self, reply: Reply) -> httpx.Response:
        assert isinstance(reply, httpx.Response)
        return httpx.Response(reply.status_code, content=reply.content)

    # ---- what it hears
    def __call__(self, seen: Seen) -> Reply:
        self._check(seen)
        path = seen.path
        if found := re.fullmatch(r"/v3/pay/transactions/(native|jsapi|h5|app)", path):
            return self._start(found[1], seen.json)
        if found := re.fullmatch(r"/v3/pay/transactions/out-trade-no/([^/]+)", path):
            pay = self.pays.get(found[1])
            return self.says(self.transaction(pay)) if pay else self.error(404, "ORDER_NOT_EXIST")
        if found := re.fullmatch(r"/v3/pay/transactions/out-trade-no/([^/]+)/close", path):
            return self._close(found[1])
        if path == "/v3/refund/domestic/refunds":
            return self._refund(seen.json)
        if found := re.fullmatch(r"/v3/refund/domestic/refunds/([^/]+)", path):
            return self.says(self.refund(found[1])) if found[1] in self.backs else self.error(404, "RESOURCE_NOT_EXISTS")
        if path in ("/v3/bill/tradebill", "/v3/bill/fundflowbill"):
            return self._link("trade" if "trade" in path else "funds", seen.query["bill_date"])
        if path == "/v3/billdownload/file":
            return httpx.Response(200, content=gzip.compress(self.bills[seen.query["token"]]))
        raise AssertionError(path)

    def _check(self, seen: Seen) -> None:
        head = seen.headers["authorization"]
        parts = dict(re.findall(r'(\w+)="([^"]*)"', head))
        assert head.startswith("WECHATPAY2-SHA256-RSA2048 ") and parts["mchid"] == self.merchant_id
        assert parts["serial_no"] == self.serial and seen.headers["user-agent"]
        text = [seen.method, seen.url.raw_path.decode(), parts["timestamp"], parts["nonce_str"], seen.body.decode()]
        check(self.merchant, "".join(f"{part}\n" for part in text).encode(), parts["signature"])

    def _start(self, method: str, body: dict[str, Any]) -> Reply:
        assert body["mchid"] == self.merchant_id and body["notify_url"].startswith("https://")
        self.pays.setdefault(body["out_trade_no"], Pay(body["out_trade_no"], body["amount"]["total"]))
        answer = {"native": {"code_url": "weixin://wxpay/x"}, "h5": {"h5_url": "https://wx.tenpay.example/x"}}
        return self.says(answer.get(method, {"prepay_id": "wx01"}))

    def _close(self, number: str) -> Reply:
        pay = self.pays.get(number)
        if pay is None:
            return self.error(404, "ORDER_NOT_EXIST")
        if pay.state == "paid":
            return self.error(400, "ORDERPAID")
        was, pay.state = pay.state, "closed"
        return self.error(400, "ORDER_CLOSED") if was == "closed" else self.says(None, 204)

    def _refund(self, body: dict[str, Any]) -> Reply:
        self.give(body["out_refund_no"], body["out_trade_no"], body["amount"]["refund"])
        return self.says({**self.refund(body["out_refund_no"]), "status": "PROCESSING"})

    def _link(self, kind: str, day: str) -> Reply:
        if day != str(DAY) or kind not in self.bills:
            return self.error(400, "NO_STATEMENT_EXIST")
        sha1 = hashlib.sha1(self.bills[kind]).hexdigest()
        url = f"https://api.mch.weixin.qq.com/v3/billdownload/file?token={kind}"
        return self.says({"hash_type": "SHA1", "hash_value": sha1, "download_url": url})

    # ---- payloads
    def transaction(self, pay: Pay) -> dict[str, Any]:
        state = {"unpaid": "NOTPAY", "paid": "REFUND" if pay.refunded else "SUCCESS", "closed": "CLOSED"}[pay.state]
        found: dict[str, Any] = {
            "appid": self.app_id, "mchid": self.merchant_id, "out_trade_no": pay.number, "trade_state": state,
            "amount": {"total": pay.total, "currency": "CNY"},
        }  # fmt: skip
        if pay.state == "paid":
            found |= {"transaction_id": "420000001", "success_time": self.local().isoformat(timespec="seconds")}
            found["amount"] |= {"payer_total": pay.total - 500, "payer_currency": "CNY"}
            found["promotion_detail"] = [{"type": "NOCASH", "amount": 500, "coupon_id": "1"}]
        return found

    def refund(self, number: str) -> dict[str, Any]:
        payment_no, amount = self.backs[number]
        total = self.pays[payment_no].total
        return {
            "refund_id": "503000001", "out_refund_no": number, "out_trade_no": payment_no, "transaction_id": "420000001",
            "status": "SUCCESS", "success_time": self.local().isoformat(timespec="seconds"),
            "amount": {"total": total, "refund": amount, "payer_refund": amount - 68, "settlement_refund": amount - 68, "currency": "CNY"},
        }  # fmt: skip

    # ---- notifications
    def notice(self, payload: dict[str, Any], event: str = "TRANSACTION.SUCCESS", **more: Any) -> tuple[dict[str, str], bytes]:
        return self.sealed(json.dumps(payload, ensure_ascii=False).encode(), event, **more)

    def sealed(self, plain: bytes, event: str = "TRANSACTION.SUCCESS", **envelope: Any) -> tuple[dict[str, str], bytes]:
        nonce = "fdasflkja484"
        box = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), plain, b"transaction")
        resource = {
            "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction", "nonce": nonce,
            "ciphertext": base64.b64encode(box).decode(),
        }  # fmt: skip
        values = {
            "id": "EV-1", "create_time": self.local().isoformat(timespec="seconds"), "event_type": event,
            "resource_type": "encrypt-resource", "resource": resource, **envelope,
        }  # fmt: skip
        body = json.dumps(values, ensure_ascii=False).encode()
        return self.signed(body), body

    def paid_notice(self, number: str) -> tuple[dict[str, str], bytes]:
        return self.notice(self.transaction(self.pays[number]))

    def refund_notice(self, number: str) -> tuple[dict[str, str], bytes]:
        payload = {**self.refund(number), "refund_status": "SUCCESS", "mchid": self.merchant_id}
        del payload["status"]
        return self.notice(payload, "REFUND.SUCCESS")


class FakeAlipay(FakePay):
    channel = "alipay"
    merchant_id, app_id = "2088101106499364", "2021000199912345"
    mine = load(sample_text("wechatpay", "merchant_key.pem"))
    merchant = load(sample_text("alipay", "merchant_key.pem"))

    def secrets(self) -> dict[str, str]:
        return {
            "private_key": sample_text("alipay", "merchant_key.pem"),
            "alipay_public_key": public_pem(self.mine),
        }

    # ---- what it says
    def says(self, method: str, payload: dict[str, Any]) -> httpx.Response:
        inner = json.dumps({"code": "10000", "msg": "Success", **payload}, ensure_ascii=False)
        body = f'{{"{method.replace(".", "_")}_response":{inner},"sign":"{signature(self.mine, inner.encode())}"}}'
        return httpx.Response(200, content=body.encode(), headers={"content-type": "text/html;charset=utf-8"})

    def error(self, method: str, code: str, sub_code: str, *, signed: bool = True) -> httpx.Response:
        said = self.says(method, {"code": code, "msg": "…", "sub_code": sub_code, "sub_msg": "…"})
        return said if signed else self.unsigned(said)

    def refused(self) -> Reply:
        return self.error("alipay.trade.refund", "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH")

    def busy(self) -> Any:
        return lambda seen: self.error(seen.form["method"], "20000", "isp.unknow-error", signed=False)

    def throttled(self) -> Any:
        return lambda seen: self.error(seen.form["method"], "40005", "isv.app-call-limited", signed=False)

    def keys_refused(self) -> Reply:
        body = b'{"error_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-signature"}}'
        return httpx.Response(200, content=body)

    def unknown_code(self) -> Any:
        return lambda seen: self.error(seen.form["method"], "40004", "ACQ.NEW_CODE")

    def not_made(self) -> Any:
        return lambda seen: self.error(seen.form["method"], "40004", "isp.bill_not_exist")

    def no_bill(self) -> Any:
        return self.not_made()

    def altered(self, reply: Reply) -> httpx.Response:
        assert isinstance(reply, httpx.Response)
        return httpx.Response(200, content=reply.content.replace(b"88.00", b"88.01"))

    def unsigned(self, reply: Reply) -> httpx.Response:
        assert isinstance(reply, httpx.Response)
        return httpx.Response(200, content=re.sub(rb',"sign":"[^"]*"', b"", reply.content))

    # ---- what it hears
    def __call__(self, seen: Seen) -> Reply:
        if seen.path.endswith("downloadBillFile.resource"):
            return httpx.Response(200, content=self.archive(seen.query["kind"]))
        form = seen.form
        text = "&".join(f"{k}={form[k]}" for k in sorted(form) if k != "sign")
        check(self.merchant, text.encode(), form["sign"])
        assert (form["app_id"], form["sign_type"]) == (self.app_id, "RSA2")
        assert form["timestamp"] == f"{self.local():%Y-%m-%d %H:%M:%S}"
        return self._act(form["method"], json.loads(form["biz_content"]))

    def _act(self, method: str, biz: dict[str, Any]) -> Reply:
        number = biz.get("out_trade_no", "")
        if method == "alipay.trade.precreate":
            self.pays.setdefault(number, Pay(number, self._fen(biz["total_amount"])))
            return self.says(method, {"out_trade_no": number, "qr_code": "https://qr.alipay.example/x"})
        if method == "alipay.data.dataservice.bill.downloadurl.query":
            return self._link(method, biz)
        pay = self.pays.get(number)
        if pay is None:
            return self.error(method, "40004", "ACQ.TRADE_NOT_EXIST")
        match method:
            case "alipay.trade.query":
                return self.says(method, self.trade(pay))
            case "alipay.trade.close":
                was, pay.state = pay.state, "closed" if pay.state == "unpaid" else pay.state
                if was != "unpaid":
                    return self.error(method, "40004", "ACQ.TRADE_STATUS_ERROR")
                return self.says(method, {"out_trade_no": number, "trade_no": "2026"})
            case "alipay.trade.refund":
                now = self.give(biz["out_request_no"], number, self._fen(biz["refund_amount"]))
                fee = self._yuan(pay.refunded)
                return self.says(
                    method,
                    {"out_trade_no": number, "trade_no": "2026", "fund_change": "YN"[not now], "refund_fee": fee},
                )
            case "alipay.trade.fastpay.refund.query":
                return self.says(method, self.refund(biz["out_request_no"]))
        raise AssertionError(method)

    def _link(self, method: str, biz: dict[str, Any]) -> Reply:
        kind = {"trade": "trade", "signcustomer": "funds"}[biz["bill_type"]]
        if biz["bill_date"] != str(DAY) or kind not in self.bills:
            return self.error(method, "40004", "isp.bill_not_exist")
        url = f"http://dwbillcenter.alipay.com/downloadBillFile.resource?kind={kind}&token=t"
        return self.says(method, {"bill_download_url": url})

    # ---- payloads
    @staticmethod
    def _fen(text: str) -> int:
        assert re.fullmatch(r"\d+\.\d\d", text)
        return int(text.replace(".", ""))

    @staticmethod
    def _yuan(minor: int) -> str:
        return f"{minor // 100}.{minor % 100:02d}"

    def trade(self, pay: Pay) -> dict[str, Any]:
        gone = pay.refunded >= pay.total
        state = {"unpaid": "WAIT_BUYER_PAY", "paid": "TRADE_CLOSED" if gone else "TRADE_SUCCESS", "closed": "TRADE_CLOSED"}
        found: dict[str, Any] = {
            "out_trade_no": pay.number, "trade_no": "2026090122", "trade_status": state[pay.state],
            "total_amount": self._yuan(pay.total), "subject": 'T恤 {"}',
        }  # fmt: skip
        if pay.state == "paid":
            less = self._yuan(pay.total - 500)
            found |= {"buyer_pay_amount": less, "receipt_amount": less, "send_pay_date": f"{self.local():%Y-%m-%d %H:%M:%S}"}
        return found

    def refund(self, number: str) -> dict[str, Any]:
        if number not in self.backs:
            return {}
        payment_no, amount = self.backs[number]
        return {
            "out_trade_no": payment_no, "out_request_no": number, "trade_no": "2026090122", "refund_amount": self._yuan(amount),
            "total_amount": self._yuan(self.pays[payment_no].total), "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": f"{self.local():%Y-%m-%d %H:%M:%S}", "send_back_fee": self._yuan(amount - 68),
        }  # fmt: skip

    # ---- notifications
    def fields(self, pay: Pay, **more: str) -> dict[str, str]:
        return {
            "app_id": self.app_id, "seller_id": self.merchant_id, "charset": "utf-8", "notify_id": "N1", "version": "1.0",
            "notify_time": f"{self.local():%Y-%m-%d %H:%M:%S}", "notify_type": "trade_status_sync", "subject": "T恤 & 帽=1",
            "out_trade_no": pay.number, "trade_no": "2026090122", "trade_status": "TRADE_SUCCESS",
            "total_amount": self._yuan(pay.total), "buyer_pay_amount": self._yuan(pay.total - 500),
            "receipt_amount": self._yuan(pay.total - 500), "gmt_payment": f"{self.local():%Y-%m-%d %H:%M:%S}", **more,
        }  # fmt: skip

    def form(self, fields: dict[str, str], *, with_empty: bool = False) -> tuple[dict[str, str], bytes]:
        kept = {k: v for k, v in fields.items() if k not in ("sign", "sign_type") and (v or with_empty)}
        text = "&".join(f"{k}={kept[k]}" for k in sorted(kept))
        signed = {**fields, "sign_type": "RSA2", "sign": signature(self.mine, text.encode())}
        return {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, urlencode(signed).encode()

    def paid_notice(self, number: str) -> tuple[dict[str, str], bytes]:
        return self.form(self.fields(self.pays[number]))

    def refund_notice(self, number: str) -> tuple[dict[str, str], bytes]:
        pay = self.pays[self.backs[number][0]]
        more = {"refund_fee": self._yuan(pay.refunded), "gmt_refund": "2026-09-01 10:16:00.123", "out_biz_no": number}
        return self.form(self.fields(pay, **more))

    def archive(self, kind: str) -> bytes:
        """Names in GBK without the UTF-8 flag, the file of sums first."""
        word = {"trade": "业务明细", "funds": "账务明细"}[kind]
        return gbk_zip(
            {
                f"20881011064993640156_20260901_{word}(汇总).csv": "x".encode("gb18030"),
                f"20881011064993640156_20260901_{word}.csv": self.bills[kind],
            }
        )


def gbk_zip(files: dict[str, bytes]) -> bytes:
    """A zip whose names are GBK without the flag, as Alipay packs them; Python would set the flag, so names of the same
    length are put in and replaced."""
    packed = io.BytesIO()
    places: dict[bytes, bytes] = {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, (name, content) in enumerate(files.items()):
            raw = name.encode("gbk")
            stand_in = f"{n:0{len(raw)}d}"
            places[stand_in.encode()] = raw
            archive.writestr(stand_in, content)
    data = packed.getvalue()
    for stand_in, raw in places.items():
        assert data.count(stand_in) == 2
        data = data.replace(stand_in, raw)
    return data


def both_bills(fake: FakePay) -> None:
    """Give it the samples of its notes as the bills of `DAY`."""
    fake.bills = {kind: sample(fake.channel, f"{kind}.csv") for kind in ("trade", "funds")}


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
