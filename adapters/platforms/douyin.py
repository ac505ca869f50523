"""Douyin shop (抖店).

Source: op.jinritemai.com, API call guide of 2022-09-13, article 130 (signing), API pages of order/searchList,
order/orderDetail, afterSale/List, order/logisticsAdd, order/logisticsAddMultiPack, sku/syncStock, sku/syncStockBatch,
token/create, token/refresh, and the official error codes; read 2025-11. What they leave open is in `doubtful`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from adapters.core import heads, signing
from adapters.core.fields import CHINA, Scalar, count, raw_list, text, truth
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _douyin_orders as orders
from adapters.platforms import _douyin_refunds as refunds
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

#: the sub_code decides, because one code covers refreshable and final cases; isp: their side, its effect is uncertain
SUB_CODES: Mapping[str, Act] = {
    "isv.access-token-expired": "token",
    "isv.access-token-no-existed": "token",
    "isp.traffic-limited*": "throttled",
    "isp.service-error*": "lost",
    "isp.service-timeout-error*": "lost",
    "isp.api-service-off*": "final",
    "dop.service-error*": "lost",
    "dop.authorization-no-existed": "authorise",
    "dop.authorization-closed": "authorise",
    "dop.token-generate-failed*": "authorise",
    # a delta repeated with its idempotent_id
    "isv.parameter-invalid:40010": "already",
    "isv.*": "final",
}
CODES: Mapping[str, Act] = {
    "10000": "ok",
    "10001": "ok",
    **dict.fromkeys(("20000", "20001"), "lost"),
    "60000": "throttled",
    "50001": "authorise",
    **dict.fromkeys(
        ("30001", "30002", "40001", "40002", "40003", "40004", "50002", "70000", "80000", "90000"), "final"
    ),
}
ERRORS: Mapping[str, Act] = {**CODES, **SUB_CODES}


class _Envelope(msgspec.Struct):
    code: Scalar = None
    msg: Scalar = None
    sub_code: Scalar = None
    sub_msg: Scalar = None
    log_id: Scalar = None


class _Rows(msgspec.Struct):
    total: Scalar = None
    has_more: Scalar = None
    shop_order_list: msgspec.Raw = msgspec.Raw()
    items: msgspec.Raw = msgspec.Raw()
    shop_order_detail: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct):
    data: _Rows | None = None


class _Settled(msgspec.Struct):
    code: Scalar = None
    code_msg: Scalar = None
    is_end: Scalar = None
    next_start_index: Scalar = None
    next_start_time: Scalar = None
    data: msgspec.Raw = msgspec.Raw()


class _SettledAnswer(msgspec.Struct):
    data: _Settled | None = None


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    shop_id: Scalar = None


class _TokenAnswer(msgspec.Struct):
    data: _Token | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


class Douyin(Platform):
    """One Douyin shop."""

    name = "douyin"
    title = "Douyin shop (抖店)"
    source = "op.jinritemai.com API call guide (2022-09-13), article 130 and API pages, read 2025-11"
    home = "https://openapi-fxg.jinritemai.com"
    options: ClassVar[Mapping[str, Option]] = {
        "sign_method": Option(help="how calls are signed", default="hmac-sha256", choices=("hmac-sha256", "md5")),
        "self_use": Option(
            help="the app is the shop's own: a first token can be had without the merchant", default=False
        ),
    }
    # Oldest first and still back to front: an order that changes leaves its window and moves the rest forward.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=7 * 86400.0, max_rows=10_000),),
        "refunds": (Scan(name="modified", paging="backward", size=100, span_s=7 * 86400.0, max_rows=10_000),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=50),
        statements=True,
    )
    # The published table: calls per second of the whole app.
    limits: ClassVar[Mapping[str, Limit]] = {
        "/order/searchList": Limit(rate_per_s=600, burst=60),
        "/order/orderDetail": Limit(rate_per_s=900, burst=90),
        "/afterSale/List": Limit(rate_per_s=500, burst=50),
    }
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90, "refunds": 180}
    renew_before_s = 3600.0
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "shunfeng", "YTO": "yuantong", "ZTO": "zhongtong", "YUNDA": "yunda", "STO": "shentong", "EMS": "ems",
        "JD": "jd", "DEPPON": "debangwuliu",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "payable_minor": "goods + freight - promotions holds in the samples; other parts are not documented",
        "sku_order_list.post_amount": "taken out of the line's pay_amount",
        "refund_amount": "what was applied for; what went back is in the detail only",
        "after_sale_status 12": "ended; without money it counts as closed",
        "carriers": "codes other than shunfeng and zhongtong from memory; logisticsCompanyList lists them",
        "syncStockBatch.sku_type": "0, ordinary stock",
        "limits": "per second of the app; the table does not say more",
        "max_rows": "10 000 on one page of the documents, 50 000 on another",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """Business parameters as sorted JSON in the body, system parameters in the query; the token is not signed."""
        credentials = self.connection.credentials
        body = signing.sorted_json(call.params)
        method = call.api.strip("/").replace("/", ".")
        timestamp = str(int(self.now().timestamp()))
        kind = self.option("sign_method")
        query = {
            "method": method,
            "app_key": credentials.app_key,
            "timestamp": timestamp,
            "v": "2",
            "sign_method": kind,
            "sign": sign(credentials.app_key, method, body, timestamp, credentials.secret(), kind),
        }
        if token:
            query["access_token"] = token
        return Request(
            url=self.address(call.api),
            query=query,
            body=body.encode(),
            headers={"Content-Type": "application/json;charset=UTF-8", "x-open-no-old-err-code": "1"},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """Success is code 10000 under HTTP 200; of the rest the sub_code decides first."""
        envelope = _decode_envelope(answer.body)
        code, sub = text(envelope.code), text(envelope.sub_code)
        if not code:
            raise ValueError("no code")
        log_id = text(envelope.log_id)
        if code in ("10000", "10001"):
            return Verdict(request_id=log_id)
        return Verdict(
            act=look_up(ERRORS, sub, code), code=sub or code,
            message=f"{code} {text(envelope.sub_msg) or text(envelope.msg)}", request_id=log_id,
        )  # fmt: skip

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        """Pages count from 0."""
        start, end = int(ask.start.timestamp()), int(ask.end.timestamp())
        size = 1 if ask.count_only else ask.size
        if ask.kind == "orders":
            params: dict[str, Any] = {
                "page": ask.page,
                "size": size,
                "order_by": "update_time",
                "order_asc": True,
                "update_time_start": start,
                "update_time_end": end,
            }
            return Call(api="/order/searchList", params=params)
        params = {
            "page": ask.page,
            "size": size,
            "order_by": ["update_time asc"],
            "update_start_time": start,
            "update_end_time": end,
        }
        return Call(api="/afterSale/List", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        rows = _decode_answer(body).data
        if rows is None or rows.total is None:
            return Page()
        return Page(
            items=raw_list(rows.items if kind == "refunds" else rows.shop_order_list),
            total=count(rows.total, "total"),
            more=None if rows.has_more is None else truth(rows.has_more, "has_more"),
        )

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind != "orders":
            return super().detail_call(kind, numbers)
        return Call(api="/order/orderDetail", params={"shop_order_id": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        rows = _decode_answer(body).data
        return raw_list(rows.shop_order_detail) if rows is not None and kind == "orders" else ()

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else heads.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """The multi-pack call names the lines, so that it is right for a whole order and for its last part alike; it takes
        its request_id once. Without lines the call for a whole order is left."""
        parcels = [{"company_code": self.carrier(p.carrier), "logistics_code": p.waybill} for p in notice.parcels]
        if len(notice.parcels) == 1 and not notice.parcels[0].lines:
            params: dict[str, Any] = {"order_id": notice.platform_order_no, **parcels[0]}
            return [Call(api="/order/logisticsAdd", params=params)]
        packs = [
            {
                **head,
                "shipped_order_info": [{"shipped_order_id": no, "shipped_num": qty} for no, _, _, qty in parcel.lines],
            }
            for head, parcel in zip(parcels, notice.parcels, strict=True)
        ]
        key = hashlib.blake2b(signing.sorted_json([notice.platform_order_no, packs]).encode(), digest_size=12)
        params = {"order_id": notice.platform_order_no, "request_id": key.hexdigest(), "pack_list": packs}
        return [Call(api="/order/logisticsAddMultiPack", params=params)]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """Full levels: one call for one sku, the batch call for several of one product."""
        by_product: dict[str, list[LevelUpdate]] = {}
        for update in updates:
            by_product.setdefault(update.product_id, []).append(update)
        calls = []
        for product, all_of_it in by_product.items():
            for i in range(0, len(all_of_it), 50):
                calls.append(_level_call(product, tuple(all_of_it[i : i + 50])))
        return calls

    # ================================================================ statements
    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """Settled sub-orders by time of settlement, both ends inclusive; the cursor is a pair: index and time."""
        index, _, since = cursor.partition("|")
        params = {
            "size": 100, "time_type": 0, "start_time": since or _beijing(start), "end_time": _beijing(end - timedelta(seconds=1)),
            "start_index": index,
        }  # fmt: skip
        return Call(api="/order/getSettleBillDetailV3", params=params, about="statement")

    def read_statement(self, body: bytes) -> Page:
        got = msgspec.json.decode(body, type=_SettledAnswer).data
        if got is None or got.is_end is None or text(got.code) != "100000":
            raise ValueError("no list in it")
        cursor = f"{text(got.next_start_index)}|{text(got.next_start_time)}"
        return Page(items=raw_list(got.data), more=text(got.is_end) != "1", cursor=cursor)

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is not None and old.refresh:
            params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
            return Call(api="/token/refresh", params=params, token=False, about="renew token")
        if not self.option("self_use"):
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        params = {"grant_type": "authorization_self", "shop_id": self.seller_id}
        return Call(api="/token/create", params=params, token=False, about="first token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_TokenAnswer).data
        if got is None or not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=self.now() + timedelta(seconds=count(got.expires_in, "expires_in")),
            seller_id=text(got.shop_id),
        )


def sign(app_key: str, method: str, body: str, timestamp: str, secret: str, kind: str) -> str:
    """Lower-case HMAC-SHA256 (or MD5) of the five parts between two secrets; the HMAC keeps the secrets around."""
    joined = f"{secret}app_key{app_key}method{method}param_json{body}timestamp{timestamp}v2{secret}"
    return signing.md5_hex(joined) if kind == "md5" else signing.hmac_hex(secret, joined, "sha256")


def _number(text_: str) -> int | str:
    """Ids are 64-bit numbers on this wire; Python's ints and msgspec keep every digit."""
    return int(text_) if text_.isascii() and text_.isdigit() else text_


def _level_call(product: str, part: tuple[LevelUpdate, ...]) -> LevelCall:
    if len(part) == 1:
        params: dict[str, Any] = {
            "product_id": _number(product), "sku_id": _number(part[0].listing_id), "stock_num": part[0].qty,
            "incremental": False,
        }  # fmt: skip
        return LevelCall(api="/sku/syncStock", params=params, updates=part)
    rows = [{"sku_id": _number(u.listing_id), "sku_type": 0, "stock_num": u.qty} for u in part]
    params = {"product_id": _number(product), "incremental": False, "sku_sync_list": rows}
    return LevelCall(api="/sku/syncStockBatch", params=params, updates=part)


def _beijing(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
