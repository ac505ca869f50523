"""Shopify: one GraphQL entry, a token in a header; errors under HTTP 200, cost in points, cursors.

Source: shopify.dev, client credentials grant, GraphQL response and status codes, API rate limits and the orders query;
the published Admin GraphQL schema 2026-10. What the token endpoint says to wrong words is this sandbox's own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.sandbox import graphql, pages
from adapters.sandbox.graphql import GraphqlError
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import shopify as trees
from adapters.sandbox.payloads.shopify import Writer, gid, number
from adapters.sandbox.state import Order
from adapters.sandbox.statements import shopify as balance
from adapters.sandbox.wire import Asked, Request, Response, answer, decode, digest, from_iso
from adapters.sandbox.world import World
from adapters.sandbox.writes import shopify as writes

RATE = (300.0, 600)
VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
_TOKEN = "/admin/oauth/access_token"
_API = re.compile(r"/admin/api/([0-9]{4}-[0-9]{2})/graphql\.json")
_BUCKET, _RESTORE = 2000.0, 100.0
_UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
_TERM = re.compile(r"""(\w+):(>=|<=|>|<|)(?:'([^']*)'|"([^"]*)"|(\S+))""")
_SORTS = ("CREATED_AT", "UPDATED_AT", "PROCESSED_AT")


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    if request.path == _TOKEN:
        return Asked(method=_TOKEN, key=f"{_TOKEN}|{request.form().get('grant_type', '')}")
    body = decode(request.body)
    told = body if isinstance(body, dict) else {}
    text, variables = str(told.get("query", "")), told.get("variables") or {}
    name = re.match(r"\s*(query|mutation)\s+(\w+)", text)
    given = variables.get("f") or {}
    parts = given.get("lineItemsByFulfillmentOrder") or [{}]
    order = number(str(variables.get("id") or ""))
    if given:
        order = number(str(parts[0].get("fulfillmentOrderId", "")))[1:]
    key = f"{digest(text):x}|{msgspec.json.encode(variables, order='sorted').decode()}"
    return Asked(
        method=name[2] if name else "anonymous", key=key, write=text.lstrip().startswith("mutation"), order=order
    )


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    extensions = {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"}
    cost = _cost(200.0, 200.0 - seconds * _RESTORE)
    return answer({"errors": [{"message": "Throttled", "extensions": extensions}], "extensions": cost})


def _cost(requested: float, left: float) -> dict[str, Any]:
    status = {"maximumAvailable": _BUCKET, "currentlyAvailable": left, "restoreRate": _RESTORE}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}}


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    if request.path == _TOKEN:
        return _token(world, request, request_id)
    version = _API.fullmatch(request.path)
    if version is None:
        return answer({"errors": "Not Found"}, 404)
    if request.method != "POST":
        return answer({"errors": "Method not allowed"}, 406)
    if world.tokens["shopify"].check(request.headers.get("x-shopify-access-token", ""), world.now) != "ok":
        return answer({"errors": _UNAUTHORIZED}, 401)
    body = decode(request.body)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return answer({"errors": {"query": "Required parameter missing or invalid"}}, 400)
    served = version[1] if version[1] in VERSIONS else VERSIONS[0]
    found = _run(world, body["query"], body.get("variables") or {}, request_id)
    return msgspec.structs.replace(answer(found), headers={"x-shopify-api-version": served})


