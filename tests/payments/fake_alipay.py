"""A small Alipay gateway: checks and signs with cryptography alone."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.payments.fakes import FakePay, Pay, check, load, public_pem, signature
from tests.payments.kit import DAY, Reply, Seen, sample_text


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
        state = {
            "unpaid": "WAIT_BUYER_PAY",
            "paid": "TRADE_CLOSED" if gone else "TRADE_SUCCESS",
            "closed": "TRADE_CLOSED",
        }
        found: dict[str, Any] = {
            "out_trade_no": pay.number, "trade_no": "2026090122", "trade_status": state[pay.state],
            "total_amount": self._yuan(pay.total), "subject": 'T恤 {"}',
        }  # fmt: skip
        if pay.state == "paid":
            less = self._yuan(pay.total - 500)
            found |= {
                "buyer_pay_amount": less,
                "receipt_amount": less,
                "send_pay_date": f"{self.local():%Y-%m-%d %H:%M:%S}",
            }
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
