"""Pinduoduo (拼多多).

Source: the official API call guide of open.pinduoduo.com (idStr 8EC06C399636041E) with its worked example, the API pages
of pdd.order.number.list.increment.get, pdd.order.information.get, pdd.refund.list.increment.get,
pdd.logistics.online.send, pdd.order.upload.extra.logistics, pdd.goods.quantity.update, pdd.pop.auth.token.refresh and
pdd.order.merge.ship.order.group as generated into public SDKs, and a public ERP; read 2025-11. What they leave open is
in `doubtful`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from adapters.core import signing
from adapters.core.fields import Scalar, count, raw_list, text, truth
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, NoticeParcel, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _pdd_orders as orders
from adapters.platforms import _pdd_refunds as refunds
from adapters.platforms.base import (
    Answer,
    Ask,
    Call,
    Capabilities,
    LevelCall,
    Page,
    Platform,
    Request,
    Scan,
    ShipCapability,
    StockCapability,
    Verdict,
)
from adapters.ports import AccessToken, Limit

ERRORS: Mapping[str, Act] = {
    **dict.fromkeys(("70031", "52101"), "throttled"),
    **dict.fromkeys(("52102", "52103"), "retry"),
    "10019": "token",
    **dict.fromkeys(("20031", "20032"), "authorise"),
    **dict.fromkeys(("20004", "20005"), "final"),
    **dict.fromkeys(("10000", "10001", "10017", "10018", "21001", "21002"), "final"),
    **dict.fromkeys(("10016", "20034", "20035"), "final"),
    **dict.fromkeys(("30000", "30001"), "final"),
    "52004": "final",
    # their side: nobody knows how far it came
    **dict.fromkeys(("50000", "50001", "50002", "52001", "52002"), "lost"),
}
#: the name of a reply cannot be derived from its method's
LISTS = {"orders": "order_sn_increment_get_response", "refunds": "refund_increment_get_response"}
DETAIL = "order_info_get_response"
TOKENS = ("pop_auth_token_refresh_response", "pop_auth_token_create_response")
#: extra_track_type
SPLIT, GIFT = 1, 3


class _Error(msgspec.Struct):
    error_code: Scalar = None
    error_msg: Scalar = None
    sub_code: Scalar = None
    sub_msg: Scalar = None
    request_id: Scalar = None


class _Failed(msgspec.Struct):
    error_response: _Error


class _Told(msgspec.Struct):
    """Whether a write succeeded; the extra parcels' reply calls it differently."""

    is_success: Scalar = None
    success: Scalar = None


class _Rows(msgspec.Struct):
    total_count: Scalar = None
    has_next: Scalar = None
    order_sn_list: msgspec.Raw = msgspec.Raw()
    refund_list: msgspec.Raw = msgspec.Raw()
    order_info: msgspec.Raw = msgspec.Raw()


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    refresh_token_expires_in: Scalar = None
    owner_id: Scalar = None


_decode_failed = msgspec.json.Decoder(_Failed).decode
_decode_told = msgspec.json.Decoder(dict[str, _Told]).decode
_decode_rows = msgspec.json.Decoder(dict[str, _Rows]).decode