def _run(world: World, text: str, variables: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    try:
        operation = graphql.parse(text)
        call = Call(world=world, platform="shopify", request_id=request_id, method=operation.name or "anonymous")
        root = _queries(call) if operation.kind == "query" else _mutations(call)
        data = graphql.run(operation, variables, root)
    except GraphqlError as error:
        return {"errors": [{"message": str(error), "extensions": {"code": error.code}}]}
    return {"data": data, "extensions": _cost(46.0, _BUCKET - 46.0)}


def _token(world: World, request: Request, request_id: str) -> Response:
    """The client credentials grant: a new token each time, good for a day."""
    shop, form = world.shops["shopify"], request.form()
    if form.get("grant_type") != "client_credentials":
        return answer({"error": "unsupported_grant_type", "error_description": "unknown grant_type"}, 400)
    if form.get("client_id") != shop.app_key or form.get("client_secret") != shop.app_secret:
        return answer({"error": "invalid_client", "error_description": "unknown client"}, 400)
    token = world.tokens["shopify"].issue(world.now)
    world.book.write("effect", effect="token", platform="shopify", grant="client_credentials", request_id=request_id)
    return answer({"access_token": token.access, "scope": "read_orders,write_fulfillments", "expires_in": 86399})


# --- reading


def _queries(call: Call) -> dict[str, Any]:
    """The root of all queries."""
    world, writer = call.world, Writer(call.world, call.request_id)
    return {
        "__typename": "QueryRoot",
        "orders": lambda args: _orders(call, writer, args),
        "order": lambda args: _order(call, writer, args),
        "return": lambda args: _case(call, writer, args, "Return"),
        "refund": lambda args: _case(call, writer, args, "Refund"),
        "location": lambda args: {"__typename": "Location", "id": trees.LOCATION, "name": "Main"},
        "shopifyPaymentsAccount": {
            "__typename": "ShopifyPaymentsAccount",
            "balanceTransactions": lambda args: _balance(call, writer, args),
        },
        "nodes": lambda args: [_variant(world, str(i)) for i in args.get("ids") or ()],
        "productVariant": lambda args: _variant(world, str(args.get("id"))),
    }


def _mutations(call: Call) -> dict[str, Any]:
    writer = Writer(call.world, call.request_id)
    bound = {name: (lambda args, do=do: do(call, writer, args)) for name, do in writes.MUTATIONS.items()}
    return {"__typename": "Mutation", **bound}


def _order(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any] | None:
    found = call.world.find("shopify", number(str(args.get("id"))))
    return writer.order(found) if found is not None else None


def _case(call: Call, writer: Writer, args: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    wanted = str(args.get("id"))
    no = f"R{number(wanted)}" if kind == "Return" else number(wanted)
    refund = call.world.refunds.get(("shopify", no))
    if refund is None or wanted != gid(kind, number(wanted)):
        return None
    order = call.world.orders["shopify", refund.order_no]
    return writer.return_(order, refund) if kind == "Return" else writer.refund(order, refund)


def _variant(world: World, wanted: str) -> dict[str, Any] | None:
    listing = number(wanted)
    if wanted != gid("ProductVariant", listing) or world.catalogue.find("shopify", listing) is None:
        return None
    quantity = {
        "__typename": "InventoryQuantity",
        "name": "available",
        "quantity": world.levels.get(("shopify", listing), 0),
    }
    level = {"__typename": "InventoryLevel", "quantities": lambda args: [quantity]}

    def at(args: Mapping[str, Any]) -> dict[str, Any] | None:
        return level if args.get("locationId") == trees.LOCATION else None

    item = {"__typename": "InventoryItem", "id": trees.item_gid(listing), "inventoryLevel": at}
    return {"__typename": "ProductVariant", "id": wanted, "legacyResourceId": listing, "inventoryItem": item}


def _balance(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """balanceTransactions: by the time they were booked."""
    low, high = 0, 2**40
    for name, operator, value in _terms(str(args.get("query") or "")):
        if name == "processed_at":
            at = _at(value)
            low = max(low, at + (operator == ">")) if operator in (">", ">=") else low
            high = min(high, at - (operator == "<")) if operator in ("<", "<=") else high
    after = str(args.get("after") or "0")
    if not after.isdigit():
        raise GraphqlError("argumentLiteralsIncompatible", "Invalid cursor for current pagination sort.")
    return balance.transactions(call.world, writer, low, high, args, int(after))


def _orders(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """orders: a connection by creation or update, with a cursor behind the last row."""
    size, sort = args.get("first"), args.get("sortKey", "PROCESSED_AT")
    if not isinstance(size, int) or not 1 <= size <= 250:
        raise GraphqlError("argumentLiteralsIncompatible", "first must be between 1 and 250")
    if sort not in _SORTS:
        raise GraphqlError("argumentLiteralsIncompatible", f"sortKey {sort} is no OrderSortKeys")
    window = call.window_key(args.get("query"), sort)
    found = _found(call, str(args.get("query") or ""), sort, window)
    if pages.shift(call, window, [o for _, o in found], size):
        found = _found(call, str(args.get("query") or ""), sort, window)
    if args.get("after"):
        after = _unpack(str(args["after"]))
        found = [(at, o) for at, o in found if (at, o.no) > after]
    cut = found[:size]
    shown = pages.twice(call, window, [o for _, o in cut], lambda o: o.no)
    nodes: list[Any] | None = [writer.order(o) for o in shown]
    if not nodes and pages.as_null(call, window):
        nodes = None
    page = {"hasNextPage": len(found) > size, "endCursor": _pack(cut[-1][0], cut[-1][1].no) if cut else None}
    return {"__typename": "OrderConnection", "nodes": nodes, "pageInfo": {"__typename": "PageInfo", **page}}


def _found(call: Call, query: str, sort: str, window: str) -> list[tuple[int, Order]]:
    """(sort time, order) of the search, oldest first."""
    terms = _terms(query)
    by = "modified" if sort == "UPDATED_AT" else "created"
    spans = {"updated_at": (0, 2**40), "created_at": (0, 2**40)}
    for name, operator, value in terms:
        if name in spans:
            (low, high), at = spans[name], _at(value)
            low = max(low, at + (operator == ">")) if operator in (">", ">=") else low
            high = min(high, at - (operator == "<")) if operator in ("<", "<=") else high
            spans[name] = (low, high)
    orders = call.world.window("shopify", *spans["updated_at" if by == "modified" else "created_at"], by=by)
    kept = [o for o in pages.visible(call, orders, window) if all(_fits(o, term) for term in terms)]
    inside = [
        o
        for o in kept
        if spans["updated_at"][0] <= o.modified <= spans["updated_at"][1]
        and spans["created_at"][0] <= o.created <= spans["created_at"][1]
    ]
    return [(o.modified if by == "modified" else o.created, o) for o in inside]


def _fits(order: Order, term: tuple[str, str, str]) -> bool:
    """Whether an order is what a term other than a time asks for."""
    name, _, value = term
    if name == "id":
        return order.no == value
    if name == "name":
        return value == f"#{order.no[-6:]}"
    return name != "status" or value != "cancelled" or order.state == "cancelled"


def _terms(query: str) -> list[tuple[str, str, str]]:
    """The terms of a search: name, operator, value; only AND is known here."""
    found = []
    for part in (p.strip() for p in query.split(" AND ")):
        term = _TERM.fullmatch(part)
        if part and term is None:
            raise GraphqlError("argumentLiteralsIncompatible", f"query: {part!r} is not understood")
        if term is not None:
            found.append((term[1], term[2], term[3] or term[4] or term[5] or ""))
    return found


def _at(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise GraphqlError("argumentLiteralsIncompatible", f"query: {text!r} is no time") from error


def _pack(at: int, no: str) -> str:
    return base64.b64encode(msgspec.json.encode({"last_id": int(no), "last_value": at})).decode()


def _unpack(cursor: str) -> tuple[int, str]:
    try:
        told = msgspec.json.decode(base64.b64decode(cursor, validate=True))
        return int(told["last_value"]), str(told["last_id"])
    except (ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise GraphqlError("argumentLiteralsIncompatible", "Invalid cursor for current pagination sort.") from error
