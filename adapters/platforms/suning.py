"""Suning (苏宁开放平台), merchants of the marketplace: one address, everything but the business body in the header.

Source: API pages and the OAuth page (menuId 36) of open.suning.com, request classes of the official SDK (2014 to 2020)
and their public ports, public integration code (fields in use, error codes, windows), a real answer of
suning.custom.order.get of 2019; read 2026-03. What they leave open is in `doubtful`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from adapters.core import signing
from adapters.core.fields import CHINA, FieldError, Scalar, count, ident, raw_list, text
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, NoticeParcel, RefundAnswer, RefundDocument, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _suning_orders as orders
from adapters.platforms import _suning_refunds as refunds
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
from adapters.ports import AccessToken

VERSION = "v1.2"
#: list of orders by modification; `suning.custom.ord.query` is its elder
ORDERS = "suning.custom.ordmodtime.query"
REFUNDS = "suning.custom.refundlistinformation.query"
NO_RESULT = "biz.handler.data-get:no-result"
TOKEN = "oauth.token"

#: error code → what to do; codes are text without a message. An unknown `sys.` may have had its effect
CODES: Mapping[str, Act] = {
    NO_RESULT: "final",
    "sys.*": "lost",
    # a clock that is off; the repeat is signed anew
    "sys.check.request-apprequesttime:error": "retry",
    "sys.check.access-token*": "token",
    "sys.check.header-param:forbidden": "final",
    "sys.check.query-time:outofrange": "final",
    "sys.check.query-time:error": "final",
    "sys.check.page-param:error": "final",
    "sys.check.request-params:error": "final",
    "sys.check.starttime-value:null": "final",
    "biz.orderquery.time-value:outofrange": "final",
    "biz.orderquery.startTime-format:error": "final",
    "biz.orderquery.endTime-format:error": "final",
    "biz.orderget.ordercode-format:error": "final",
    "biz.shutdown.order.cannot.delivery": "final",
}
#: ends of codes whose beginning names the call
ENDS: Mapping[str, Act] = {
    ":operate failed,retry later": "retry",
    "modify failed": "final",
    "-status:error": "final",
    "expressno-value:existence": "final",
    ":inexistence": "final",
    ":repeat": "final",
}


class _Error(msgspec.Struct):
    error_code: Scalar = None


class _Head(msgspec.Struct):
    totalSize: Scalar = None


class _Content(msgspec.Struct):
    sn_error: _Error | None = None
    sn_head: _Head | None = None
    sn_body: dict[str, msgspec.Raw] | None = None


class _Envelope(msgspec.Struct):
    sn_responseContent: _Content


class _Row(msgspec.Struct):
    returnApplyId: Scalar = None


class _Refund(msgspec.Struct):
    returnFlag: Scalar = None
    data: msgspec.Raw = msgspec.Raw()


class _OAuth(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    suning_user_name: Scalar = None
    error: Scalar = None
    error_description: Scalar = None


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_row = msgspec.json.Decoder(_Row).decode
_decode_refund = msgspec.json.Decoder(_Refund).decode


class Suning(Platform):
    """One Suning shop."""

    name = "suning"
    title = "Suning (苏宁易购)"
    source = "open.suning.com API pages and OAuth page, SDK request classes of 2014 to 2020, a real order of 2019; read 2026-03"
    home = "https://open.suning.com"
    entry = "/api/http/sopRequest"
    options: ClassVar[Mapping[str, Option]] = {
        "oauth": Option(help="calls carry the merchant's access token; else the shop's own key is enough", default=False),
        "orders_api": Option(help="list of orders by modification", default=ORDERS, choices=(ORDERS, "suning.custom.ord.query")),
        "return_address": Option(help="number of the address (invAddrId) that buyers send returns to", default=""),
        "stock_address": Option(help="number of the address (invAddrId) that stock levels are set for", default=""),
    }  # fmt: skip
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=50, span_s=86400.0),),
        "refunds": (Scan(name="modified", paging="backward", size=50, span_s=30 * 86400.0, ids_only=True),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=1),
        refunds=("agree", "refuse", "goods_received"),
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90, "refunds": 90}
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "S01", "YTO": "Y01", "ZTO": "Z01", "YUNDA": "Y02", "STO": "S02", "EMS": "E01", "JD": "J01", "DEPPON": "D01",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; orderSaleTime plus the option ship_within_h",
        "orders_api": "window and paging of ordmodtime.query are taken to be those of ord.query",
        "unpaid": "listed by unpaidorder.query only, whose answer is not documented: an order is seen once it is paid",
        "page_size": "50; 100 is allowed on pages of other lists",
        "modified_at": "a detail does not tell the last change: ten minutes before it was asked for",
        "returnOrderFlag": "taken to be 1 only while a return is open or done",
        "banktypecode": "5998 and 10006 are the shop's coupons, all others the platform's; that it pays its own back is not proven",
        "refund rows": "the list is taken to name returnApplyId, whose detail is documented",
        "returnStatusValue 5": "the refund failed: approved, somebody must look",
        "returnMoney": "taken as what goes back, in yuan",
        "access token errors": "their codes were not found; sys.check.access-token* is a guess",
        "refresh": "the refresh call is that of OAuth 2; only apps with that right have a refresh token",
        "answers to returns": "parameters as in the public SDKs; goods_received agrees to the refund",
        "carriers": "S01 is seen; the other codes are listed by logisticcompany.query",
        "masking": "whether names and phones come masked is not documented; stars tell",
    }  # fmt: skip

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """All but the body stands in the header; the body is signed as the very bytes that are sent."""
        credentials = self.connection.credentials
        if call.api == TOKEN:
            form = {**call.params, "client_id": credentials.app_key, "client_secret": credentials.secret()}
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return Request(url=self.address("/api/oauth/token"), body=urlencode(form).encode(), headers=headers)
        body = msgspec.json.encode({"sn_request": {"sn_body": call.params}})
        now = f"{self.now().astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
        headers = {
            "AppMethod": call.api,
            "AppRequestTime": now,
            "Format": "json",
            "AppKey": credentials.app_key,
            "VersionNo": VERSION,
            "signInfo": sign(credentials.secret(), call.api, now, credentials.app_key, body),
            "Content-Type": "application/json;charset=UTF-8",
        }
        if token:
            headers["access_token"] = token
        return Request(url=self.address(self.entry), body=body, headers=headers)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """An error is a code; "no result" is one too, and for a list it is an empty page."""
        if call.api == TOKEN:
            got = msgspec.json.decode(answer.body, type=_OAuth)
            return Verdict() if got.access_token else Verdict(act="final", code=text(got.error) or "no_token")
        content = _decode(answer.body).sn_responseContent
        if content.sn_error is not None:
            code = text(content.sn_error.error_code)
            if code == NO_RESULT and call.api in (self.option("orders_api"), REFUNDS):
                return Verdict()
            return Verdict(act=_act(code), code=code)
        if content.sn_body is None:
            raise ValueError("neither a body nor an error")
        return Verdict()

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        start, end = _time(ask.start), _time(ask.end)
        page = {"pageNo": str(ask.page + 1), "pageSize": "1" if ask.count_only else str(ask.size)}
        if ask.kind == "orders":
            return self._call(self.option("orders_api"), "orderQuery", {"startTime": start, "endTime": end, **page})
        return self._call(REFUNDS, "queryRefundlistinformation", {"startModified": start, "endModified": end, **page})

    def read_list(self, kind: str, body: bytes) -> Page:
        content = _decode(body).sn_responseContent
        if content.sn_error is not None:
            return Page(total=0) if text(content.sn_error.error_code) == NO_RESULT else Page()
        rows = (content.sn_body or {}).get("orderQuery" if kind == "orders" else "queryRefundlistinformation")
        if rows is None or content.sn_head is None:
            return Page()
        total = count(content.sn_head.totalSize, "totalSize")
        if kind == "orders":
            return Page(items=raw_list(rows), total=total)
        return Page(ids=[ident(_decode_row(r).returnApplyId, "returnApplyId") for r in raw_list(rows)], total=total)

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return self._call(
                "suning.custom.refundinformation.query", "queryRefundinformation", {"returnApplyId": numbers[0]}
            )
        return self._call("suning.custom.order.get", "orderGet", {"orderCode": numbers[0]})  # fmt: skip

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        found = _decode(body).sn_responseContent.sn_body or {}
        if kind == "orders":
            return raw_list(found.get("orderGet", msgspec.Raw(b"null")))
        told = [_decode_refund(r) for r in raw_list(found.get("queryRefundinformation", msgspec.Raw(b"null")))]
        return [raw for t in told if text(t.returnFlag) != "N" for raw in raw_list(t.data)]

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(
            raw, platform=self.name, seller_id=self.seller_id, ship_within_s=self.option("ship_within_h") * 3600,
            now=self.now(),
        )  # fmt: skip

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """One call a parcel, which names its lines; a line leaves whole and in one parcel.

        Raises:
            FieldError: a line is in two parcels, or a parcel names no line.
        """
        named = [no for parcel in notice.parcels for no, *_ in parcel.lines]
        if len(set(named)) < len(named):
            raise FieldError("lines", "line_in_two_parcels", "Suning takes one parcel for each line")
        return [self._ship_call(notice.platform_order_no, parcel) for parcel in notice.parcels]

    def _ship_call(self, number: str, parcel: NoticeParcel) -> Call:
        if not parcel.lines:
            raise FieldError("lines", "missing_field", "a parcel names its lines")
        params = {
            "orderCode": number,
            "expressNo": parcel.waybill,
            "expressCompanyCode": self.carrier(parcel.carrier),
            "orderLineNumbers": {"orderLineNumber": [no for no, *_ in parcel.lines]},
        }
        return self._call("suning.custom.orderdelivery.add", "orderDelivery", params)

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """The target of one listing a call."""
        where = {"invAddrId": self.option("stock_address")} if self.option("stock_address") else {}
        return [
            LevelCall(
                api="suning.custom.inventory.modify",
                params={"inventory": {"productCode": u.listing_id, "destInvNum": str(u.qty), **where}},
                updates=(u,),
            )
            for u in updates
        ]

    def refund_call(self, answer: RefundAnswer) -> Call:
        """The call depends on what is asked for and how far it is, so the application is read first."""
        number = answer.platform_refund_no
        found = self.read_detail("refunds", self.call(self.detail_call("refunds", (number,))).body)
        if not found:
            raise FieldError("platform_refund_no", "not_found", "no such application")
        case = refunds.refund(found[0], platform=self.name, seller_id=self.seller_id)
        params: dict[str, Any] = {"returnApplyId": number}
        promises_goods = case.kind == "return" and case.status == "asked"
        if answer.act == "refuse":
            what = "return" if promises_goods else "refund"
            return self._call(
                f"suning.custom.reject{what}.modify",
                f"modifyReject{what}",
                {**params, "remark": answer.reason or "refused"},
            )
        if answer.act == "agree" and promises_goods:
            return self._agree_return(case, answer)
        return self._call("suning.custom.agreerefund.confirm", "confirmAgreerefund", params)

    def _agree_return(self, case: RefundDocument, answer: RefundAnswer) -> Call:
        if not self.option("return_address"):
            raise FieldError("return_address", "missing_option", "set the option return_address to agree to returns")
        params = {
            "returnApplyId": case.platform_refund_no,
            "invAddrId": self.option("return_address"),
            "remark": answer.reason or "agreed",
        }
        return self._call("suning.custom.agreereturn.confirm", "confirmAgreereturn", params)

    def _call(self, api: str, name: str, params: Mapping[str, Any]) -> Call:
        return Call(api=api, params={name: params}, token=self.option("oauth"))

    def as_write(self, call: Call, about: str) -> Call:
        return msgspec.structs.replace(super().as_write(call, about), token=self.option("oauth"))

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once for each term of it", shop=self.shop)
        params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        return Call(api=TOKEN, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_OAuth)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=self.now() + timedelta(seconds=count(got.expires_in, "expires_in")),
        )


def sign(secret: str, method: str, moment: str, app_key: str, body: bytes) -> str:
    """Lower-case MD5 of secret, method, time, key, version and the body in base64."""
    return signing.md5_hex(f"{secret}{method}{moment}{app_key}{VERSION}{base64.b64encode(body).decode()}")


def push_sign(app_key: str, secret: str, client_type: str, timestamp: str, version: str = "1.0") -> str:
    """What the address of the message socket is signed with. Its messages carry no signature of their own."""
    return signing.md5_hex(f"{app_key}{secret}{version}{client_type}{timestamp}")


def _act(code: str) -> Act:
    return next((act for end, act in ENDS.items() if code.endswith(end)), look_up(CODES, code))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
