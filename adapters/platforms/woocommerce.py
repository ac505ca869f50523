"""WooCommerce.

Source: woocommerce/woocommerce (the REST authentication class; order, refund, product and webhook controllers of versions
2 and 3) and woocommerce/woocommerce-rest-api-docs, read 2026-11. What stays open is in `doubtful`. REST with a key pair:
HTTP Basic over TLS, OAuth 1.0a without tokens over plain HTTP. Totals stand in the header; a site may answer anything.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from adapters.core.fields import FieldError, Scalar, count, ident, raw_list, text
from adapters.core.push import Push, header, header_or
from adapters.core.rest import by_status, rest, target, wait_of
from adapters.core.signing import hmac_base64, same
from adapters.core.wire import Act, look_up
from adapters.documents import ORDER_STATUSES, Document, LevelUpdate, OrderDocument, Pulled, ShipNotice
from adapters.errors import NotVerified, Refused, Unreadable, Unsupported
from adapters.platforms import _woocommerce_orders as orders
from adapters.platforms import _woocommerce_refunds as refunds
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
from adapters.ports import Connection, Limit

PREFIX = "/wp-json/wc/v3"

#: code → what to do; messages of `AGAIN` make a refused signature worth a second one
CODES: Mapping[str, Act] = {
    "woocommerce_rest_authentication_*": "authorise",
    "woocommerce_rest_authentication_missing_parameter": "final",
    **dict.fromkeys(("woocommerce_rest_cannot_*", "rest_cannot_*", "rest_forbidden"), "authorise"),
    **dict.fromkeys(
        ("rest_no_route", "rest_invalid_param", "rest_missing_callback_param", "rest_invalid_json"), "final"
    ),
    **dict.fromkeys(
        ("woocommerce_rest_shop_order_*", "woocommerce_rest_order_*", "woocommerce_rest_product_*"), "final"
    ),
    **dict.fromkeys(("woocommerce_rest_invalid_*", "woocommerce_rest_already_*", "woocommerce_rest_trash_*"), "final"),
}
AGAIN = ("Invalid timestamp.", "Invalid nonce - nonce has already been used.")
#: what a pushed message's topic is about
TOPICS: Mapping[str, str] = {"order": "orders"}
_NEXT = re.compile(r'<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="?next"?')


class _Envelope(msgspec.Struct):
    """An error, or one thing."""

    code: Scalar = None
    message: Scalar = None
    data: msgspec.Raw = msgspec.Raw()
    id: Scalar = None


class _Owner(msgspec.Struct):
    """An order as the list of refunds reads it."""

    id: Scalar = None
    currency: Scalar = None
    refunds: list[msgspec.Raw] | None = None


class _State(msgspec.Struct):
    """An order before it is told anything."""

    status: Scalar = None
    meta_data: list[orders.Meta] | None = None


class _Failed(msgspec.Struct):
    code: Scalar = None
    message: Scalar = None


class _Updated(msgspec.Struct):
    id: Scalar = None
    error: _Failed | None = None


class _Batch(msgspec.Struct):
    update: list[_Updated] | None = None


class _Stock(msgspec.Struct):
    stock_quantity: Scalar = None


_decode_any = msgspec.json.Decoder(list[msgspec.Raw] | _Envelope | None).decode
_decode_owner = msgspec.json.Decoder(_Owner).decode


class WooCommerce(Platform):
    """One WooCommerce site; `seller_id` is its address without scheme, as ``shop.example.com`` or ``example.com/shop``."""

    name = "woocommerce"
    title = "WooCommerce"
    zone = "UTC"
    currency = "USD"
    source = "woocommerce/woocommerce and woocommerce/woocommerce-rest-api-docs, read 2026-11"
    home = "https://woocommerce.example"
    options: ClassVar[Mapping[str, Option]] = {
        "auth": Option(
            help="over TLS: the key pair in the Authorization header, or in the query where a server strips that header",
            default="header", choices=("header", "query"),
        ),
        "oauth_hash": Option(help="over plain HTTP: hash of the signature", default="HMAC-SHA256", choices=("HMAC-SHA256", "HMAC-SHA1")),
        "override_put": Option(help="send PUT as POST with X-HTTP-Method-Override, where a server blocks PUT", default=False),
        "statuses": Option(help="what own statuses of plugins mean: partial-shipped=partly_shipped, with commas", default=""),
        "tell_buyer": Option(help="write a note to the buyer with each waybill; the site mails it", default=False),
    }  # fmt: skip
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=31 * 86400.0),),
        "refunds": (Scan(name="modified", paging="cursor", size=100, span_s=31 * 86400.0, ids_only=True),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=False, read_back=True),
        stock=StockCapability(mode="absolute", batch=100, read_back=True),
    )
    limits: ClassVar[Mapping[str, Limit]] = {"*": Limit(rate_per_s=5.0, burst=5)}
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "SF Express", "YTO": "YTO Express", "ZTO": "ZTO Express", "YUNDA": "Yunda Express", "STO": "STO Express",
        "EMS": "China Post", "JD": "JD Logistics", "DEPPON": "Deppon Express",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; date_paid plus the option ship_within_h",
        "status": "checkout-draft and auto-draft are orders not placed yet; they count as unpaid",
        "_refunded_item_id": "names the line of a refund's line: from memory; without it the listing does",
        "_links.up": "names the order of a refund, where parent_id does not",
        "refunds": "money back that no refund of the site tells is not seen; buyers cannot ask here",
        "_tracking_number": "a key of ours (as is _tracking_provider): core has none for waybills, plugins have their own",
        "override_put": "the header is WordPress's own, from memory",
        "limits": "core has none; five a second are to be gentle with a site",
        "carriers": "free text in meta data",
    }

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        pairs = [word.partition("=") for word in str(self.option("statuses")).replace(" ", "").split(",") if word]
        wrong = [f"{own}={ours}" for own, _, ours in pairs if ours not in ORDER_STATUSES]
        if wrong:
            raise Unsupported(
                f"{self.name}: option statuses: {', '.join(wrong)}; ours are {', '.join(ORDER_STATUSES)}",
                shop=self.shop,
            )
        self._statuses = {own: ours for own, _, ours in pairs}
        #: order → its currency, which its refunds do not tell
        self._currencies: dict[str, str] = {}

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """Over TLS the key pair itself; over plain HTTP a signature that proves it."""
        to = target(call)
        url = self.address(PREFIX + to.path, f"https://{self.seller_id.strip('/')}")
        headers = {"Content-Type": "application/json"} if to.body else {}
        method = to.method
        if method == "PUT" and self.option("override_put"):
            method, headers["X-HTTP-Method-Override"] = "POST", "PUT"
        credentials, query = self.connection.credentials, dict(to.query)
        if not url.startswith("https:"):
            # The site signs what it routes by: the method as sent.
            query = oauth_query(
                method, url, query, credentials.app_key, credentials.secret(), int(self.now().timestamp()),
                secrets.token_hex(8), self.option("oauth_hash"),
            )  # fmt: skip
        elif self.option("auth") == "query":
            query |= {"consumer_key": credentials.app_key, "consumer_secret": credentials.secret()}
        else:
            pair = f"{credentials.app_key}:{credentials.secret()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return Request(method=method, url=url, query=query, body=to.body, headers=headers)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """A list or a thing is good; an error says its code. What is no JSON (a warning printed before it) is no envelope."""
        got = _decode_any(answer.body)
        if got is None or isinstance(got, list) or got.code is None or got.message is None or not bytes(got.data):
            act = by_status(answer)
            return Verdict() if act == "ok" else Verdict(act=act, code=f"http_{answer.status}", wait_s=wait_of(answer))
        code, message = text(got.code), text(got.message)
        act = "retry" if message in AGAIN else look_up(CODES, code)
        return Verdict(act=act, code=code, message=message, wait_s=wait_of(answer))

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        """The ends are exclusive: a second more on either side."""
        page = int(ask.cursor or 1) if ask.kind == "refunds" else ask.page + 1
        second = timedelta(seconds=1)
        query = {
            "modified_after": f"{ask.start - second:%Y-%m-%dT%H:%M:%S}",
            "modified_before": f"{ask.end + second:%Y-%m-%dT%H:%M:%S}",
            "dates_are_gmt": "true", "status": "any", "orderby": "modified", "order": "asc",
            "per_page": "1" if ask.count_only else str(ask.size), "page": str(page),
        }  # fmt: skip
        return rest("GET", "/orders", query=query, token=False)

    def read_answer(self, kind: str, answer: Answer) -> Page:
        page = self.read_list(kind, answer.body)
        if page == Page():
            return page
        total, link = answer.headers.get("x-wp-total", ""), _NEXT.search(answer.headers.get("link", ""))
        more = link is not None
        if kind == "refunds":
            return msgspec.structs.replace(page, more=more, cursor=link[1] if link else "")
        return msgspec.structs.replace(page, total=count(total, "X-WP-Total") if total else None, more=more)

    def read_list(self, kind: str, body: bytes) -> Page:
        """A bare list of orders. Of refunds it tells only the orders that have some."""
        if body.lstrip()[:1] not in (b"[", b"n"):
            return Page()
        rows = raw_list(body)
        if kind == "orders":
            return Page(items=rows, more=False)
        if rows and _is_refund(rows[0]):
            return Page(items=[item for row in rows for item in refunds.items(row)], more=False)
        owners = [_decode_owner(row) for row in rows]
        if len(self._currencies) > 50_000:
            self._currencies.clear()
        self._currencies |= {ident(o.id, "id"): text(o.currency) for o in owners if o.refunds}
        return Page(ids=[ident(o.id, "id") for o in owners if o.refunds], more=False)

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "orders":
            return rest("GET", "/orders/{}", numbers[0], token=False)
        order, _, number = numbers[0].partition("-")
        if not number:
            return rest("GET", "/orders/{}/refunds", order, query={"per_page": "100"}, token=False)
        return rest("GET", "/orders/{}/refunds/{}", order, number.partition("-")[0], token=False)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        rows = raw_list(body)
        return rows if kind == "orders" else [item for row in rows for item in refunds.items(row)]

    def details(self, kind: str, numbers: Sequence[str]) -> list[Pulled]:
        """An order refunded in part comes with its refunds, which say of which lines. Of an order's number among refunds:
        every refund it has."""
        if kind != "refunds":
            return [self._whole(item) for item in super().details(kind, numbers)]
        order = numbers[0].partition("-")[0]
        if order not in self._currencies:
            self._learn(order)
        if order != numbers[0]:
            return super().details(kind, numbers)
        try:
            answer = self.call(msgspec.structs.replace(self.detail_call(kind, numbers), about=order))
        except Refused:
            return []  # an order that was deleted has no refunds any more
        found = [self.translate(kind, raw) for raw in self.read_detail(kind, answer.body)]
        return [msgspec.structs.replace(item, request_no=answer.request_no) for item in found]

    def _whole(self, item: Pulled) -> Pulled:
        if item.document is None or not self.is_partial(item.document):
            return item
        try:
            body = self.call(
                msgspec.structs.replace(self.detail_call("refunds", [item.number]), about=item.number)
            ).body
        except Refused:
            return item
        made = self.translate("orders", orders.with_refunds(item.raw, body))
        return msgspec.structs.replace(made, request_no=item.request_no)

    def is_partial(self, document: Document) -> bool:
        return isinstance(document, OrderDocument) and orders.REFUNDS_APART in document.doubts

    def _learn(self, order: str) -> None:
        try:
            owner = _decode_owner(self.call(self.detail_call("orders", [order])).body)
        except Refused:
            return
        self._currencies[order] = text(owner.currency)

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(
                raw, platform=self.name, seller_id=self.seller_id, usual=self.currency,
                currency_of=lambda order: self._currencies.get(order, ""),
            )  # fmt: skip
        within = self.option("ship_within_h") * 3600
        return orders.order(
            raw, platform=self.name, seller_id=self.seller_id, ship_within_s=within, statuses=self._statuses
        )

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ shipping
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """Complete the order and leave the waybills with it. The site would complete anything: so it is looked at before.

        Raises:
            Refused: it is told already, or is nothing that ships.
        """
        about = notice.platform_order_no
        answer = self.call(msgspec.structs.replace(self.detail_call("orders", [about]), about=about))
        state = msgspec.json.decode(answer.body, type=_State)
        status = orders.status_of(text(state.status), False, self._statuses)
        there = {parcel.waybill for parcel in orders.parcels(state.meta_data or ())}
        if status == "completed" or {p.waybill for p in notice.parcels} <= there:
            refused = Refused(f"{about} is completed", code="already_completed", shop=self.shop)
            refused.already = {p.waybill for p in notice.parcels} <= there
            raise refused
        if status not in ("paid", "partly_shipped"):
            raise Refused(f"{about} is {text(state.status)}", code=f"order_{status}", shop=self.shop)
        numbers, names = (
            ",".join(words)
            for words in zip(*((p.waybill, self.carrier(p.carrier)) for p in notice.parcels), strict=True)
        )
        meta = [{"key": orders.NUMBER_KEY, "value": numbers}, {"key": orders.CARRIER_KEY, "value": names}]
        calls = [rest("PUT", "/orders/{}", about, body={"status": "completed", "meta_data": meta}, token=False)]
        if self.option("tell_buyer"):
            calls += [
                rest("POST", "/orders/{}/notes", about, body={"note": f"{self.carrier(p.carrier)} {p.waybill}", "customer_note": True}, token=False)
                for p in notice.parcels
            ]  # fmt: skip
        return calls

    # ================================================================ stock
    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """Variations go by product, products together; at most a hundred in one call."""
        groups: dict[str, list[LevelUpdate]] = {}
        for u in updates:
            groups.setdefault("" if u.product_id in ("", u.listing_id) else u.product_id, []).append(u)
        out: list[LevelCall] = []
        for product, group in groups.items():
            for start in range(0, len(group), 100):
                part = tuple(group[start : start + 100])
                rows = [{"id": int(u.listing_id), "manage_stock": True, "stock_quantity": u.qty} for u in part]
                path = ("/products/{}/variations/batch", product) if product else ("/products/batch",)
                call = rest("POST", *path, body={"update": rows}, token=False)
                out.append(LevelCall(api=call.api, params=call.params, updates=part))
        return out

    def level_failures(self, body: bytes) -> Mapping[str, tuple[str, str]]:
        rows = msgspec.json.decode(body, type=_Batch).update or ()
        return {ident(r.id, "id"): (text(r.error.code) or "refused", text(r.error.message)) for r in rows if r.error}

    def read_level_call(self, update: LevelUpdate) -> Call:
        if update.product_id in ("", update.listing_id):
            return rest("GET", "/products/{}", update.listing_id, token=False)
        return rest("GET", "/products/{}/variations/{}", update.product_id, update.listing_id, token=False)

    def read_level(self, body: bytes) -> int:
        return count(msgspec.json.decode(body, type=_Stock).stock_quantity, "stock_quantity")

    def as_write(self, call: Call, about: str) -> Call:
        """Calls of this platform bear no token."""
        return msgspec.structs.replace(super().as_write(call, about), token=False)

    # ================================================================ pushed messages
    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """The signature is over the raw bytes. The ping of a new webhook bears none, and is not believed."""
        given = header(headers, "X-WC-Webhook-Signature")
        if not same(given, *(hmac_base64(secret, body, "sha256") for secret in secrets)):
            raise NotVerified("signature", shop=self.shop)
        source = header_or(headers, "X-WC-Webhook-Source").partition("://")[2].strip("/")
        if source and source != self.seller_id.strip("/"):
            raise NotVerified("other_merchant", shop=self.shop)
        topic = header(headers, "X-WC-Webhook-Topic")
        try:
            number = ident(msgspec.json.decode(body, type=_Envelope).id, "id")
        except (msgspec.MsgspecError, FieldError) as error:
            raise Unreadable("not_json", shop=self.shop) from error
        kind = TOPICS.get(topic.partition(".")[0], "")
        delivery = header_or(headers, "X-WC-Webhook-Delivery-ID")
        return Push(topic=topic, kind=kind, number=number if kind else "", delivery=delivery)


def _is_refund(row: bytes) -> bool:
    """Tells a captured list of one order's refunds from a list of orders."""
    return b'"refunded_by"' in row


def encoded(value: str) -> str:
    """Percent-encode by RFC 3986."""
    return quote(value, safe="-._~")


def oauth_base(method: str, url: str, query: Mapping[str, str]) -> str:
    """What is signed: method, address without query, and the query by name; names and values are encoded twice."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in query.items())
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{method}&{encoded(url)}&{encoded(joined)}"


def oauth_query(
    method: str, url: str, query: Mapping[str, str], key: str, secret: str, at: int, nonce: str, kind: str
) -> dict[str, Any]:
    """The query with its OAuth 1.0a signature; the body is not signed, and there is no token."""
    told = {
        **query, "oauth_consumer_key": key, "oauth_timestamp": str(at), "oauth_nonce": nonce, "oauth_signature_method": kind,
    }  # fmt: skip
    digest = kind.removeprefix("HMAC-").lower()
    return {**told, "oauth_signature": hmac_base64(f"{secret}&", oauth_base(method, url, told).encode(), digest)}
