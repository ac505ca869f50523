"""Kuaishou shop (快手小店).

Source: copies of the official pages of open.kwaixiaodian.com (calling APIs, authorising an app, messages, rate limits,
return codes, carriers) and the API pages as generated into public SDKs (open.order.cursor.list, open.order.detail,
open.seller.order.fee.detail, open.seller.order.refund.pcursor.list, open.seller.order.goods.deliver,
open.order.goods.split.deliver, open.item.get, open.item.sku.stock.update, open.order.deliver.merge.check); read 2025-11
and 2026-03. What they leave open is in `doubtful`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from adapters.core.fields import CHINA, FieldError, Scalar, count, ident, raw_list, text
from adapters.core.push import Push
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, NoticeParcel, OrderDocument, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _kuaishou_orders as orders
from adapters.platforms import _kuaishou_push as push
from adapters.platforms import _kuaishou_refunds as refunds
from adapters.platforms.base import (
    Answer,
    Ask,
    Call,
    Capabilities,
    LevelCall,
    Option,
    Page,
    Platform,
    Pull,
    Request,
    Scan,
    ShipCapability,
    StockCapability,
    Verdict,
)
from adapters.ports import AccessToken, Limit

ERRORS: Mapping[str, Act] = {
    **dict.fromkeys(("24", "26", "100200102"), "authorise"),
    **dict.fromkeys(("2001", "807000", "11", "21"), "final"),
    **dict.fromkeys(("300003", "300004", "300005", "300019"), "final"),
    **dict.fromkeys(("300010", "300014", "300017", "300018"), "final"),
    **dict.fromkeys(
        ("100200100", "100200101", "100200103", "100200104", "100200105", "100200106", "100200107"), "final"
    ),
    "100200500": "lost",
}
#: what some failures say in words only, by how they begin
WORDS: Sequence[tuple[str, Act]] = (
    ("exceed qps limit", "throttled"),
    ("exceed quota limit", "quota"),
    ("[1017] exceed quota limit", "quota"),
)
#: no code for an expired token was ever seen: these words in any message
TOKEN_WORDS = ("access_token", "access token", "accesstoken")
#: a GET per call that reads, a POST per call that changes
POSTS = frozenset({"open.seller.order.goods.deliver", "open.order.goods.split.deliver", "open.item.sku.stock.update"})
REFRESH = "oauth2.refresh_token"
END = "nomore"
#: confirmDeliveryStatus: all of an oid has left
ALL = 1
#: changeType
ADD, TAKE = 1, 2


class _Envelope(msgspec.Struct):
    result: Scalar = None
    code: Scalar = None
    msg: Scalar = None
    sub_code: Scalar = None
    sub_msg: Scalar = None
    error_msg: Scalar = None
    error: Scalar = None
    requestId: Scalar = None


class _Sku(msgspec.Struct):
    kwaiSkuId: Scalar = None
    skuStock: Scalar = None


class _Rows(msgspec.Struct):
    cursor: Scalar = None
    pcursor: Scalar = None
    orderList: msgspec.Raw = msgspec.Raw()
    refundOrderInfoList: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()


class _Item(msgspec.Struct):
    skuInfos: list[_Sku] = []


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    refresh_token_expires_in: Scalar = None
    open_id: Scalar = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_rows = msgspec.json.Decoder(_Rows | None).decode


class Kuaishou(Platform):
    """One Kuaishou shop."""

    name = "kuaishou"
    title = "Kuaishou shop (快手小店)"
    source = "open.kwaixiaodian.com guides and API pages as copied into public SDKs, read 2025-11 and 2026-03"
    home = "https://openapi.kwaixiaodian.com"
    options: ClassVar[Mapping[str, Option]] = {
        "sign_method": Option(help="how calls are signed", default="MD5", choices=("MD5", "HMAC_SHA256")),
        "refund_span_h": Option(
            help="hours in one window of refunds; campaigns may shrink the usual day", default=24.0
        ),
    }
    # Oldest change first: what changes while it is read moves behind the cursor or out of the window.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="cursor", size=50, span_s=7 * 86400.0),),
        "refunds": (Scan(name="modified", paging="cursor", size=100, span_s=86400.0),),
    }
    # One piece that left makes an order shipped there: a part that is missing then could not be told from one that was
    # told, so an order is told once all of it has left.
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=False, read_back=True),
        stock=StockCapability(mode="delta", batch=1, read_back=True),
    )
    limits: ClassVar[Mapping[str, Limit]] = {
        "open.order.cursor.list": Limit(rate_per_s=300, burst=30, daily=1_000_000),
        "*": Limit(rate_per_s=100, burst=10, daily=1_000_000),
    }
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90, "refunds": 90}
    #: the order's money is told by a call of its own
    supplements: ClassVar[frozenset[str]] = frozenset({"orders"})
    renew_before_s = 3600.0
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "4", "YTO": "6", "ZTO": "9", "YUNDA": "11", "STO": "3", "EMS": "7", "JD": "14", "DEPPON": "17",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "totalFee": "the list's own money is explained in three ways: the fee detail decides, until it came the sum is marked",
        "expired token": "no code was seen: any message about the access token renews it once",
        "carriers.EMS": "7 from memory",
        "confirmDeliveryStatus": "1 for all of an oid, from memory; see ALL",
        "orderAddress.openAddressId": "the merge check's page says that equal ones merge, where it stands is a guess",
        "skuInfos": "shape of open.item.get taken from open.item.deleted.get",
        "flagTagCode": "colours other than red from memory",
        "subOrderInfo.subOrderType": "every sub order is taken as a gift as long as it costs nothing",
        "refundStatus unknown": "a code in no table counts as asked, so that nothing leaves",
        "riskCode": "10001 holds; others are not explained and hold nothing",
        "status 0": "unknown, as its own name says",
        "status 30 with a parcel": "part of the pieces has left",
        "limits.daily": "1 000 000 calls after launch; a test user has 2 000",
        "seller_id": "the open_id that the token names",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """System parameters and one JSON text; what is signed is what is sent, before any encoding."""
        if call.api == REFRESH:
            form = {**call.params, "app_id": self.connection.credentials.app_key, "app_secret": self._secret(0)}
            return Request(url=self.address("/oauth2/refresh_token"), body=urlencode(form).encode(), headers=_FORM)
        params = {
            "appkey": self.connection.credentials.app_key,
            "method": call.api,
            "version": "1",
            "param": msgspec.json.encode(call.params).decode(),
            "timestamp": str(int(self.now().timestamp() * 1000)),
            "signMethod": self.option("sign_method"),
        }
        if token:
            params["access_token"] = token
        params["sign"] = sign(params, self._secret(-1))
        url = self.address("/" + call.api.replace(".", "/"))
        if call.api in POSTS:
            return Request(url=url, body=urlencode(params).encode(), headers=_FORM)
        return Request(method="GET", url=url, query=params)

    def _secret(self, place: int) -> str:
        """The app's secret (0), or the one it signs with (-1): they stand in one setting, with a blank between."""
        parts = self.connection.credentials.secret().split()
        return parts[place] if parts else ""

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """result 1 is good; of the rest some words decide first, then the codes."""
        envelope = _decode_envelope(answer.body)
        result = text(envelope.result)
        if not result:
            raise ValueError("no result")
        number = text(envelope.requestId)
        if result == "1":
            return Verdict(request_id=number)
        said = [text(m) for m in (envelope.sub_msg, envelope.error_msg, envelope.error, envelope.msg) if m]
        message = next((m for m in said if m.lower() not in ("success", "fail")), "")
        sub = text(envelope.sub_code) or text(envelope.code)
        act = self._act(result, sub, message.lower())
        return Verdict(
            act=act, code=result if sub in ("", "1", result) else f"{result}/{sub}", message=message, request_id=number,
            wait_s=self._until_midnight() if act == "quota" else 0.0,
        )  # fmt: skip

    def _act(self, result: str, sub: str, message: str) -> Act:
        for start, act in WORDS:
            if message.startswith(start):
                return act
        found = look_up(ERRORS, result, sub)
        if found not in ("authorise", "lost") and any(word in message for word in TOKEN_WORDS):
            return "token"
        return found

    def _until_midnight(self) -> float:
        now = self.now().astimezone(CHINA)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - now).total_seconds()

    # ================================================================ reading
    def pull(self, kind: str, scan: Scan, start: datetime, end: datetime, **more: Any) -> Pull:
        if kind == "refunds":
            scan = msgspec.structs.replace(scan, span_s=self.option("refund_span_h") * 3600)
        return super().pull(kind, scan, start, end, **more)

    def list_call(self, ask: Ask) -> Call:
        span = {"beginTime": _millis(ask.start), "endTime": _millis(ask.end)}
        params: dict[str, Any] = {"pageSize": ask.size, "sort": 2, "queryType": 2, **span}
        if ask.kind == "orders":
            params |= {"orderViewStatus": 1, "cpsType": 0, "cursor": ask.cursor}
            return Call(api="open.order.cursor.list", params=params)
        params |= {"type": 9, "currentPage": ask.page + 1, "pcursor": ask.cursor}
        return Call(api="open.seller.order.refund.pcursor.list", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        rows = _decode_rows(_decode_answer(body).data or b"null")
        told = rows and (rows.pcursor if kind == "refunds" else rows.cursor)
        if rows is None or told is None:
            return Page()
        cursor = text(told)
        return Page(
            items=raw_list(rows.refundOrderInfoList if kind == "refunds" else rows.orderList),
            more=cursor not in ("", END),
            cursor="" if cursor == END else cursor,
        )

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return Call(api="open.seller.order.refund.detail", params={"refundId": _number(numbers[0])})
        return Call(api="open.order.detail", params={"oid": _number(numbers[0])})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        return raw_list(_decode_answer(body).data)

    def is_partial(self, document: Document) -> bool:
        """An order that was paid and whose fees did not come yet."""
        return (
            isinstance(document, OrderDocument)
            and document.paid_at is not None
            and any(d.field == "payable_minor" and d.why == "not_sent" for d in document.doubts)
        )

    def supplement_call(self, kind: str, number: str) -> Call:
        return Call(api="open.seller.order.fee.detail", params={"orderId": _number(number)})

    def supplement(self, raw: bytes, body: bytes) -> bytes:
        """The order with its fees beside it; an answer about another order adds nothing."""
        (fees,) = raw_list(_decode_answer(body).data) or (b"{}",)
        return orders.with_fees(raw, fees)

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """The plain call for one parcel with the whole order; any other way, and every gift, wants the split call."""
        number = _number(notice.platform_order_no)
        only = notice.parcels[0]
        alone = all(no == notice.platform_order_no for no, *_ in only.lines)
        if len(notice.parcels) == 1 and alone:
            params: dict[str, Any] = {"orderId": number, **self._express(only)}
            return [Call(api="open.seller.order.goods.deliver", params=params)]
        packages = [
            {
                **self._express(parcel),
                "deliveryGoodsInfoList": [{"oid": _number(no), "deliveryNum": qty} for no, _, _, qty in parcel.lines],
            }
            for parcel in notice.parcels
        ]
        told = dict.fromkeys(no for parcel in notice.parcels for no, *_ in parcel.lines)
        status = [{"oid": _number(no), "confirmDeliveryStatus": ALL} for no in told]
        params = {"mainOrderId": number, "deliveryItemInfoList": packages, "deliveryStatus": status}
        return [Call(api="open.order.goods.split.deliver", params=params)]

    def _express(self, parcel: NoticeParcel) -> dict[str, Any]:
        return {"expressCode": _number(self.carrier(parcel.carrier)), "expressNo": parcel.waybill}

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """Only differences are taken: more or less by so many pieces, one sku a call."""
        return [
            LevelCall(
                api="open.item.sku.stock.update",
                params={
                    "kwaiItemId": _number(u.product_id), "skuId": _number(u.listing_id),
                    "skuChangeStock": abs(u.delta or 0), "changeType": ADD if (u.delta or 0) > 0 else TAKE,
                },
                updates=(u,),
            )
            for u in updates
        ]  # fmt: skip

    def read_level_call(self, update: LevelUpdate) -> Call:
        about = f"sku {update.listing_id}"
        return Call(api="open.item.get", params={"kwaiItemId": _number(update.product_id)}, about=about)

    def read_level_of(self, update: LevelUpdate, body: bytes) -> int:
        item = msgspec.json.decode(_decode_answer(body).data, type=_Item)
        for sku in item.skuInfos:
            if ident(sku.kwaiSkuId, "kwaiSkuId") == update.listing_id:
                return count(sku.skuStock, "skuStock")
        raise FieldError("skuInfos", "missing_field", "the item has no such sku")

    # ================================================================ tokens, messages
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        return Call(api=REFRESH, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_Token)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        now, refresh_s = self.now(), count(got.refresh_token_expires_in, "refresh_token_expires_in", 0)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=now + timedelta(seconds=count(got.expires_in, "expires_in")),
            refresh_expires_at=now + timedelta(seconds=refresh_s) if refresh_s else None,
            seller_id=text(got.open_id),
        )

    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        return push.opened(body, secrets)


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SIGNED = ("access_token", "appkey", "method", "param", "signMethod", "timestamp", "version")


def sign(params: Mapping[str, str], secret: str) -> str:
    """The signature of the parameters that have one: lower-case MD5, or base64 of an HMAC that has the secret inside too."""
    joined = "&".join(f"{name}={params[name]}" for name in SIGNED if name in params) + f"&signSecret={secret}"
    if params.get("signMethod") == "HMAC_SHA256":
        return base64.b64encode(hmac.new(secret.encode(), joined.encode(), "sha256").digest()).decode()
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _number(text_: str) -> int | str:
    """Ids and codes are 64-bit numbers on this wire."""
    return int(text_) if text_.isascii() and text_.isdigit() else text_
