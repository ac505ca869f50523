"""A small WeChat Pay: checks and signs with cryptography alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.payments.fakes import API_V3_KEY, KEY_ID, FakePay, Pay, check, load, public_pem, signature
from tests.payments.kit import DAY, Reply, Seen, sample_text


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
        return httpx.Response(reply.status_code, content=reply.content.replace(b"8800", b"8801"), headers=reply.headers)

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
            return (
                self.says(self.refund(found[1])) if found[1] in self.backs else self.error(404, "RESOURCE_NOT_EXISTS")
            )
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
    def notice(
        self, payload: dict[str, Any], event: str = "TRANSACTION.SUCCESS", **more: Any
    ) -> tuple[dict[str, str], bytes]:
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
