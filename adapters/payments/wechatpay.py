"""WeChat Pay, API v3, as a merchant of its own (no service provider).

Source: pay.weixin.qq.com "交易账单详细说明" (2024-11), "下载账单" (2024-09), "HTTP状态码", "如何从平台证书切换成微信支付公钥"
(2024-12); wechatpay-apiv3/wechatpay-skills (the vendor's guides and samples), wechatpay-java (tests, NotificationParser),
wechatpay-php, TheNorthMemory/wechatpay-openapi; read 2026-09. minibear2021/wechatpayv3 2.0.4 agrees in tests. What stays
open is in `doubtful`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec

from adapters.core.wire import Act, look_up
from adapters.errors import BadAnswer, NotVerified, Retryable, Unreadable
from adapters.payments import _keys, _unpacking
from adapters.payments import _wechatpay_bills as bills
from adapters.payments import _wechatpay_documents as documents
from adapters.payments import _wechatpay_signing as signing
from adapters.payments import _wechatpay_starts as starts
from adapters.payments._reading import rfc_time, utf8, word
from adapters.payments.base import (
    Answer,
    BillLink,
    Call,
    Channel,
    ChannelConnection,
    Option,
    Request,
    Verdict,
)
from adapters.payments.documents import (
    BackAsk,
    BackDocument,
    Bill,
    Notification,
    PayAsk,
    PaymentDocument,
    PayStart,
)

#: error code, else ``http_`` and the status → what to do
CODES: Mapping[str, Act] = {
    **dict.fromkeys(("SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "http_401"), "authorise"),
    **dict.fromkeys(("PARAM_ERROR", "INVALID_REQUEST", "RULE_LIMIT", "TRADE_ERROR", "OUT_TRADE_NO_USED"), "final"),
    **dict.fromkeys(("NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL", "ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"), "final"),
    **dict.fromkeys(("ORDER_CLOSED", "ORDERPAID", "NO_STATEMENT_EXIST", "STATEMENT_CREATING"), "final"),
    **dict.fromkeys(("FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "http_429"), "throttled"),
    **dict.fromkeys(("SYSTEM_ERROR", "BANK_ERROR", "SERVICE_UNAVAILABLE", "http_202"), "lost"),
    **dict.fromkeys(("http_500", "http_502", "http_503", "http_504"), "lost"),
}
#: characters of a refund's reason that are taken
REASON_LENGTH = 80
_START = "/v3/pay/transactions/"
_REFUNDS = "/v3/refund/domestic/refunds"


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Link(msgspec.Struct):
    download_url: str
    hash_type: str = ""
    hash_value: str = ""


_decode_error = msgspec.json.Decoder(_Error).decode


class WechatPay(Channel):
    name = "wechatpay"
    title = "WeChat Pay (微信支付)"
    source = "pay.weixin.qq.com API v3 pages and the vendor's SDKs and skills, read 2026-09"
    home = "https://api.mch.weixin.qq.com"
    methods = ("native", "jsapi", "h5", "app")
    reads: ClassVar[Mapping[str, str]] = {
        "serial": "serial number of the merchant API certificate",
        "private_key": "private key of the merchant API certificate, PEM",
        "api_v3_key": "APIv3 key, 32 characters",
    }
    options: ClassVar[Mapping[str, Option]] = {
        "platform_keys": Option(
            help="whose key signs answers: the WeChat Pay public key, or platform certificates, which are then fetched",
            default="public_key", choices=("public_key", "certificates"),
        ),
        "certificates_h": Option(help="platform certificates older than so many hours are fetched again", default=12.0),
        "certificates_wait_s": Option(help="least time between two attempts to fetch them, seconds", default=300.0),
        "fund_account": Option(help="account of the fund-flow bill", default="BASIC", choices=("BASIC", "OPERATION", "FEES")),
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "jsapi, h5, app": "bodies and the strings their signatures cover are from memory and from wechatpayv3",
        "trade_state ACCEPT": "from memory; not paid yet",
        "notification amount": "settlement_refund is not sent; settled is then refund less its coupons, else payer_refund",
        "hash_value": "of the packed or of the unpacked file is not told; either is accepted",
        "交易状态 REVOKED": "a row with a refund amount counts as refund, else as other",
        "微信支付业务单号": "in fund flows: the payment's number, for refunds the refund's; from memory",
        "业务类型": "words other than 交易, 退款 and 扣除交易手续费 are from memory",
        "one minute between refunds": "of one order; from memory, not enforced here",
        "OUT_TRADE_NO_USED": "code from memory: the number was used with other values",
    }
    no_payment = frozenset({"ORDER_NOT_EXIST"})
    no_refund = frozenset({"RESOURCE_NOT_EXISTS"})
    is_closed = frozenset({"ORDER_CLOSED"})
    is_paid = frozenset({"ORDERPAID"})
    no_bill = frozenset({"NO_STATEMENT_EXIST"})
    bill_later: ClassVar[Mapping[str, float]] = {"STATEMENT_CREATING": 1800.0}

    def __init__(self, connection: ChannelConnection) -> None:
        super().__init__(connection)
        self._certificates = self.option("platform_keys") == "certificates"
        self._keys = signing.KeyTable(
            connection.public_keys, self._fetch_certificates if self._certificates else None,
            timedelta(hours=self.option("certificates_h")), timedelta(seconds=self.option("certificates_wait_s")),
        )  # fmt: skip

    # ================================================================ the wire
    def request(self, call: Call) -> Request:
        body = msgspec.json.encode(call.params["body"]) if "body" in call.params else b""
        url = self.address(call.params["path"])
        if query := call.params.get("query"):
            url += f"?{urlencode(query)}"
        headers = {"Content-Type": "application/json"} if body else {}
        if not self._certificates and (key_id := self._keys.public_key_id()):
            # the answer is then signed with that key
            headers["Wechatpay-Serial"] = key_id
        return self._signed(call.api.split()[0], url, body, headers)

    def _signed(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Request:
        # What is signed is what httpx will put on the wire, percent-encoded.
        path = httpx.URL(url).raw_path.decode("ascii")
        timestamp, nonce = str(int(self.now().timestamp())), secrets.token_hex(16).upper()
        signature = self._sign(signing.request_text(method, path, timestamp, nonce, body))
        serial = self.connection.secret("serial")
        head = signing.authorization(self.connection.merchant_id, serial, timestamp, nonce, signature)
        common = {"Accept": "application/json", "User-Agent": "oms", "Authorization": head}
        return Request(method=method, url=url, body=body, headers={**common, **headers})

    def _sign(self, message: bytes) -> str:
        return _keys.sign(self.connection.secret("private_key"), message)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        if answer.status in (200, 204):
            return Verdict()
        try:
            error = _decode_error(answer.body or b"{}")
        except (msgspec.MsgspecError, RecursionError):
            error = _Error()
        code = error.code or f"http_{answer.status}"
        act = look_up(CODES, error.code, f"http_{answer.status}")
        if act == "throttled" and call.write:
            # The notes say of refunds: state unknown, query first.
            act = "lost"
        wait = answer.headers.get("retry-after", "")
        return Verdict(act=act, code=code, message=error.message[:120], wait_s=float(wait) if wait.isdigit() else 0.0)

    def verify(self, call: Call, answer: Answer) -> None:
        if call.api == "GET certificates":
            # They are sealed with our APIv3 key: what unseals may sign this answer.
            self._keys.keep(self.reading(lambda: self._unsealed(answer.body)), self.now())
        signed = signing.signed_headers(answer.headers, self.now())
        message = signing.answer_text(signed.timestamp, signed.nonce, answer.body)
        if not _keys.signed_by(self._keys.find(signed.serial, self.now()).key, message, signed.signature):
            raise NotVerified("signature", call.label)

    def _unsealed(self, body: bytes) -> dict[str, _keys.VerifyKey]:
        return signing.certificates(body, self.connection.secret("api_v3_key"))

    def _fetch_certificates(self) -> dict[str, _keys.VerifyKey]:
        answer = self._caller.once(_get("certificates", "/v3/certificates"))
        return self.reading(lambda: self._unsealed(answer.body))

    # ================================================================ payments
    def begin(self, ask: PayAsk) -> PayStart:
        body = starts.order(self.connection, ask)
        answer = self.call(_post(f"start {ask.method}", f"{_START}{ask.method}", body, ask.payment_no))
        return starts.read(self.connection, ask, answer, self.now(), self._sign)

    def query_call(self, payment_no: str) -> Call:
        path = f"{_START}out-trade-no/{quote(payment_no, safe='')}"
        return _get("query", path, {"mchid": self.connection.merchant_id}, payment_no)

    def read_payment(self, body: bytes) -> PaymentDocument:
        document = documents.payment(body)
        self._same("merchant", document.merchant_id, self.connection.merchant_id)
        return document

    def close_call(self, payment_no: str) -> Call:
        path = f"{_START}out-trade-no/{quote(payment_no, safe='')}/close"
        return _post("close", path, {"mchid": self.connection.merchant_id}, payment_no)

    # ================================================================ refunds
    def refund_call(self, ask: BackAsk) -> Call:
        body: dict[str, Any] = {"out_trade_no": ask.payment_no, "out_refund_no": ask.back_no}
        if reason := starts.plain(ask.reason, REASON_LENGTH):
            body["reason"] = reason
        if self.connection.notify_url:
            body["notify_url"] = self.connection.notify_url
        body["amount"] = {"refund": ask.amount_minor, "total": ask.total_minor, "currency": ask.currency}
        return _post("refund", _REFUNDS, body, ask.back_no)

    def read_refund(self, ask: BackAsk, body: bytes) -> BackDocument:
        return self.read_refund_query(ask.back_no, ask.payment_no, body)

    def refund_query_call(self, back_no: str, payment_no: str) -> Call:
        return _get("refund query", f"{_REFUNDS}/{quote(back_no, safe='')}", about=back_no)

    def read_refund_query(self, back_no: str, payment_no: str, body: bytes) -> BackDocument:
        document, _ = documents.refund(body)
        self._same("payment", document.payment_no, payment_no)
        return document

    # ================================================================ notifications
    def notified(self, headers: Mapping[str, str], body: bytes) -> Notification:
        signed = signing.signed_headers(headers, self.now())
        message = signing.answer_text(signed.timestamp, signed.nonce, body)
        if not _keys.signed_by(self._keys.find(signed.serial, self.now()).key, message, signed.signature):
            raise NotVerified("signature", shop=self.alias)
        return self._event(documents.decode_event(utf8(body)), body)

    def _event(self, event: documents.Event, body: bytes) -> Notification:
        sealed = event.resource
        if event.event_type not in documents.EVENTS:
            raise Unreadable("unknown_event", shop=self.alias)
        if sealed.algorithm != "AEAD_AES_256_GCM":
            raise Unreadable("algorithm", shop=self.alias)
        key = self.connection.secret("api_v3_key")
        plain = signing.unseal(key, sealed.nonce, sealed.associated_data or "", sealed.ciphertext)
        sent_at = rfc_time(event.create_time, "create_time")
        event_id = word(event.id, "id")
        if event.event_type.startswith("REFUND."):
            refund, merchant_id = documents.refund(plain, notified=True)
            self._agrees(event, refund.status_raw, merchant_id)
            return Notification(
                id=event_id, kind="refund", sent_at=sent_at, refund=refund, back_no=refund.back_no, raw=body
            )
        payment = documents.payment(plain)
        self._agrees(event, payment.status_raw, payment.merchant_id)
        return Notification(id=event_id, kind="payment", sent_at=sent_at, payment=payment, raw=body)

    def _agrees(self, event: documents.Event, state: str, merchant_id: str) -> None:
        if merchant_id != self.connection.merchant_id:
            raise NotVerified("other_merchant", "signed for another merchant", shop=self.alias)
        if state not in documents.EVENTS[event.event_type]:
            raise Unreadable("contradiction", f"{event.event_type} with another state inside", shop=self.alias)

    def acknowledge(self, ok: bool) -> tuple[int, dict[str, str], bytes]:
        if ok:
            return 204, {}, b""
        return 500, {"Content-Type": "application/json"}, '{"code":"FAIL","message":"失败"}'.encode()

    # ================================================================ bills
    def bill_call(self, day: date, kind: str) -> Call:
        if kind == "funds":
            query = {
                "bill_date": day.isoformat(),
                "account_type": str(self.option("fund_account")),
                "tar_type": "GZIP",
            }
            return _get("funds bill", "/v3/bill/fundflowbill", query, day.isoformat())
        query = {"bill_date": day.isoformat(), "bill_type": "ALL", "tar_type": "GZIP"}
        return _get("trade bill", "/v3/bill/tradebill", query, day.isoformat())

    def read_bill_link(self, body: bytes) -> BillLink:
        got = msgspec.json.decode(body, type=_Link)
        if got.hash_type.upper() != "SHA1" or len(got.hash_value) != 40:
            raise ValueError("no SHA-1 to check the file with")
        return BillLink(url=got.download_url, sha1=got.hash_value.lower())

    def download_request(self, link: BillLink) -> Request:
        if urlsplit(link.url).scheme not in ("https", urlsplit(self.address("")).scheme):
            raise BadAnswer("the file's address is not as safe as the channel's", code="bad_url", shop=self.alias)
        try:
            return self._signed("GET", link.url, b"", {})
        except httpx.InvalidURL:
            raise BadAnswer("the file's address is none", code="bad_url", shop=self.alias) from None

    def check_file(self, link: BillLink, answer: Answer) -> bytes:
        """The announced hash may be of the file as it comes or of what is in it."""
        if self._is(link.sha1, answer.body):
            return answer.body
        try:
            if _unpacking.is_gzip(answer.body) and self._is(link.sha1, self._unpacked(answer.body)):
                return answer.body
        except Unreadable as error:
            if error.reason == "too_big":
                raise
        raise Retryable("the file is not the one that was announced", code="hash", shop=self.alias)

    def _unpacked(self, data: bytes) -> bytes:
        return _unpacking.gunzip(data, self.bytes_of("unpacked_mb"))

    @staticmethod
    def _is(sha1: str, data: bytes) -> bool:
        return hmac.compare_digest(sha1, hashlib.sha1(data, usedforsecurity=False).hexdigest())

    def read_bill(self, data: bytes, *, day: date, kind: str) -> Bill:
        most = self.bytes_of("unpacked_mb")
        plain = self._unpacked(data) if _unpacking.is_gzip(data) else data
        if len(plain) > most:
            raise Unreadable("too_big", f"more than {most} bytes", shop=self.alias)
        try:
            text = plain.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("encoding", "not UTF-8", shop=self.alias) from None
        return bills.read(text, day=day, kind=kind, merchant_id=self.connection.merchant_id)


def _get(name: str, path: str, query: Mapping[str, str] | None = None, about: str = "") -> Call:
    return Call(api=f"GET {name}", params={"path": path, "query": dict(query or {})}, about=about, token=False)


def _post(name: str, path: str, body: Mapping[str, Any], about: str) -> Call:
    return Call(api=f"POST {name}", params={"path": path, "body": dict(body)}, about=about, token=False)
