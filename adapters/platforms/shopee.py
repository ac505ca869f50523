"""Shopee, open platform v2.

Source: the platform's API specifications as published with public SDKs (v2 order, returns, logistics, product, auth,
push; state of 2026-05), the signing examples of the official pages, and recorded answers of those pages (2026-09). What
they leave open is in `doubtful`. Lists give numbers only and no total; amounts are JSON numbers in the shop's currency.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from adapters.core import push, signing
from adapters.core.fields import CHINA, Scalar, count, ident, raw_list, text, truth
from adapters.core.rest import rest, target
from adapters.core.wire import Act, look_up, until_midnight
from adapters.documents import Document, LevelUpdate, ShipNotice
from adapters.errors import NotAuthorised, NotVerified, Unreadable
from adapters.platforms import _shopee_orders as orders
from adapters.platforms import _shopee_refunds as refunds
from adapters.platforms.base import (
    Answer,
    Ask,
    Call,
    Capabilities,
    LevelCall,
    Option,
    Page,
    Platform,
    Push,
    Request,
    Scan,
    ShipCapability,
    StockCapability,
    Verdict,
)
from adapters.ports import AccessToken

LIST, DETAIL = "/api/v2/order/get_order_list", "/api/v2/order/get_order_detail"
RETURNS, RETURN = "/api/v2/returns/get_return_list", "/api/v2/returns/get_return_detail"
SHIP, STOCK = "/api/v2/logistics/ship_order", "/api/v2/product/update_stock"
TOKEN = "/api/v2/auth/access_token/get"

#: asked for by name, or they do not come
FIELDS = (
    "buyer_user_id,buyer_username,estimated_shipping_fee,recipient_address,actual_shipping_fee,goods_to_declare,note,"
    "note_update_time,item_list,pay_time,dropshipper,dropshipper_phone,split_up,buyer_cancel_reason,cancel_by,"
    "cancel_reason,actual_shipping_fee_confirmed,buyer_cpf_id,fulfillment_flag,pickup_done_time,package_list,"
    "shipping_carrier,payment_method,total_amount,invoice_data,order_chargeable_weight_gram,return_request_due_date"
)

#: error → what to do, by what follows its last dot; then by its module: what a service refuses had no effect
ERRORS: Mapping[str, Act] = {
    **dict.fromkeys(("error_auth", "invalid_acceess_token", "invalid_access_token"), "token"),
    **dict.fromkeys(("error_sign", "error_param", "error_not_found", "error_data", "error_shop"), "final"),
    **dict.fromkeys(("error_permission", "shop_banned", "source_ip_undeclared"), "authorise"),
    "error_rate_limit": "throttled",
    "error_limit": "quota",
    **dict.fromkeys(("error_server", "error_network", "error_inner"), "lost"),
    "order_list_invalid_time": "final",
    **dict.fromkeys(("order.*", "returns.*", "logistics.*", "product.*", "auth.*"), "final"),
}
#: its clock and ours differ, or the call was under way for too long
EXPIRED = "timestamp is expired"
#: number of a pushed message's kind → kind, and the field with the number
PUSHES = {"3": ("orders", "ordersn"), "4": ("orders", "ordersn")}


class _Envelope(msgspec.Struct):
    error: Scalar = None
    message: Scalar = None
    request_id: Scalar = None
    response: msgspec.Raw = msgspec.Raw()


class _Row(msgspec.Struct):
    order_sn: Scalar = None
    create_time: Scalar = None


class _Response(msgspec.Struct):
    more: Scalar = None
    next_cursor: Scalar = None
    order_list: msgspec.Raw = msgspec.Raw()
    returns: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="return")
    return_sn: Scalar = None


class _Answer(msgspec.Struct):
    response: _Response | None = None


class _Failed(msgspec.Struct):
    model_id: Scalar = None
    failed_reason: Scalar = None


class _Levels(msgspec.Struct):
    success_list: list[_Failed] | None = None
    failure_list: list[_Failed] | None = None


class _LevelAnswer(msgspec.Struct):
    response: _Levels | None = None


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expire_in: Scalar = None


class _PushData(msgspec.Struct):
    ordersn: Scalar = None


class _Push(msgspec.Struct):
    code: Scalar = None
    shop_id: Scalar = None
    data: _PushData | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_rows = msgspec.json.Decoder(list[_Row]).decode
_decode_levels = msgspec.json.Decoder(_LevelAnswer).decode


class Shopee(Platform):
    """One Shopee shop. `app_key` is the partner's id, `seller_id` the shop's."""

    name = "shopee"
    title = "Shopee"
    zone = "Asia/Singapore"
    currency = "SGD"
    source = "Shopee open platform v2 specifications as published with public SDKs (2026-05), official pages (2026-09)"
    home = "https://partner.shopeemobile.com"
    options: ClassVar[Mapping[str, Option]] = {
        "push_url": Option(help="the address registered for pushed messages, byte for byte: it is signed", default=""),
    }
    # A cursor that the samples show as an offset: what leaves the window moves the rest, so a second reading proves.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="cursor", size=100, span_s=15 * 86400.0, ids_only=True),),
        "refunds": (
            Scan(name="returns", paging="forward", size=100, span_s=15 * 86400.0),
            Scan(name="cancelled", paging="cursor", size=100, span_s=15 * 86400.0, ids_only=True),
        ),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, parts_per_order=1, partial=False, read_back=True),
        stock=StockCapability(mode="absolute", batch=50),
    )
    #: a notice for the seller's own carrier holds its number alone: the codes are ours
    carriers: ClassVar[Mapping[str, str]] = {
        code: code for code in ("SF", "YTO", "ZTO", "YUNDA", "STO", "EMS", "JD", "DEPPON")
    }
    detail_batch = 50
    renew_before_s = 600.0
    doubtful: ClassVar[Mapping[str, str]] = {
        "freight_minor": "estimated_shipping_fee; what the buyer paid is in the escrow detail",
        "adjustments.order_discount": "vouchers and coins together, as the rest of total_amount; parts are in the escrow detail",
        "lines.refund": "part of a line back: asked before it left, none after",
        "item_list.*_qty": "expected with item_list; which optional field brings them is not told",
        "TO_RETURN": "counts as shipped with every line's money asked back, unless the counts say more",
        "logistics_status": "those at or beyond LOGISTICS_PICKUP_DONE from memory",
        "return tracking_number": "an accepted return with a number counts as sent back",
        "cancelled orders": "what was paid counts as paid back; the record of that is in the escrow detail",
        "ship_order": "non_integrated only: the seller's own carrier and number, one parcel for the whole order",
        "tracking numbers": "orders do not name them: a notice is read back by the order's state",
        "get_return_detail": "its answer is taken for the return itself",
        "push key": "partner key or a key of its own: whoever listens gives both",
        "limits": "not published in one place",
        "next_cursor": "shown as an offset in the samples",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """Path, time and (for the shop's calls) token and shop are signed; neither query nor body is."""
        to, credentials, now = target(call), self.connection.credentials, str(int(self.now().timestamp()))
        own = {"access_token": token, "shop_id": self.seller_id} if token else {}
        query = {
            **to.query,
            "partner_id": credentials.app_key,
            "timestamp": now,
            **own,
            "sign": sign(credentials.secret(), credentials.app_key, to.path, now, *own.values()),
        }
        headers = {"Content-Type": "application/json"} if to.body else {}
        return Request(method=to.method, url=self.address(to.path), query=query, body=to.body, headers=headers)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """Success is an empty `error`, mostly under HTTP 200; a code may carry its module before a dot."""
        got = _decode_envelope(answer.body)
        if got.error is None:
            raise ValueError("no error field")
        code, message, request_id = text(got.error), text(got.message), text(got.request_id)
        if not code:
            refused = _all_refused(answer.body) if call.api.endswith(STOCK) else ""
            act: Act = "final" if refused else "ok"
            return Verdict(act=act, code="failure_list" if refused else "", message=refused, request_id=request_id)
        act = look_up(ERRORS, code.rpartition(".")[2], code)
        if act == "final" and EXPIRED in message.lower():
            act = "retry"
        wait = until_midnight(self.now(), CHINA) if act == "quota" else 0.0
        return Verdict(act=act, code=code, message=message, request_id=request_id, wait_s=wait)

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        start, end = str(int(ask.start.timestamp())), str(int(ask.end.timestamp()))
        if ask.scan.name == "returns":
            query = {"page_no": str(ask.page), "page_size": str(ask.size)}
            return rest("GET", RETURNS, query={**query, "update_time_from": start, "update_time_to": end})
        query = {
            "time_range_field": "update_time",
            "time_from": start,
            "time_to": end,
            "page_size": str(ask.size),
            "cursor": ask.cursor,
            "response_optional_fields": "order_status",
            "request_order_status_pending": "true",
        }
        if ask.kind == "refunds":
            query["order_status"] = "CANCELLED"
        return rest("GET", LIST, query=query)

    def read_list(self, kind: str, body: bytes) -> Page:
        got = _decode_answer(body).response
        if got is None or got.more is None:
            return Page()
        more = truth(got.more, "more")
        if kind == "refunds" and bytes(got.returns):
            return Page(items=raw_list(got.returns), more=more)
        rows = _decode_rows(b"[" + b",".join(raw_list(got.order_list)) + b"]")
        mark = refunds.CANCEL if kind == "refunds" else ""
        ids = [f"{mark}{ident(row.order_sn, 'order_sn')}" for row in rows]
        cursor = text(got.next_cursor)
        return Page(ids=ids, more=more and bool(cursor), cursor=cursor)

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        """Returns stand whole in their list; cancelled orders are asked for as orders."""
        if kind == "refunds" and not numbers[0].startswith(refunds.CANCEL):
            return rest("GET", RETURN, query={"return_sn": numbers[0]})
        wanted = ",".join(n.removeprefix(refunds.CANCEL) for n in numbers)
        return rest("GET", DETAIL, query={"order_sn_list": wanted, "response_optional_fields": FIELDS})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        answer = _decode_answer(body).response
        if answer is None:
            return ()
        if answer.return_sn is not None:
            return raw_list(_decode_envelope(body).response)
        return raw_list(answer.order_list)

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id, latest=self.latest_shipping)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """The number of the seller's own carrier, for the whole order."""
        body = {
            "order_sn": notice.platform_order_no,
            "non_integrated": {"tracking_number": notice.parcels[0].waybill},
        }
        return [rest("POST", SHIP, body=body)]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """Levels of the models of one item together; an item without models has model 0."""
        by_item: dict[str, list[LevelUpdate]] = {}
        for update in updates:
            by_item.setdefault(update.product_id or update.listing_id, []).append(update)
        parts = [(item, tuple(all_[i : i + 50])) for item, all_ in by_item.items() for i in range(0, len(all_), 50)]
        calls = [(rest("POST", STOCK, body=_levels(item, part)), part) for item, part in parts]
        return [LevelCall(api=call.api, params=call.params, updates=part) for call, part in calls]

    def level_failures(self, body: bytes) -> Mapping[str, tuple[str, str]]:
        got = _decode_levels(body).response or _Levels()
        return {
            text(row.model_id): ("failure_list", text(row.failed_reason) or "refused") for row in got.failure_list or ()
        }

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        """Renewal uses up the refresh token: the new pair replaces both."""
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        partner = self.connection.credentials.app_key
        body = {"refresh_token": old.refresh, "partner_id": _number(partner), "shop_id": _number(self.seller_id)}
        return rest("POST", TOKEN, body=body, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_Token)
        if not got.access_token or not got.refresh_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        ends = self.now() + timedelta(seconds=count(got.expire_in, "expire_in"))
        return AccessToken(access=got.access_token, refresh=got.refresh_token, expires_at=ends)

    # ================================================================ pushed messages
    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """The signature stands in `Authorization` and covers the registered address and the raw body."""
        given = push.header(headers, "Authorization")
        url = self.option("push_url")
        if not url:
            raise NotVerified("no_address", "the option push_url is not set")
        if not signing.same(given, *(push_sign(secret, url, body) for secret in secrets)):
            raise NotVerified("signature", "Authorization")
        try:
            got = msgspec.json.decode(body, type=_Push)
        except msgspec.MsgspecError as error:
            raise Unreadable(type(error).__name__) from error
        if got.shop_id is not None and text(got.shop_id) != self.seller_id:
            raise NotVerified("other_shop", "shop_id")
        code = text(got.code)
        kind, _ = PUSHES.get(code, ("", ""))
        return Push(topic=code, kind=kind, number=text(got.data.ordersn) if kind and got.data else "")


def sign(key: str, partner: str, path: str, timestamp: str, *own: str) -> str:
    """Lower-case HMAC-SHA256 of the parts in a row; `own`: token and shop (or merchant), none for public calls."""
    return signing.hmac_hex(key, "".join((partner, path, timestamp, *own)), "sha256")


def push_sign(key: str, url: str, body: bytes) -> str:
    """Lower-case HMAC-SHA256 of address and body with a bar between."""
    return hmac.new(key.encode(), url.encode() + b"|" + body, hashlib.sha256).hexdigest()


def _number(text_: str) -> int | str:
    return int(text_) if text_.isascii() and text_.isdigit() else text_


def _levels(item: str, part: Sequence[LevelUpdate]) -> dict[str, object]:
    rows = [
        {"model_id": 0 if u.listing_id == item else _number(u.listing_id), "seller_stock": [{"stock": u.qty}]}
        for u in part
    ]
    return {"item_id": _number(item), "stock_list": rows}


def _all_refused(body: bytes) -> str:
    """Why nothing of a level call was taken, though its `error` is empty; empty: something was."""
    got = _decode_levels(body).response
    if got is None or got.success_list or not got.failure_list:
        return ""
    return text(got.failure_list[0].failed_reason) or "refused"
