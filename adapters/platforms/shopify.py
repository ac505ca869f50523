"""Shopify.

Source: shopify.dev (API rate limits, GraphQL response and status codes, the orders query, webhooks over HTTPS, offline
access tokens, client credentials grant, versioning), the published Admin GraphQL schemas 2026-07 and 2026-10, and the
tests of Shopify/shopify-api-ruby, read 2026-11. What stays open is in `doubtful`. One GraphQL entry, a bearer token, no
signature; business errors come under HTTP 200; a page costs points.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote_plus, urlencode

import msgspec

from adapters.core.fields import FieldError, Scalar, count, ident, raw_list, text, truth
from adapters.core.push import Push, header, header_or
from adapters.core.signing import hmac_base64, hmac_hex, same
from adapters.documents import Document, LevelUpdate, OrderDocument, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised, NotVerified, Unreadable
from adapters.platforms import _shopify_orders as orders
from adapters.platforms import _shopify_queries as queries
from adapters.platforms import _shopify_refunds as refunds
from adapters.platforms import _shopify_statements as statements
from adapters.platforms import _shopify_wire as wire
from adapters.platforms._shopify_shipping import Held
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
from adapters.ports import AccessToken, Connection, Limit

log = logging.getLogger("oms.adapters")

#: the version every request names; an expired one would be served by another, which the answer's header tells
VERSION = "2026-10"
TOKEN_PATH = "/admin/oauth/access_token"
GRAPHQL_PATH = f"/admin/api/{VERSION}/graphql.json"
#: points a second that a shop's plan restores, per app; its bucket holds twenty times as many
RESTORE: Mapping[str, int] = {"standard": 100, "advanced": 200, "plus": 1000, "enterprise": 2000}

#: what a pushed message's topic is about: kind, and where the order's number stands
TOPICS: Mapping[str, tuple[str, str]] = {
    "orders/": ("orders", "id"), "fulfillments/": ("orders", "order_id"), "order_transactions/": ("orders", "order_id"),
    "refunds/": ("refunds", "order_id"), "returns/": ("refunds", "order_id"),
}  # fmt: skip


class _Connection(msgspec.Struct):
    pageInfo: orders.PageInfo | None = None
    nodes: msgspec.Raw = msgspec.Raw()


class _Data(msgspec.Struct):
    orders: _Connection | None = None
    order: msgspec.Raw = msgspec.Raw()
    refund: msgspec.Raw = msgspec.Raw()
    return_: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="return")


class _Body(msgspec.Struct):
    data: _Data = msgspec.field(default_factory=_Data)


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    refresh_token_expires_in: Scalar = None


_decode_body = msgspec.json.Decoder(_Body).decode


class Shopify(Platform):
    """One Shopify shop; `seller_id` is the first part of its myshopify.com address."""

    name = "shopify"
    title = "Shopify"
    zone = "UTC"
    currency = "USD"
    source = "shopify.dev and the published Admin GraphQL schemas 2026-07 and 2026-10, read 2026-11"
    home = "https://myshopify.com"
    options: ClassVar[Mapping[str, Option]] = {
        "plan": Option(help="the shop's plan: how many points a second it restores", default="standard", choices=tuple(RESTORE)),
        "location_id": Option(help="number of the location whose stock is set; empty: the shop's primary one", default=""),
    }  # fmt: skip
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="cursor", size=10),),
        "refunds": (Scan(name="modified", paging="cursor", size=10),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=250, read_back=True),
        refunds=("agree", "refuse"),
        statements=True,
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 60, "refunds": 60}
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "SF Express", "YTO": "YTO Express", "ZTO": "ZTO Express", "YUNDA": "Yunda Express", "STO": "STO Express",
        "EMS": "China Post", "JD": "JD Logistics", "DEPPON": "Deppon Express",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; the payment's time plus the option ship_within_h",
        "charges_minor": "tips, duties and additional fees are taken to be inside totalPriceSet",
        "amount_minor": "of a return without a refund: the line's price after discounts, by pieces",
        "refund number": "a case with several line items is one document per line, numbered by its place",
        "refunds": "money that went back through a transaction alone, without a refund, is told only in totalRefundedSet",
        "statement type": "TRANSFER is the payout of the REST twin; other types are its words in small letters",
        "limits": "a bucket of twenty times the restored points, and what a page costs: from memory and one sample",
        "currentQuantity": "a line refunded in part counts as not refunded",
        "carriers": "free text; a name Shopify knows makes a link to the parcel, these are from memory",
    }

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._location = ""
        #: variant → inventory item
        self._inventory: dict[str, str] = {}

    # ================================================================ wire
    def _home(self) -> str:
        return f"https://{self.seller_id}.myshopify.com"

    def request(self, call: Call, token: str) -> Request:
        if call.api == TOKEN_PATH:
            credentials = self.connection.credentials
            form = {**call.params, "client_id": credentials.app_key, "client_secret": credentials.secret()}
            return Request(
                url=self.address(TOKEN_PATH, self._home()), body=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )  # fmt: skip
        return Request(
            url=self.address(GRAPHQL_PATH, self._home()),
            body=msgspec.json.encode(call.params),
            headers={"Content-Type": "application/json", "X-Shopify-Access-Token": token},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        served = answer.headers.get("x-shopify-api-version", VERSION)
        if served != VERSION:
            log.warning("%s: asked for version %s, was served by %s", self.shop, VERSION, served)
        return wire.judge(answer)

    def limit(self, group: str) -> Limit:
        if self.option("rate_per_s"):
            return super().limit(group)
        restore = RESTORE[self.option("plan")]
        return Limit(points=20.0 * restore, restore_per_s=float(restore))

    # ================================================================ reading
    def _call(self, query: str, variables: Mapping[str, Any], *, cost: float = 10.0, **more: Any) -> Call:
        name = query.partition("(")[0].partition("{")[0].split()[1]
        params = {"query": query, "variables": variables}
        # all documents draw on the one bucket
        return Call(api=name, params=params, group="graphql", cost=cost, **more)

    def list_call(self, ask: Ask) -> Call:
        q = f"updated_at:>='{ask.start:%Y-%m-%dT%H:%M:%SZ}' AND updated_at:<='{ask.end:%Y-%m-%dT%H:%M:%SZ}'"
        variables = {"first": ask.size, "after": ask.cursor or None, "q": q}
        if ask.kind == "refunds":
            return self._call(queries.CASES, variables, cost=6.0 * ask.size)
        if ask.light:
            return self._call(queries.HEADS, variables)
        return self._call(queries.ORDERS, variables, cost=6.0 * ask.size)

    def read_list(self, kind: str, body: bytes) -> Page:
        found = _decode_body(body).data.orders
        if found is None or found.pageInfo is None:
            return Page()
        items: Sequence[bytes] = raw_list(found.nodes)
        if kind == "refunds":
            items = [item for order in items for item in refunds.cut(order)]
        more = truth(found.pageInfo.hasNextPage, "hasNextPage")
        return Page(items=items, more=more, cursor=text(found.pageInfo.endCursor))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            query = queries.RETURN if numbers[0].startswith("R") else queries.REFUND
            return self._call(query, {"id": refunds.gid_of(numbers[0])})
        return self._call(queries.ORDER, {"id": gid("Order", numbers[0])}, cost=20.0)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        data = _decode_body(body).data
        if kind == "orders":
            return raw_list(data.order)
        return [item for case in (*raw_list(data.return_), *raw_list(data.refund)) for item in refunds.items(case)]

    def is_partial(self, document: Document) -> bool:
        return isinstance(document, OrderDocument) and orders.MORE_LINES in document.doubts

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        within = self.option("ship_within_h") * 3600
        return orders.order(raw, platform=self.name, seller_id=self.seller_id, ship_within_s=within)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ shipping
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """One fulfilment per parcel and location, of what the order's fulfilment orders hold of its lines."""
        answer = self.call(self._call(queries.OPEN, {"id": gid("Order", notice.platform_order_no)}))
        held = Held(answer.body)
        return [
            self._call(
                queries.SHIP,
                {
                    "f": {
                        "lineItemsByFulfillmentOrder": lines, "notifyCustomer": False,
                        "trackingInfo": {"company": self.carrier(parcel.carrier), "number": parcel.waybill},
                    }
                },
            )
            for parcel in notice.parcels
            for lines in held.take([(no, qty) for no, _, _, qty in parcel.lines])
        ]  # fmt: skip

    # ================================================================ stock
    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """One call sets them all or none; a variant that is not there is not sent. Its key is of the effects and what they set: a repeat of it changes nothing."""
        place, items = self._place(), self._items([u.listing_id for u in updates])
        known = tuple(u for u in updates if u.listing_id in items)
        return [self._levels(known, place, items)] if known else []

    def _levels(self, updates: tuple[LevelUpdate, ...], place: str, items: Mapping[str, str]) -> LevelCall:
        quantities = [
            {"inventoryItemId": items[u.listing_id], "locationId": place, "quantity": u.qty, "changeFromQuantity": None}
            for u in updates
        ]
        told = "\n".join(f"{u.key}\t{u.qty}" for u in updates)
        mark = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
        given = {
            "name": "available", "reason": "correction", "referenceDocumentUri": f"oms://levels/{mark}", "quantities": quantities,
        }  # fmt: skip
        call = self._call(queries.LEVELS, {"input": given, "key": mark})
        return LevelCall(api=call.api, params=call.params, updates=updates)

    def _place(self) -> str:
        """The location whose stock is set."""
        if self.option("location_id"):
            return gid("Location", self.option("location_id"))
        if not self._location:
            answer = self.call(self._call(queries.LOCATION, {}))
            found = msgspec.json.decode(answer.body)["data"]["location"] or {}
            self._location = ident(found.get("id"), "location.id")
        return self._location

    def _items(self, listings: Iterable[str]) -> dict[str, str]:
        """Variant → inventory item, of those that are there."""
        missing = [x for x in dict.fromkeys(listings) if x not in self._inventory]
        for start in range(0, len(missing), 250):
            ids = [gid("ProductVariant", x) for x in missing[start : start + 250]]
            answer = self.call(self._call(queries.ITEMS, {"ids": ids}, cost=0.5 * len(ids) + 2))
            for node in msgspec.json.decode(answer.body)["data"]["nodes"]:
                if node and node.get("inventoryItem"):
                    self._inventory[ident(node["legacyResourceId"], "legacyResourceId")] = node["inventoryItem"]["id"]
        return {x: self._inventory[x] for x in listings if x in self._inventory}

    def read_level_call(self, update: LevelUpdate) -> Call:
        variables = {"id": gid("ProductVariant", update.listing_id), "place": self._place()}
        return self._call(queries.LEVEL, variables, about=update.listing_id)

    def read_level(self, body: bytes) -> int:
        variant = msgspec.json.decode(body)["data"]["productVariant"] or {}
        level = (variant.get("inventoryItem") or {}).get("inventoryLevel") or {}
        shown = [q.get("quantity") for q in level.get("quantities") or () if q.get("name") == "available"]
        return count(shown[0] if shown else None, "quantities.available")

    # ================================================================ refunds
    def refund_call(self, answer: RefundAnswer) -> Call:
        """Answer what a buyer asks. A refund without a return was the merchant's own: there is nothing to answer."""
        number = answer.platform_refund_no
        if not number.startswith("R"):
            raise FieldError("platform_refund_no", "no_return", "a refund of the merchant's own takes no answer")
        case = {"id": refunds.gid_of(number), "notifyCustomer": False}
        if answer.act == "agree":
            return self._call(queries.APPROVE, {"input": case})
        return self._call(
            queries.DECLINE, {"input": {**case, "declineReason": "OTHER", "declineNote": answer.reason[:250]}}
        )

    # ================================================================ statements
    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """Balance transactions by the time they were booked; the start is inside, the end is not."""
        q = f"processed_at:>='{start:%Y-%m-%dT%H:%M:%SZ}' AND processed_at:<'{end:%Y-%m-%dT%H:%M:%SZ}'"
        return self._call(
            queries.BALANCE, {"first": 100, "after": cursor or None, "q": q}, cost=30.0, about="statement"
        )

    def read_statement(self, body: bytes) -> Page:
        return statements.page(body, self.shop)

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        """A public app's token comes with a refresh token that is used up by its use; an own app asks anew."""
        params = {"grant_type": "client_credentials"}
        if old is not None and old.refresh:
            params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        return Call(api=TOKEN_PATH, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=_Token)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        now, life = self.now(), count(got.refresh_token_expires_in, "refresh_token_expires_in", 0)
        return AccessToken(
            access=got.access_token, refresh=got.refresh_token,
            expires_at=now + timedelta(seconds=count(got.expires_in, "expires_in")),
            refresh_expires_at=now + timedelta(seconds=life) if life else None,
        )  # fmt: skip

    # ================================================================ pushed messages
    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """The signature is over the raw bytes. For an hour after a change of the secret the older one may still sign."""
        given = header(headers, "X-Shopify-Hmac-SHA256", "Shopify-Hmac-SHA256")
        if not same(given, *(hmac_base64(secret, body, "sha256") for secret in secrets)):
            raise NotVerified("signature", shop=self.shop)
        domain = header_or(headers, "X-Shopify-Shop-Domain", "Shopify-Shop-Domain")
        if domain and domain != f"{self.seller_id}.myshopify.com":
            raise NotVerified("other_merchant", shop=self.shop)
        topic = header(headers, "X-Shopify-Topic", "Shopify-Topic")
        kind, field = next((about for start, about in TOPICS.items() if topic.startswith(start)), ("", ""))
        try:
            told = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            number = ident(msgspec.json.decode(told[field]), field) if field in told else ""
        except (msgspec.MsgspecError, FieldError) as error:
            raise Unreadable("not_json", shop=self.shop) from error
        delivery = header_or(headers, "X-Shopify-Webhook-Id", "Shopify-Webhook-Id")
        return Push(topic=topic, kind=kind, number=number, delivery=delivery)


def gid(kind: str, number: str) -> str:
    """A global id."""
    return f"gid://shopify/{kind}/{number}"


def callback_signature(query: Mapping[str, str], secret: str) -> str:
    """The `hmac` of an authorisation's callback: over the other parameters, sorted by name, written as in a form."""
    pairs = (
        f"{quote_plus(name)}={quote_plus(query[name])}" for name in sorted(query) if name not in ("hmac", "signature")
    )
    return hmac_hex(secret, "&".join(pairs), "sha256")
