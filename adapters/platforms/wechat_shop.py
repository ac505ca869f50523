"""WeChat Channels shop (微信小店).

Source: developers.weixin.qq.com, pages getStableAccessToken, /doc/store/shop (order, after-sale, product stock, common
error codes), read 2025-11; models of the public SDKs where the pages leave types open. What stays open is in
`doubtful`. Lists give ids only, there is no total, and calls carry an access token instead of a signature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from adapters.core import heads
from adapters.core.fields import CHINA, Scalar, count, ident, raw_list, text, truth
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _wechat_shop_orders as orders
from adapters.platforms import _wechat_shop_refunds as refunds
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

TOKEN_PATH = "/cgi-bin/stable_token"

#: errcode → what to do; "system busy" may hide an effect
CODES: Mapping[str, Act] = {
    "0": "ok",
    "-1": "lost",
    "100003": "retry",
    **dict.fromkeys(("40001", "40014", "41001", "42001"), "token"),
    "45011": "throttled",
    "45009": "quota",
    **dict.fromkeys(("40003", "40013", "40066", "40097", "44002", "45002", "47001"), "final"),
    **dict.fromkeys(("41002", "41018", "48001", "40164"), "final"),
    **dict.fromkeys(("100002", "606034", "6060456", "10080000", "10080001"), "final"),
}
_RID = re.compile(r"rid: ?([0-9A-Za-z-]+)")


class _Envelope(msgspec.Struct):
    errcode: Scalar = None
    errmsg: Scalar = None
    access_token: Scalar = None


class _List(msgspec.Struct):
    order_id_list: list[Scalar] | None = None
    after_sale_order_id_list: list[Scalar] | None = None
    next_key: Scalar = None
    has_more: Scalar = None


class _Detail(msgspec.Struct):
    order: msgspec.Raw = msgspec.Raw()
    after_sale_order: msgspec.Raw = msgspec.Raw()


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: Scalar = None


class _Stock(msgspec.Struct):
    stock_num: Scalar = None
    normal_stock_num: Scalar = None


class _StockAnswer(msgspec.Struct):
    data: _Stock | None = None


class _Flows(msgspec.Struct):
    flow_ids: list[Scalar] | None = None
    next_key: Scalar = None
    has_more: Scalar = None
    funds_flow: msgspec.Raw = msgspec.Raw()


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_list = msgspec.json.Decoder(_List).decode
_decode_detail = msgspec.json.Decoder(_Detail).decode


class WechatShop(Platform):
    """One WeChat Channels shop."""

    name = "wechat_shop"
    title = "WeChat Channels shop (微信小店)"
    source = "developers.weixin.qq.com/doc/store/shop and getStableAccessToken, read 2025-11"
    home = "https://api.weixin.qq.com"
    options: ClassVar[Mapping[str, Option]] = {
        "merge_by_hash_code": Option(
            help="orders of one buyer with the same address hash_code may merge; what the code covers is not documented",
            default=False,
        ),
    }
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="cursor", size=100, span_s=7 * 86400.0, ids_only=True),),
        "refunds": (Scan(name="modified", paging="cursor", size=100, span_s=86400.0, ids_only=True),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=1, read_back=True),
        refunds=("agree", "refuse"),
        statements=True,
    )
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YD", "STO": "STO", "EMS": "EMS", "JD": "JD", "DEPPON": "DBL",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; pay_time plus the option ship_within_h",
        "hash_code": "what it covers is not documented: no merge key unless the option merge_by_hash_code says so",
        "product_unique_id": "line number where sent; otherwise the sku's id",
        "cash_coupon_discounted_price": "whether inside order_price is not told; named, not counted",
        "national_subsidy_discounted_price": "whether inside order_price is not told; named, not counted",
        "finish_aftersale_sku_cnt": "a line refunded in part counts as not refunded",
        "carriers": "YD and DBL from memory; deliverycompanylist/get lists them",
        "data.stock_num": "the SDKs disagree on its name; both are read",
        "refund reject_reason": "name from memory",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """A POST of JSON; the access token rides in the query."""
        params = call.params
        if call.api == TOKEN_PATH:
            credentials = self.connection.credentials
            params = {**params, "appid": credentials.app_key, "secret": credentials.secret()}
        return Request(
            url=self.address(call.api),
            query={"access_token": token} if token else {},
            body=msgspec.json.encode(params),
            headers={"Content-Type": "application/json;charset=utf-8"},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """HTTP 200 always; errcode decides. An answer without one is good only if it is a token."""
        envelope = _decode_envelope(answer.body)
        if envelope.errcode is None:
            if envelope.access_token:
                return Verdict()
            raise ValueError("no errcode")
        code, message = text(envelope.errcode), text(envelope.errmsg)
        rid = _RID.search(message)
        act = look_up(CODES, code)
        return Verdict(
            act=act, code="" if act == "ok" else code, message=message, request_id=rid.group(1) if rid else "",
            wait_s=self._wait(act),
        )  # fmt: skip

    def _wait(self, act: Act) -> float:
        """A spent day ends at Beijing's midnight. How much of a spent minute is left is not told: the usual waits, which
        add up to more than a minute, go past its end."""
        if act == "quota":
            now = self.now().astimezone(CHINA)
            midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            return (midnight - now).total_seconds()
        return 0.0

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        start, end = int(ask.start.timestamp()), int(ask.end.timestamp())
        if ask.kind == "orders":
            params: dict[str, Any] = {
                "update_time_range": {"start_time": start, "end_time": end},
                "page_size": ask.size,
                "next_key": ask.cursor,
            }
            return Call(api="/channels/ec/order/list/get", params=params)
        params = {"begin_update_time": start, "end_update_time": end, "next_key": ask.cursor}
        return Call(api="/channels/ec/aftersale/getaftersalelist", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        got = _decode_list(body)
        if got.has_more is None and got.next_key is None:
            return Page()
        sent = got.after_sale_order_id_list if kind == "refunds" else got.order_id_list
        return Page(
            ids=[ident(number, "order_id_list") for number in sent or ()],
            more=truth(got.has_more, "has_more"),
            cursor=text(got.next_key),
        )

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return Call(api="/channels/ec/aftersale/getaftersaleorder", params={"after_sale_order_id": numbers[0]})
        return Call(api="/channels/ec/order/get", params={"order_id": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        got = _decode_detail(body)
        return raw_list(got.after_sale_order if kind == "refunds" else got.order)

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(
            raw, platform=self.name, seller_id=self.seller_id, ship_within_s=self.option("ship_within_h") * 3600,
            merge_by_hash=self.option("merge_by_hash_code"),
        )  # fmt: skip

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else heads.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """One call with every parcel; a part of the products makes it a split shipment."""
        deliveries = [
            {
                "delivery_id": self.carrier(parcel.carrier),
                "waybill_id": parcel.waybill,
                "deliver_type": 1,
                "product_infos": [
                    {"product_id": product, "sku_id": sku, "product_cnt": qty} for _, sku, product, qty in parcel.lines
                ],
            }
            for parcel in notice.parcels
        ]
        params = {"order_id": notice.platform_order_no, "delivery_list": deliveries}
        return [Call(api="/channels/ec/order/delivery/send", params=params)]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """diff_type 3 sets the level."""
        return [
            LevelCall(
                api="/channels/ec/product/stock/update",
                params={"product_id": u.product_id, "sku_id": u.listing_id, "diff_type": 3, "num": u.qty},
                updates=(u,),
            )
            for u in updates
        ]

    def read_level_call(self, update: LevelUpdate) -> Call:
        params = {"product_id": update.product_id, "sku_id": update.listing_id}
        return Call(api="/channels/ec/product/stock/get", params=params, about=update.listing_id)

    def read_level(self, body: bytes) -> int:
        stock = msgspec.json.decode(body, type=_StockAnswer).data or _Stock()
        told = stock.stock_num if stock.stock_num is not None else stock.normal_stock_num
        return count(told, "data.stock_num")

    def refund_call(self, answer: RefundAnswer) -> Call:
        if answer.act == "agree":
            return Call(
                api="/channels/ec/aftersale/acceptapply", params={"after_sale_order_id": answer.platform_refund_no}
            )
        params = {"after_sale_order_id": answer.platform_refund_no, "reject_reason": answer.reason}
        return Call(api="/channels/ec/aftersale/rejectapply", params=params)

    # ================================================================ statements
    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """Numbers of flows booked in a window, both ends inclusive."""
        params = {
            "page": 1, "page_size": 100, "start_time": int(start.timestamp()), "end_time": int(end.timestamp()) - 1,
            "next_key": cursor,
        }  # fmt: skip
        return Call(api="/channels/ec/funds/getfundsflowlist", params=params, about="statement")

    def statement_row_call(self, number: str) -> Call:
        return Call(api="/channels/ec/funds/getfundsflowdetail", params={"flow_id": number}, about=number)

    def read_statement(self, body: bytes) -> Page:
        got = msgspec.json.decode(body, type=_Flows)
        if bytes(got.funds_flow):
            return Page(items=raw_list(got.funds_flow))
        if got.has_more is None:
            raise ValueError("no list in it")
        return Page(
            ids=[ident(number, "flow_ids") for number in got.flow_ids or ()],
            more=truth(got.has_more, "has_more"),
            cursor=text(got.next_key),
        )

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        """The normal mode gives the running token again; only a token that was refused early is replaced by force."""
        refused = (
            old is not None
            and old.expires_at is not None
            and (old.expires_at - self.now()).total_seconds() > self.renew_before_s
        )
        params = {"grant_type": "client_credential", "force_refresh": refused}
        return Call(api=TOKEN_PATH, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_Token)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        return AccessToken(
            access=got.access_token, expires_at=self.now() + timedelta(seconds=count(got.expires_in, "expires_in"))
        )
