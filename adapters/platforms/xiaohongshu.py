"""Xiaohongshu (小红书, Ark/Qianfan shops).

Source: the official pages of school.xiaohongshu.com/open as copied with the API definitions of 2023 to 2025 (system
parameters, signature, authorisation, rate limits, order, after-sale, inventory and message pages), public SDKs in Go
and Python with their signing tests; read 2026-03. What they leave open is in `doubtful`. One URL takes every method;
parameters lie flat in one JSON object; the list names orders, amounts and lines are in the detail only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec

from adapters.core import signing
from adapters.core.fields import FieldError, Scalar, count, epoch_time, ident, raw_list, text
from adapters.core.push import Push, header
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised, NotVerified, Unreadable
from adapters.platforms import _xiaohongshu_orders as orders
from adapters.platforms import _xiaohongshu_refunds as refunds
from adapters.platforms.base import (
    Answer,
    Ask,
    Call,
    Capabilities,
    LevelCall,
    Option,
    Page,
    Platform,
    Request,
    Scan,
    ShipCapability,
    StockCapability,
    Verdict,
)
from adapters.ports import AccessToken, Limit

VERSION = "2.0"
#: startTime and endTime of the order list: seconds by the page's example, its text names no unit
LIST_UNITS_A_SECOND = 1
#: error_code → what to do; "system call failed" may hide an effect
CODES: Mapping[str, Act] = {
    "-2000500": "lost",
    **dict.fromkeys(("-2000400", "-2000101", "-2000701", "-2000702"), "final"),
}
#: the code of a refused access token is not published: the words of its message tell it
TOKEN_WORDS = re.compile(r"access[_ ]?token", re.IGNORECASE)
#: message tag's beginning → what it is about
TOPICS: Mapping[str, str] = {"msg_fulfillment_": "orders", "msg_after_sale_": "refunds"}
_NUMBERS = {"orders": "orderId", "refunds": "returnsId"}
_GOOD = ("", "0")


class _Inner(msgspec.Struct):
    """A second envelope inside `data`, where a method has one."""

    code: Scalar = None
    success: bool | None = None
    msg: Scalar = None
    data: msgspec.Raw = msgspec.Raw()


class _Envelope(msgspec.Struct):
    error_code: Scalar = None
    error_msg: Scalar = None
    success: bool | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Row(msgspec.Struct):
    orderId: Scalar = None
    returnsId: Scalar = None


class _List(msgspec.Struct):
    total: Scalar = None
    totalCount: Scalar = None
    orderList: list[_Row] | None = None
    afterSaleBasicInfos: list[_Row] | None = None


class _Token(msgspec.Struct):
    accessToken: str = ""
    accessTokenExpiresAt: Scalar = None
    refreshToken: str = ""
    sellerId: Scalar = None


class _Stock(msgspec.Struct):
    total: Scalar = None


class _StockAnswer(msgspec.Struct):
    skuStock: _Stock | None = None


class _Message(msgspec.Struct):
    msgTag: str = ""
    sellerId: Scalar = None
    data: str = ""


_envelope = msgspec.json.Decoder(_Envelope).decode
_inner = msgspec.json.Decoder(_Inner).decode


class Xiaohongshu(Platform):
    """One Xiaohongshu shop."""

    name = "xiaohongshu"
    title = "Xiaohongshu (小红书)"
    source = "Xiaohongshu open platform, official pages and API definitions of 2023 to 2025, read 2026-03"
    home = "https://ark.xiaohongshu.com"
    entry = "/ark/open_api/v3/common_controller"
    options: ClassVar[Mapping[str, Option]] = {
        "return_address_id": Option(
            help="sellerAddressRecordId of the address for returns (common.getAddressRecord); 0: returns are agreed to over there",
            default=0,
        ),
        "refuse_reason_id": Option(
            help="reason that refusals are told with (afterSale.rejectReasons); 0: refunds are refused over there", default=0
        ),
    }  # fmt: skip
    # An update while pages are read moves rows: last page first. Half an hour a window, a hundred pages at most.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=1800.0, max_rows=10_000, ids_only=True),),
        "refunds": (Scan(name="modified", paging="backward", size=100, span_s=1800.0, max_rows=50_000, ids_only=True),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=1, read_back=True),
        refunds=("agree", "refuse", "goods_received"),
    )
    # 100 calls a second for a new application, 200 for one method.
    limits: ClassVar[Mapping[str, Limit]] = {"*": Limit(rate_per_s=50, burst=50)}
    # A refresh changes the token only when less than 30 minutes are left.
    renew_before_s = 1500.0
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "shunfeng", "YTO": "yuantong", "ZTO": "zto", "YUNDA": "yunda", "STO": "shentong", "EMS": "ems", "JD": "jd",
        "DEPPON": "debangkuaidi",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "startTime": "seconds by the order list's example, its text names no unit; LIST_UNITS_A_SECOND",
        "endTime": "taken as inclusive, as the after-sale list says of its own",
        "access token refused": "its error_code is not published; told by the message's words, TOKEN_WORDS",
        "throttling": "its error_code is not published; HTTP 429 counts",
        "clock": "how far a timestamp may be off is not published",
        "-2000701, -2000702": "meaning partly from memory; final",
        "outPromotionAmount": "the payment channel's promotion: whether inside totalPayAmount is not told; not counted",
        "totalChangePriceAmount": "a price changed by hand: whether inside totalPayAmount is not told; not counted",
        "totalTaxAmount": "cross-border tax: whether inside totalPayAmount is not told; not counted",
        "skuAfterSaleStatus 3": "ended with money, in part, or with an exchange: the line counts as refunded in full",
        "orderStatus 10": "an exchange is asked for: shipped, lines without a case of their own count as asked",
        "receiver": "name, phone and address are handed out encrypted by a call of their own, which is not made",
        "status 4": "ended; with a refundStatus that is not 2 the money is still on its way",
        "carriers": "codes other than shunfeng, yuantong, zto and yunda from memory; common.getExpressCompanyList lists them",
        "skuStock.total": "read back as what inventory.syncSkuStock sets; it holds what is kept for channels",
        "msg_after_sale data": "fields not published; returnsId is looked for",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """System and business parameters flat in one JSON object; business parameters and token are not signed."""
        credentials = self.connection.credentials
        timestamp = str(int(self.now().timestamp()))
        body: dict[str, Any] = {
            **call.params, "appId": credentials.app_key, "method": call.api, "version": VERSION, "timestamp": timestamp,
            "sign": sign(credentials.app_key, call.api, timestamp, credentials.secret()),
        }  # fmt: skip
        if token:
            body["accessToken"] = token
        return Request(
            url=self.address(self.entry), body=msgspec.json.encode(body),
            headers={"Content-Type": "application/json;charset=utf-8"},
        )  # fmt: skip

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """Good is error_code 0 with success, in the envelope and in the second one inside, where there is one."""
        outer = _envelope(answer.body)
        if outer.error_code is None and outer.success is None:
            raise ValueError("neither error_code nor success")
        code = text(outer.error_code)
        if code != "0" or outer.success is not True:
            return self._failed(call, code, text(outer.error_msg))
        inner = _second(outer.data)
        if inner is not None and (inner.success is False or text(inner.code) not in _GOOD):
            return self._failed(call, text(inner.code), text(inner.msg))
        return Verdict()

    def _failed(self, call: Call, code: str, message: str) -> Verdict:
        act = look_up(CODES, code)
        if call.token and TOKEN_WORDS.search(message):
            act = "token"
        return Verdict(act=act, code=code if code not in _GOOD else "no_success", message=message)

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        """Pages count from 1; timeType 2 is the time of modification."""
        page = {"pageNo": ask.page + 1, "pageSize": 1 if ask.count_only else ask.size, "timeType": 2}
        start, end = int(ask.start.timestamp()), int(ask.end.timestamp())
        if ask.kind == "orders":
            unit = LIST_UNITS_A_SECOND
            return Call(api="order.getOrderList", params={**page, "startTime": start * unit, "endTime": end * unit})
        params = {**page, "startTime": start * 1000, "endTime": end * 1000}
        return Call(api="afterSale.listAfterSaleInfos", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        got = _read(body, _List)
        if kind == "refunds":
            total, rows = got.totalCount, [row.returnsId for row in got.afterSaleBasicInfos or ()]
        else:
            total, rows = got.total, [row.orderId for row in got.orderList or ()]
        if total is None:
            return Page()
        return Page(ids=[ident(number, "list") for number in rows], total=count(total, "total"))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return Call(api="afterSale.getAfterSaleInfo", params={"returnsId": numbers[0]})
        return Call(api="order.getOrderDetail", params={"orderId": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        return raw_list(_data(body))

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """One call per parcel. A parcel that is not the whole order names its skus, each with all its pieces."""
        told = [no for parcel in notice.parcels for no, *_ in parcel.lines]
        if len(set(told)) < len(told):
            raise FieldError("parcels", "split_line", "a sku of an order leaves in one parcel here")
        whole = notice.complete and len(notice.parcels) == 1
        calls = []
        for parcel in notice.parcels:
            params: dict[str, Any] = {
                "orderId": notice.platform_order_no,
                "expressNo": parcel.waybill,
                "expressCompanyCode": self.carrier(parcel.carrier),
                "unpack": bool(parcel.lines) and not whole,
            }
            if params["unpack"]:
                params["skuIdList"] = [sku for _, sku, *_ in parcel.lines]
            calls.append(Call(api="order.orderDeliver", params=params))
        return calls

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """The total of each sku, what is kept for channels inside."""
        return [
            LevelCall(api="inventory.syncSkuStock", params={"skuId": u.listing_id, "qty": u.qty}, updates=(u,))
            for u in updates
        ]

    def read_level_call(self, update: LevelUpdate) -> Call:
        return Call(api="inventory.getSkuStock", params={"skuId": update.listing_id}, about=update.listing_id)

    def read_level(self, body: bytes) -> int:
        return count((_read(body, _StockAnswer).skuStock or _Stock()).total, "skuStock.total")

    def refund_call(self, answer: RefundAnswer) -> Call:
        """What is asked decides the call, so the case is looked up first."""
        (item,) = self.details("refunds", (answer.platform_refund_no,))
        if item.document is None:
            raise FieldError("returnsId", "no_case", "the case could not be read, so its kind is not known")
        case = refunds.shape(item.raw)
        params: dict[str, Any] = {"returnsId": answer.platform_refund_no}
        if answer.act == "goods_received" or (answer.act == "refuse" and case.goods_due):
            params["action"] = 1 if answer.act == "goods_received" else 2
            api = "afterSale.confirmReceive"
        else:
            params["action"] = 3 if answer.act == "refuse" else 2 if case.sends_back else 1
            api = "afterSale.auditReturns"
        if answer.act == "refuse":
            params |= {"reason": self._given("refuse_reason_id"), "description": answer.reason}
        elif params["action"] == 2:
            params["receiverInfo"] = {"sellerAddressRecordId": self._given("return_address_id")}
        return Call(api=api, params=params)

    def _given(self, option: str) -> int:
        value = int(self.option(option))
        if not value:
            raise FieldError(option, "option_not_set", "the platform asks for it; set it in the shop's options")
        return value

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        return Call(
            api="oauth.refreshToken", params={"refreshToken": old.refresh}, token=False, about="renew token"
        )  # fmt: skip

    def read_token(self, body: bytes) -> AccessToken:
        got = _read(body, _Token)
        if not got.accessToken:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        return AccessToken(
            access=got.accessToken, refresh=got.refreshToken,
            expires_at=epoch_time(got.accessTokenExpiresAt, "accessTokenExpiresAt", 0.001), seller_id=text(got.sellerId),
        )  # fmt: skip

    # ================================================================ pushed messages
    def verify_push(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secrets: Sequence[str],
        *,
        path: str = "",
        query: Mapping[str, str] = {},
    ) -> Push:
        """Prove a message by its header; the path it came to and the address's own query are signed, the body is not.

        One request may carry several messages: the first tells the kind, and a number only when it is alone.
        """  # fmt: skip
        given = {"app-key": header(headers, "app-key"), "timestamp": header(headers, "timestamp"), **query}
        if header(headers, "sign") not in {push_sign(path, given, secret) for secret in secrets}:
            raise NotVerified("signature", shop=self.shop)
        sent = datetime.fromtimestamp(_epoch(given["timestamp"]), UTC)
        if abs(sent - self.now()) > PUSH_AGE:
            raise NotVerified("too_old", shop=self.shop)
        try:
            messages = msgspec.json.decode(body, type=list[_Message])
            first = messages[0]
            about = msgspec.json.decode(first.data, type=dict[str, Any]) if first.data else {}
        except (msgspec.MsgspecError, IndexError) as error:
            raise Unreadable("not_json", shop=self.shop) from error
        kind = next((kind for start, kind in TOPICS.items() if first.msgTag.startswith(start)), "")
        number = text(about.get(_NUMBERS.get(kind, ""))) if len(messages) == 1 else ""
        return Push(topic=first.msgTag, kind=kind, number=number)


#: a message is sent again once, after five minutes; one much older was recorded by somebody
PUSH_AGE = timedelta(minutes=10)


def sign(app_id: str, method: str, timestamp: str, secret: str) -> str:
    """Lower-case MD5 of the method and three system parameters, the secret behind them."""
    return signing.md5_hex(f"{method}?appId={app_id}&timestamp={timestamp}&version={VERSION}{secret}")


def push_sign(path: str, params: Mapping[str, str], secret: str) -> str:
    """Lower-case MD5 of the path and all parameters by name: those of the address's query, app-key and timestamp."""
    pairs = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return signing.md5_hex(f"{path}?{pairs}{secret}")


def _epoch(value: str) -> int:
    """Seconds, also where milliseconds were sent."""
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise NotVerified("bad_time")
    return int(value) // (1000 if len(value) > 11 else 1)


def _second(raw: msgspec.Raw) -> _Inner | None:
    return _inner(raw) if bytes(raw).lstrip()[:1] == b"{" else None


def _data(body: bytes) -> msgspec.Raw:
    """The data of an answer, out of its second envelope where there is one."""
    raw = _envelope(body).data
    inner = _second(raw)
    return inner.data if inner is not None and bytes(inner.data) else raw


def _read(body: bytes, kind: type[Any]) -> Any:
    raw = _data(body)
    return msgspec.json.decode(raw, type=kind) if bytes(raw).lstrip()[:1] == b"{" else kind()
