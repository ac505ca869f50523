"""JD (京东), merchants of the POP platform: the JOS gateway.

Source: open.jd.com developer guide (listId 2643, signing and system parameters), pages of jingdong.pop.order.enSearch,
enGet, shipment, pop.afs.soa.refundapply.queryPageList and replyRefund, asc.query.list, ware.stock.sku.set, the JOS code
table and FAQ 569, read 2025-11. What they leave open is in `doubtful`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from adapters.core import signing
from adapters.core.fields import CHINA, FieldError, Scalar, as_list, count, ident, raw_list, text
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _jd_orders as orders
from adapters.platforms import _jd_refunds as refunds
from adapters.platforms import _jd_wire as wire
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

#: gateway codes; 65-67 are timeouts behind the gateway, which may hide an effect
CODES: Mapping[str, Act] = {
    "0": "ok",
    "1": "retry",
    "2": "throttled",
    **dict.fromkeys(("43", "65", "66", "67"), "lost"),
    **dict.fromkeys(("18", "19"), "token"),
    **dict.fromkeys(("3", "8", "11", "12", "14", "15", "20", "21", "22", "23", "24", "25", "28"), "final"),
    **dict.fromkeys(("50", "60", "61", "62", "63", "68", "69", "70", "71", "72", "73"), "final"),
    **dict.fromkeys(("79", "80", "83", "84", "85", "86", "87", "88"), "final"),
}

ORDER_FIELDS = (
    "orderId,venderId,orderType,payType,orderTotalPrice,orderSellerPrice,sellerDiscount,freightPrice,balanceUsed,"
    "orderPayment,shouldPay,actualPay,orderState,orderStateRemark,deliveryType,orderRemark,venderRemark,orderStartTime,"
    "paymentConfirmTime,modified,orderEndTime,pin,open_id_buyer,xid_buyer,parentOrderId,directParentOrderId,waybill,"
    "logisticsId,storeOrder,orderSource,returnOrder,idSopShipmenttype,invoiceInfo,vatInfo,consigneeInfo,itemInfoList,"
    "couponDetailList"
)


class Jd(Platform):
    """One JD POP shop."""

    name = "jd"
    title = "JD (京东)"
    source = "open.jd.com developer guide (listId 2643), API pages and code table, read 2025-11"
    home = "https://api.jd.com"
    entry = "/routerjson"
    options: ClassVar[Mapping[str, Option]] = {
        "order_state": Option(help="states asked for; the list form is a comma list of state names", default="ALL"),
        "store_id": Option(help="JD store (warehouse) that stock levels are set for", default=0),
        "check_user": Option(help="name under which refund applications are answered", default="oms"),
        "oauth_url": Option(help="where tokens are renewed", default=""),
    }
    # Oldest first and still back to front: an order that changes leaves its window and moves the rest forward.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=50, span_s=30 * 86400.0, max_rows=5000),),
        "refunds": (
            Scan(name="applied", by="created", paging="backward", size=50, span_s=7 * 86400.0),
            Scan(name="checked", by="modified", paging="backward", size=50, span_s=7 * 86400.0),
            # Service cases are listed by application only: changes show when the old ones are read again.
            Scan(name="services", by="created", paging="backward", size=50, span_s=7 * 86400.0, reach_s=15 * 86400.0),
        ),
    }
    capabilities = Capabilities(
        # A notice names no lines: one parcel an order, so that no part is taken for the whole.
        ship=ShipCapability(batch=1, parts_per_order=1, partial=False, read_back=True),
        stock=StockCapability(mode="absolute", batch=30),
        refunds=("agree", "refuse"),
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90}
    # Tokens can be renewed only within the last day of their life.
    renew_before_s = 23 * 3600.0
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "467", "YTO": "463", "ZTO": "1499", "YUNDA": "1327", "STO": "470", "EMS": "465", "JD": "2087",
        "DEPPON": "3046",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; paymentConfirmTime plus the option ship_within_h",
        "order_state": "ALL works in practice and is not documented; a comma list is the documented form",
        "LOCKED": "read as: a cancel or refund request is open, do not ship",
        "couponDetailList": "who bears which coupon type, and that the platform pays its own back",
        "balanceUsed": "whether inside the paid amount",
        "applyRefundSum": "taken as fen",
        "actualPayPrice": "what was paid for the item; what goes back is not told",
        "serviceStatus 10010": "done does not prove that money went back",
        "stockNum": "taken as the full level under updateModel fullStockIn",
        "page_size": "50; some pages allow 100",
        "replyRefund": "parameters as in the public SDKs",
        "lines paid": "not told per line but in one-line orders",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """System parameters in the query, business parameters as one JSON text in the body; all are signed."""
        credentials = self.connection.credentials
        if call.api == "oauth.refresh":
            query = {**call.params, "app_key": credentials.app_key, "app_secret": credentials.secret()}
            url = self.option("oauth_url") or self.address("/oauth2/refresh_token", "https://open-oauth.jd.com")
            return Request(method="GET", url=url, query=query)
        now = self.now().astimezone(CHINA)
        # Serialised once: what is signed is what is sent.
        body = signing.sorted_json(call.params)
        query = {
            "method": call.api,
            "app_key": credentials.app_key,
            "timestamp": f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}+0800",
            "v": "2.0",
        }
        if token:
            query["access_token"] = token
        query["sign"] = sign({**query, "360buy_param_json": body}, credentials.secret())
        return Request(
            url=self.address(self.entry),
            query=query,
            body=urlencode({"360buy_param_json": body}).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """A gateway error is an ``error_response``; a business error hides in a ``success`` that is false."""
        if call.api == "oauth.refresh":
            return wire.oauth_verdict(answer.body)
        replies = wire.decode_reply(answer.body)
        if not replies:
            raise ValueError("an empty object")
        name, reply = next(iter(replies.items()))
        code = text(reply.code)
        if name == "error_response" or code not in ("", "0"):
            act = look_up(CODES, code)
            return Verdict(act=act, code=code, message=text(reply.zh_desc) or text(reply.en_desc))
        return wire.business_verdict(reply)

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        start, end = _time(ask.start), _time(ask.end)
        if ask.kind == "orders":
            light = ask.light or ask.count_only
            params: dict[str, Any] = {
                "start_date": start,
                "end_date": end,
                "dateType": "0",
                "sortType": "0",
                "order_state": self.option("order_state"),
                "optional_fields": "orderId,modified" if light else ORDER_FIELDS,
                "page": str(ask.page + 1),
                "page_size": "1" if ask.count_only else str(ask.size),
            }
            return Call(api="jingdong.pop.order.enSearch", params=params)
        size = 1 if ask.count_only else ask.size
        if ask.scan.name == "services":
            params = {
                "buId": self.seller_id, "applyTimeBegin": start, "applyTimeEnd": end,
                "pageNumber": ask.page + 1, "pageSize": size,
            }  # fmt: skip
            return Call(api="jingdong.asc.query.list", params=params)
        by = "applyTime" if ask.scan.name == "applied" else "checkTime"
        params = {f"{by}Start": start, f"{by}End": end, "pageIndex": ask.page + 1, "pageSize": size}
        return Call(api="jingdong.pop.afs.soa.refundapply.queryPageList", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        listing = wire.first(wire.decode_listing(body))
        if kind == "orders":
            rows = listing.searchorderinfo_result
            return Page() if rows is None else Page(items=raw_list(rows.orderInfoList), total=_total(rows.orderTotal))
        if listing.pageResult is not None:
            return Page(items=raw_list(listing.pageResult.data), total=_total(listing.pageResult.totalCount))
        rows = listing.queryResult
        return Page() if rows is None else Page(items=raw_list(rows.result), total=_total(rows.totalCount))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind != "orders":
            return super().detail_call(kind, numbers)
        params = {"order_id": numbers[0], "optional_fields": ORDER_FIELDS}
        return Call(api="jingdong.pop.order.enGet", params=params)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        detail = wire.first(wire.decode_listing(body)).orderDetailInfo
        return raw_list(detail.orderInfo) if detail is not None and kind == "orders" else ()

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(
            raw, platform=self.name, seller_id=self.seller_id, ship_within_s=self.option("ship_within_h") * 3600
        )

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """JD ships an order as a whole, with one or more waybills.

        Carriers joined by ``|``; waybills by ``|`` between carriers, by comma within one.
        """
        if not notice.complete:
            raise FieldError("complete", "partial_unsupported", "JD takes one notice for a whole order")
        by_carrier: dict[str, list[str]] = {}
        for parcel in notice.parcels:
            by_carrier.setdefault(self.carrier(parcel.carrier), []).append(parcel.waybill)
        number = notice.platform_order_no
        params = {
            "orderId": int(number) if number.isdigit() else number,
            "logiCoprId": "|".join(by_carrier),
            "logiNo": "|".join(",".join(waybills) for waybills in by_carrier.values()),
        }
        return [Call(api="jingdong.pop.order.shipment", params=params)]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """At most 30 listings a call, with a key that makes a repeat harmless."""
        calls = []
        for i in range(0, len(updates), 30):
            part = updates[i : i + 30]
            stocks = [{"skuId": u.listing_id, "stockNum": u.qty, "storeId": self.option("store_id")} for u in part]
            key = hashlib.blake2b("\n".join(u.key for u in part).encode(), digest_size=12).hexdigest()
            params = {"req": {"updateModel": "fullStockIn", "stockRfId": key, "skuStocks": stocks}}
            calls.append(LevelCall(api="jingdong.ware.stock.sku.set", params=params, updates=tuple(part)))
        return calls

    def level_failures(self, body: bytes) -> Mapping[str, tuple[str, str]]:
        returned = wire.first(wire.decode_stock(body)).returnType
        failed = as_list(returned.obj.updateStockResult) if returned and returned.obj else ()
        return {ident(f.data, "updateStockResult.data"): ("not_set", text(f.message)) for f in failed}

    def refund_call(self, answer: RefundAnswer) -> Call:
        """Answer an application before shipping: 1 agreed, 2 refused (reason 5: other)."""
        if answer.platform_refund_no.startswith("S"):
            raise FieldError("platform_refund_no", "service_case", "service cases are answered at JD's own desk")
        params: dict[str, Any] = {
            "id": answer.platform_refund_no,
            "status": 1 if answer.act == "agree" else 2,
            "checkUserName": self.option("check_user"),
            "remark": answer.reason or answer.act,
            "outWareStatus": 2,
        }
        if answer.act == "refuse":
            params["rejectType"] = 5
        return Call(api="jingdong.pop.afs.soa.refundapply.replyRefund", params=params)

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        return Call(api="oauth.refresh", params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=wire.OAuth)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=self.now() + timedelta(seconds=count(got.expires_in, "expires_in")),
        )


def sign(params: Mapping[str, str], secret: str) -> str:
    """Upper-case MD5 of all parameters but ``sign``, by name, between two secrets."""
    return signing.sandwiched(params, secret)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _total(value: Scalar) -> int | None:
    return None if value is None or value == "" else count(value, "total")
