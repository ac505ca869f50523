"""Alipay, classic gateway, public-key mode (RSA2), as a merchant of its own.

Source: opendocs.alipay.com pages common/02km9f, common/02kdnf, open-v3/054fcv, open-v3/054oog, open/00f7ns, open/00f7nv by
a public digest (2026-09); alipay/alipay-sdk-python-all 3.7.1411 and fzlee/alipay 3.4.0, read and run; bill files in public
test suites of 2012, 2019 and 2026. The official pages could not be read directly; what stays open is in `doubtful`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import msgspec

from adapters.core.fields import CHINA, Scalar, text_time
from adapters.core.wire import Act, look_up
from adapters.errors import NotVerified, Refused, Retryable, Unreadable
from adapters.payments import _alipay_bills as bills
from adapters.payments import _alipay_documents as documents
from adapters.payments import _alipay_signing as signing
from adapters.payments import _keys, _unpacking
from adapters.payments._reading import word
from adapters.payments.base import Answer, BillLink, Call, Channel, Request, Verdict
from adapters.payments.documents import (
    BackAsk,
    BackDocument,
    Bill,
    Notification,
    PayAsk,
    PaymentDocument,
    PayStart,
)

#: sub_code without its prefix, in capitals → what to do; spellings vary, so that one contained in another counts
SUB_CODES: Mapping[str, Act] = {
    **dict.fromkeys(("SYSTEM_ERROR", "UNKNOW_ERROR"), "lost"),
    **dict.fromkeys(("SYSTEM_RATE_LIMIT", "USER_RATE_LIMIT", "APP_CALL_LIMITED", "METHOD_CALL_LIMITED"), "throttled"),
    **dict.fromkeys(("TRADE_NOT_EXIST", "TRADE_HAS_FINISHED", "TRADE_HAS_CLOSE", "TRADE_HAS_SUCCESS"), "final"),
    **dict.fromkeys(("TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID", "CONTEXT_INCONSISTENT"), "final"),
    **dict.fromkeys(("SELLER_BALANCE_NOT_ENOUGH", "REFUND_AMT_NOT_EQUAL_TOTAL", "TRADE_NOT_ALLOW_REFUND"), "final"),
    **dict.fromkeys(("REASON_TRADE_BEEN_FREEZEN", "DISCORDANT_REPEAT_REQUEST", "INVALID_PARAMETER"), "final"),
    **dict.fromkeys(("REASON_TRADE_REFUND_FEE_ERR", "BILL_NOT_EXIST", "BILL_DATE_BEFORE_REGISTRATION"), "final"),
    "INVALID_ARGUMENTS": "final",
    "REFUND_CHARGE_ERROR": "retry",
    **dict.fromkeys(
        ("INVALID_SIGNATURE", "INVALID_APP_ID", "INVALID_TIMESTAMP", "MISSING_SIGNATURE_CONFIG"), "authorise"
    ),
    **dict.fromkeys(("INVALID_AUTH_RELATIONS", "INVALID_APP_AUTH_TOKEN", "INSUFFICIENT_ISV_PERMISSIONS"), "authorise"),
}
#: code → what to do where the sub_code does not say
CODES: Mapping[str, Act] = {
    "10000": "ok",
    "10003": "lost",
    "20000": "lost",
    "20001": "authorise",
    "40001": "final",
    "40002": "final",
    "40003": "authorise",
    "40004": "unknown",
    "40005": "throttled",
    "40006": "authorise",
}
#: codes that count only with a signature: what happened to the money; the gateway's own refusals are unsigned
SIGNED = frozenset({"10000", "10003", "40004"})
#: method of ours → (API, product)
STARTS: Mapping[str, tuple[str, str]] = {
    "page": ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    "wap": ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    "precreate": ("alipay.trade.precreate", ""),
}
BILL_TYPES: Mapping[str, str] = {"trade": "trade", "funds": "signcustomer"}
GATEWAY = "/gateway.do"
TITLE_LENGTH, REASON_LENGTH = 256, 256
#: notifications are sent for 25 hours
WINDOW = timedelta(hours=25)
CHARSETS: Mapping[str, str] = {"utf-8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
#: what an expired download link answers with
EXPIRED = "下载超时"


class _Head(msgspec.Struct):
    code: Scalar = None
    msg: Scalar = None
    sub_code: Scalar = None


class _Created(msgspec.Struct):
    out_trade_no: Scalar = None
    qr_code: Scalar = None


class _Link(msgspec.Struct):
    bill_download_url: Scalar = None


_decode_head = msgspec.json.Decoder(_Head).decode


class Alipay(Channel):
    name = "alipay"
    title = "Alipay (支付宝)"
    source = "opendocs.alipay.com by a public digest, the two Python SDKs and public bill samples, read 2026-09"
    home = "https://openapi.alipay.com"
    methods = ("page", "wap", "precreate")
    reads: ClassVar[Mapping[str, str]] = {
        "private_key": "private key of the app, PEM or bare base64",
        "alipay_public_key": "Alipay's public key for the app, PEM or bare base64",
    }
    doubtful: ClassVar[Mapping[str, str]] = {
        "page, wap, precreate": "names of products and of time_expire are from memory",
        "empty values": "whether a notification's signature covers them: pages disagree, both rules are tried",
        "buyer_pay_amount": "where it is not sent, the order's amount",
        "receipt_amount": "what the merchant receives; where it is not sent, the order's amount",
        "send_back_fee": "what left our account in a refund, from memory; where it is not sent, the refund's amount",
        "refund_status": "values other than REFUND_SUCCESS are from memory; an unknown one is an error, not a guess",
        "dback_status F": "a refund that the bank sent back, from memory",
        "服务费": "its sign differs between samples: kept as found, no net total is made of it",
        "业务类型": "words of account ledgers are from memory; unknown ones are kind other",
        "支出金额": "with a minus in newer files, from memory: the column decides, not the sign",
        "REASON_TRADE_STATUS_INVALID": "from memory: cannot be closed, paid or closed already; the payment is asked then",
    }
    no_payment = frozenset({"TRADE_NOT_EXIST"})
    no_refund = frozenset({"TRADE_NOT_EXIST"})
    is_closed = frozenset({"TRADE_HAS_CLOSE", "TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID"})
    is_paid = frozenset({"TRADE_HAS_FINISHED", "TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID"})
    no_bill = frozenset({"BILL_NOT_EXIST", "BILL_DATE_BEFORE_REGISTRATION"})

    # ================================================================ the wire
    def address(self, path: str) -> str:
        return super().address("").removesuffix(GATEWAY) + path

    def request(self, call: Call) -> Request:
        params = self._signed(call.api, call.params["biz"], call.params.get("notify_url", ""))
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8", "User-Agent": "oms"}
        return Request(url=self.address(GATEWAY), body=urlencode(params).encode(), headers=headers)

    def _signed(self, method: str, biz: Mapping[str, Any], notify_url: str = "") -> dict[str, str]:
        """All parameters of a call, with the signature."""
        params = {
            "app_id": self.connection.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": f"{self.now().astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
            "notify_url": notify_url,
            "biz_content": msgspec.json.encode(biz).decode(),
        }
        params = {name: value for name, value in params.items() if value}
        text = signing.request_text(params)
        return {**params, "sign": _keys.sign(self.connection.secret("private_key"), text.encode())}

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        if answer.status != 200:
            return Verdict(act="throttled" if answer.status == 429 else "lost", code=f"http_{answer.status}")
        envelope = signing.open_envelope(answer.body, call.api)
        head = _decode_head(envelope.inner)
        code, sub_code = str(head.code or ""), str(head.sub_code or "")
        if envelope.sign or code in SIGNED:
            self._check(envelope, call.label)
        known = _known(sub_code)
        act = look_up({**CODES, **SUB_CODES}, known, code)
        return Verdict(
            act=act, code=known or sub_code or code, message=f"{code} {sub_code} {head.msg or ''}"[:120].strip()
        )

    def verify(self, call: Call, answer: Answer) -> None:
        envelope = signing.open_envelope(answer.body, call.api)
        if not envelope.is_own:
            raise NotVerified("no_answer", call.label, shop=self.alias)
        self._check(envelope, call.label)

    def _check(self, envelope: signing.Envelope, about: str) -> None:
        if not envelope.sign or not self._by_alipay(envelope.inner, envelope.sign):
            raise NotVerified("signature" if envelope.sign else "missing_sign", about, shop=self.alias)

    def _by_alipay(self, message: bytes, signature: str) -> bool:
        key = _keys.verify_key(self.connection.secret("alipay_public_key"))
        return _keys.signed_by(key.key, message, signature)

    # ================================================================ payments
    def begin(self, ask: PayAsk) -> PayStart:
        method, product = STARTS[ask.method]
        biz = {
            "out_trade_no": ask.payment_no,
            "total_amount": _yuan(ask.amount_minor),
            "subject": ask.title.strip()[:TITLE_LENGTH] or ask.payment_no,
            "time_expire": f"{ask.expires_at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
        }
        if product:
            return self._page(ask, method, {**biz, "product_code": product})
        params = {"biz": biz, "notify_url": self.connection.notify_url}
        call = Call(api=method, params=params, about=ask.payment_no, token=False)
        got = msgspec.json.decode(self._inner(call.api, self.call(call)), type=_Created)
        self._same("payment", got.out_trade_no, ask.payment_no)
        return PayStart(
            payment_no=ask.payment_no,
            method=ask.method,
            expires_at=ask.expires_at,
            code_url=word(got.qr_code, "qr_code"),
        )

    def _page(self, ask: PayAsk, method: str, biz: Mapping[str, Any]) -> PayStart:
        """A page of the channel's is opened by the buyer; nothing is sent from here."""
        params = self._signed(method, biz, self.connection.notify_url)
        gateway = self.address(GATEWAY)
        return PayStart(
            payment_no=ask.payment_no, method=ask.method, expires_at=ask.expires_at, url=f"{gateway}?{urlencode(params)}",
            form=_form(f"{gateway}?charset=utf-8", params),
        )  # fmt: skip

    def query_call(self, payment_no: str) -> Call:
        return _call("alipay.trade.query", {"out_trade_no": payment_no}, payment_no)

    def read_payment(self, body: bytes) -> PaymentDocument:
        inner = self._inner("alipay.trade.query", body)
        return documents.payment(inner, merchant_id=self.connection.merchant_id, app_id=self.connection.app_id)

    def close_call(self, payment_no: str) -> Call:
        return _call("alipay.trade.close", {"out_trade_no": payment_no}, payment_no)

    # ================================================================ refunds
    def refund_call(self, ask: BackAsk) -> Call:
        biz = {
            "out_trade_no": ask.payment_no,
            "refund_amount": _yuan(ask.amount_minor),
            "out_request_no": ask.back_no,
        }
        if reason := ask.reason.strip()[:REASON_LENGTH]:
            biz["refund_reason"] = reason
        return _call("alipay.trade.refund", biz, ask.back_no)

    def read_refund(self, ask: BackAsk, body: bytes) -> BackDocument:
        return documents.refund(ask, self._inner("alipay.trade.refund", body))

    def refund_query_call(self, back_no: str, payment_no: str) -> Call:
        biz = {"out_trade_no": payment_no, "out_request_no": back_no, "query_options": ["gmt_refund_pay"]}
        return _call("alipay.trade.fastpay.refund.query", biz, back_no)

    def read_refund_query(self, back_no: str, payment_no: str, body: bytes) -> BackDocument:
        return documents.refund_query(back_no, payment_no, self._inner("alipay.trade.fastpay.refund.query", body))

    def _inner(self, method: str, body: bytes) -> bytes:
        return signing.open_envelope(body, method).inner

    # ================================================================ notifications
    def notified(self, headers: Mapping[str, str], body: bytes) -> Notification:
        form = signing.form(body)
        raw = dict(form)
        if raw.get(b"sign_type", b"RSA2") != b"RSA2":
            raise NotVerified("signature_type", shop=self.alias)
        if not raw.get(b"sign"):
            raise NotVerified("missing_sign", shop=self.alias)
        self._check_form(form, raw[b"sign"])
        fields = self._decoded(raw)
        if fields.get("app_id") != self.connection.app_id or fields.get("seller_id") != self.connection.merchant_id:
            raise NotVerified("other_merchant", "signed for another app or seller", shop=self.alias)
        sent_at = text_time(fields.get("notify_time"), "notify_time", CHINA)
        if abs(self.now() - sent_at) > WINDOW:
            raise NotVerified("too_old", "more than 25 hours from our clock", shop=self.alias)
        if fields.get("notify_type") != "trade_status_sync":
            raise Unreadable("unknown_event", shop=self.alias)
        return documents.notification(fields, body)

    def _check_form(self, form: list[tuple[bytes, bytes]], sign: bytes) -> None:
        signature = sign.decode("latin-1")
        if not any(self._by_alipay(signing.notice_text(form, with_empty=rule), signature) for rule in (False, True)):
            raise NotVerified("signature", shop=self.alias)

    def _decoded(self, raw: Mapping[bytes, bytes]) -> dict[str, str]:
        charset = CHARSETS.get(raw.get(b"charset", b"utf-8").decode("latin-1").lower())
        if charset is None:
            raise Unreadable("encoding", "a charset that is in no table", shop=self.alias)
        try:
            return {name.decode(charset): value.decode(charset) for name, value in raw.items()}
        except UnicodeDecodeError:
            raise Unreadable("encoding", "not in its charset", shop=self.alias) from None

    def acknowledge(self, ok: bool) -> tuple[int, dict[str, str], bytes]:
        return (
            (200, {"Content-Type": "text/plain"}, b"success") if ok else (500, {"Content-Type": "text/plain"}, b"fail")
        )

    # ================================================================ bills
    def bill_call(self, day: date, kind: str) -> Call:
        biz = {"bill_type": BILL_TYPES[kind], "bill_date": day.isoformat()}
        return _call("alipay.data.dataservice.bill.downloadurl.query", biz, f"{kind} {day}")

    def read_bill_link(self, body: bytes) -> BillLink:
        inner = self._inner("alipay.data.dataservice.bill.downloadurl.query", body)
        return BillLink(url=word(msgspec.json.decode(inner, type=_Link).bill_download_url, "bill_download_url"))

    def download_request(self, link: BillLink) -> Request:
        if urlsplit(link.url).scheme not in ("https", "http"):
            raise Refused("the file's address is none", code="bad_url", shop=self.alias)
        return Request(method="GET", url=link.url, headers={"User-Agent": "oms"})

    def check_file(self, link: BillLink, answer: Answer) -> bytes:
        """No hash is told: a whole archive is told by its checksums. Links end after 30 seconds, in words."""
        if _unpacking.is_zip(answer.body):
            try:
                _unpacking.unzip(answer.body, self.bytes_of("unpacked_mb"))
            except Unreadable as error:
                if error.reason == "too_big":
                    raise
                raise Retryable("the bill came damaged", code=error.reason, shop=self.alias) from None
            return answer.body
        words = answer.body[:2000]
        expired = any(EXPIRED in words.decode(charset, errors="ignore") for charset in ("utf-8", "gb18030"))
        raise Retryable("no bill came", code="expired" if expired else "no_archive", shop=self.alias)

    def read_bill(self, data: bytes, *, day: date, kind: str) -> Bill:
        most = self.bytes_of("unpacked_mb")
        plain = bills.choose(_unpacking.unzip(data, most), kind) if _unpacking.is_zip(data) else data
        if len(plain) > most:
            raise Unreadable("too_big", f"more than {most} bytes", shop=self.alias)
        try:
            text = plain.decode("gb18030")
        except UnicodeDecodeError:
            raise Unreadable("encoding", "not GBK", shop=self.alias) from None
        return bills.read(text, day=day, kind=kind, merchant_id=self.connection.merchant_id)


def _call(method: str, biz: Mapping[str, Any], about: str) -> Call:
    return Call(api=method, params={"biz": dict(biz)}, about=about, token=False)


def _known(sub_code: str) -> str:
    """The entry of `SUB_CODES` that a sub_code means; empty when none."""
    plain = sub_code.rpartition(".")[2].upper().replace("-", "_")
    if plain in SUB_CODES:
        return plain
    return max((name for name in SUB_CODES if name in plain), key=len, default="")


def _yuan(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _form(action: str, params: Mapping[str, str]) -> str:
    """A page that posts itself."""
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in params.items()
    )
    return (
        f'<form id="pay" method="post" action="{html.escape(action)}">{inputs}</form>'
        '<script>document.getElementById("pay").submit()</script>'
    )