class Pdd(Platform):
    """One Pinduoduo shop (mall)."""

    name = "pdd"
    title = "Pinduoduo (拼多多)"
    source = "open.pinduoduo.com API call guide (8EC06C399636041E) and API pages, read 2025-11"
    home = "https://gw-api.pinduoduo.com"
    entry = "/api/router"
    # The documents ask for back to front, and for staying three minutes behind.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=1800.0, behind_s=180.0),),
        "refunds": (Scan(name="modified", paging="backward", size=100, span_s=1800.0, behind_s=180.0),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=False, read_back=True),
        stock=StockCapability(mode="absolute", batch=1),
    )
    # Per shop: 3000 in 60 s, and 100 in 10 s.
    limits: ClassVar[Mapping[str, Limit]] = {
        "pdd.order.number.list.increment.get": Limit(rate_per_s=50, burst=50),
        "pdd.refund.list.increment.get": Limit(rate_per_s=10, burst=10),
    }
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90, "refunds": 90}
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "44", "YTO": "85", "ZTO": "115", "YUNDA": "121", "STO": "1", "EMS": "118", "JD": "120", "DEPPON": "131",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "carriers": "logistics_id numbers from memory; pdd.logistics.companies.get lists them",
        "50001 sub_code": "a write refused with 5000x and a sub_code counts as refused, without one as unknown",
        "buyer_id": "the platform names no buyer: the address id stands in for one, as in a working ERP",
        "capital_free_discount": "who bears the group-leader discount is not documented: borne by unknown, no subsidy",
        "duo_duo_pay_reduction": "whether it is inside pay_amount is not told; not counted",
        "gift_list.goods_price": "taken as a list price that is not charged",
        "after_sales_status": "3 with a waybill counts as goods on their way back; 31 (refusal agreed) as refused",
        "after_sales_type 2": "refund only, before or after shipping: the list does not say which",
        "refunds.done_at": "the time of the last change; the list names no end",
        "refunds.status filter": "after_sales_status 1 and after_sales_type 1 for all of them, as a working ERP does",
        "is_pre_sale": "an order that may leave later; only a deposit (trade_type 1) is flagged presale",
        "confirm_status 0": "paid and waiting for its group; the lists do not deliver it in practice",
        "limits": "of a generated SDK; the pages do not say more",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """One flat form; all of it is signed, lists and objects as the JSON text that is sent."""
        params = {name: signing.flat(value) for name, value in call.params.items() if value is not None}
        params |= {
            "type": call.api,
            "client_id": self.connection.credentials.app_key,
            "timestamp": str(int(self.now().timestamp())),
            "data_type": "JSON",
            "version": "V1",
        }
        if token:
            params["access_token"] = token
        params = {name: value for name, value in params.items() if value != ""}
        params["sign"] = sign(params, self.connection.credentials.secret())
        return Request(url=self.address(self.entry), body=urlencode(params).encode(), headers=_FORM)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """HTTP is always 200; an error_response is an error, and a write must say that it succeeded."""
        body = answer.body
        if body.lstrip()[:1] != b"{":
            raise ValueError("not JSON")
        # Looking for the words is much cheaper than decoding a whole page a second time.
        if b'"error_response"' in body[:200]:
            return self._failed(call, _decode_failed(body).error_response)
        if not call.write:
            return Verdict()
        told = [word for t in _decode_told(body).values() for word in (t.is_success, t.success) if word is not None]
        if not told:
            raise ValueError("does not say whether it succeeded")
        return Verdict() if truth(told[0], "is_success") else Verdict(act="final", code="not_successful")

    def _failed(self, call: Call, error: _Error) -> Verdict:
        code, sub = text(error.error_code), text(error.sub_code)
        act = look_up(ERRORS, code)
        if act == "lost" and sub and call.write:
            act = "final"
        message = text(error.sub_msg) or text(error.error_msg)
        return Verdict(
            act=act, code=f"{code}/{sub}" if sub else code, message=message, request_id=text(error.request_id)
        )

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        """Pages count from 1; asking for has_next instead of the total spares the platform its counting."""
        params: dict[str, Any] = {
            "start_updated_at": int(ask.start.timestamp()),
            "end_updated_at": int(ask.end.timestamp()),
            "page": ask.page + 1,
            "page_size": 1 if ask.count_only else ask.size,
        }
        if ask.kind == "orders":
            params |= {"is_lucky_flag": 0, "order_status": 5, "refund_status": 5, "use_has_next": not ask.total}
            return Call(api="pdd.order.number.list.increment.get", params=params)
        params |= {"after_sales_status": 1, "after_sales_type": 1}
        return Call(api="pdd.refund.list.increment.get", params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        rows = _decode_rows(body).get(LISTS[kind])
        if rows is None:
            return Page()
        return Page(
            items=raw_list(rows.refund_list if kind == "refunds" else rows.order_sn_list),
            total=None if rows.total_count is None else count(rows.total_count, "total_count"),
            more=None if rows.has_next is None else truth(rows.has_next, "has_next"),
        )

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind != "orders":
            return super().detail_call(kind, numbers)
        return Call(api="pdd.order.information.get", params={"order_sn": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        rows = _decode_rows(body).get(DETAIL)
        return raw_list(rows.order_info) if rows is not None and kind == "orders" else ()

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """The first parcel ships the order, further ones only tell the buyer of themselves."""
        first, *others = sorted(notice.parcels, key=_only_gifts)
        number = notice.platform_order_no
        params = {"order_sn": number, "logistics_id": self.carrier(first.carrier), "tracking_number": first.waybill}
        calls = [Call(api="pdd.logistics.online.send", params=params)]
        for kind in (SPLIT, GIFT):
            tracks = [
                {"shipping_id": _number(self.carrier(p.carrier)), "tracking_number": p.waybill}
                for p in others
                if _only_gifts(p) == (kind == GIFT)
            ]
            if tracks:
                extra = {"order_sn": number, "extra_track_type": kind, "extra_track_list": tracks}
                calls.append(Call(api="pdd.order.upload.extra.logistics", params=extra))
        return calls

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """update_type 1 sets the whole level of one sku."""
        return [
            LevelCall(
                api="pdd.goods.quantity.update",
                params={"goods_id": u.product_id, "sku_id": u.listing_id, "quantity": u.qty, "update_type": 1},
                updates=(u,),
            )
            for u in updates
        ]

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        params = {"refresh_token": old.refresh}
        return Call(api="pdd.pop.auth.token.refresh", params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        replies = msgspec.json.decode(body, type=dict[str, _Token])
        got = next((replies[name] for name in TOKENS if name in replies), _Token())
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        now, refresh_s = self.now(), count(got.refresh_token_expires_in, "refresh_token_expires_in", 0)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=now + timedelta(seconds=count(got.expires_in, "expires_in")),
            refresh_expires_at=now + timedelta(seconds=refresh_s) if refresh_s else None,
            seller_id=text(got.owner_id),
        )


_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}

#: where messages come from
MESSAGES = "wss://message-api.pinduoduo.com/message"


def sign(params: Mapping[str, str], secret: str) -> str:
    """The signature of all parameters but ``sign``."""
    return signing.sandwiched(params, secret)


def push_digest(client_id: str, millis: int, secret: str) -> str:
    """What proves to the message service who listens: base64 of the hex text (not of the bytes) of an MD5."""
    return base64.b64encode(signing.md5_hex(f"{client_id}{millis}{secret}").encode()).decode()


def push_address(client_id: str, millis: int, secret: str) -> str:
    """The websocket address that messages are heard at; `millis`: now, since 1970."""
    return f"{MESSAGES}/{client_id}/{millis}/{push_digest(client_id, millis, secret)}"


def _only_gifts(parcel: NoticeParcel) -> bool:
    return bool(parcel.lines) and all(orders.is_gift_no(no) for no, *_ in parcel.lines)


def _number(code: str) -> int | str:
    return int(code) if code.isascii() and code.isdigit() else code
