"""Vipshop (唯品会), the VOP gateway: marketplace shops (SOV), and the orders of brands that ship for it (JITX).

Source: classes of the official PHP SDK (OSP 2.5.11) and C# SDK (with comments of fields and of the cancel and after-sale
requests), the gateway's table of errors, public integration code of SOV and JITX clients; read 2026-03. No answer of the
live gateway was found. What all that leaves open is in `doubtful`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from adapters.core import signing
from adapters.core.fields import CHINA, FieldError, as_list, count, ident, raw_list, text, truth
from adapters.core.wire import look_up
from adapters.documents import Document, LevelUpdate, NoticeParcel, OrderDocument, Pulled, RefundAnswer, ShipNotice
from adapters.errors import BadAnswer, NotAuthorised, Refused, Retryable, Unsupported
from adapters.platforms import _vipshop_orders as orders
from adapters.platforms import _vipshop_refunds as refunds
from adapters.platforms import _vipshop_wire as wire
from adapters.platforms.base import (
    NEVER,
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
from adapters.ports import AccessToken, Connection

SOV = "vipapis.marketplace.delivery.SovDeliveryService"
ASC = "vipapis.marketplace.asc.AscService"
STOCK = "vipapis.marketplace.inventory.InventoryService"
JITX = "vipapis.jitx.JitXService"
FINANCE = "vipapis.finance.FastService"
TOKEN = "vipapis.oauth.OauthService.refreshToken"
#: details in one call, at most
LINES_BATCH = 50

_WINDOWS = {"sov": 86400.0, "jitx": 1800.0}


class Vipshop(Platform):
    """One Vipshop shop, or one vendor of JITX."""

    name = "vipshop"
    title = "Vipshop (唯品会)"
    source = "PHP and C# SDK classes, the gateway's error table, public SOV and JITX clients; read 2026-03"
    home = "https://vop.vipapis.com"
    options: ClassVar[Mapping[str, Option]] = {
        "model": Option(help="the contract with the platform: a marketplace shop, or a vendor that ships for it", default="sov", choices=("sov", "jitx")),
        "date_type": Option(help="which time orders are listed by; taken to be the last change", default=2),
        "warehouse": Option(help="warehouse that stock levels are set for; empty: all", default=""),
        "client_ip": Option(help="address that calls come from, told when the token is renewed", default="127.0.0.1"),
        "operator": Option(help="name under which after-sale cases are asked for", default="oms"),
    }  # fmt: skip
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=_WINDOWS["sov"]),),
        # Both are listed by when they were made only: changes show when the old ones are read again.
        "refunds": (
            Scan(name="cancels", by="created", paging="forward", size=100, span_s=86400.0, reach_s=3 * 86400.0, ids_only=True),
            Scan(name="cases", by="created", paging="forward", size=100, span_s=30 * 86400.0, reach_s=15 * 86400.0),
        ),
    }  # fmt: skip
    capabilities = Capabilities(
        # Nothing says that an order may leave in parts; several parcels go into one notice.
        ship=ShipCapability(batch=1, partial=False, read_back=True),
        stock=StockCapability(mode="absolute", batch=1, read_back=True),
        refunds=("agree", "refuse"),
        statements=True,
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"refunds": 90}
    detail_batch = LINES_BATCH
    supplements: ClassVar[frozenset[str]] = frozenset({"orders", "refunds"})
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "shunfeng", "YTO": "yuantong", "ZTO": "zhongtong", "YUNDA": "yunda", "STO": "shentong", "EMS": "ems", "JD": "jd",
        "DEPPON": "debang",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; when the order arrived plus the option ship_within_h",
        "date_type": "2 is taken to be the last change; 1 is seen in public code by the day",
        "paid_at": "not told: when the order reached the shop",
        "status 300": "not seen; unknown",
        "after-sale states": "what they mean for the order is derived; they concern all lines",
        "discount_fee": "who bears discounts and promotion is not told",
        "vipmoney": "its place in the sum is not known, nor that of invoice_deduct_money",
        "receiver": "codes of a form that is not documented; they count as masked",
        "package_type": "1 for one parcel is seen, 2 for several is a guess",
        "ships": "parcels of several carriers are told as several ships of one order",
        "carriers": "yuantong is seen; the other codes are listed by getCarriers",
        "read back": "orders name no waybill: one that has left counts as told",
        "cancel amount": "not told: what is paid for the order, and its times",
        "asc_time": "the only time of a case; the last change of its order stands for that of the case",
        "transport_info": "a waybill on an approved case is taken for goods on their way back",
        "getSkuStock": "its request is taken to name the sku_id",
        "refreshToken": "its answer is taken to come in the envelope of all others",
        "JITX price": "taken per piece; one public job divides it by the quantity",
        "JITX window": "half an hour by the last change, as public jobs step",
    }

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._jitx = self.option("model") == "jitx"
        if self._jitx:
            scan = Scan(name="modified", paging="backward", size=100, span_s=_WINDOWS["jitx"])
            # A contract of its own: its orders are whole in the list, the platform gives the waybills and takes the returns.
            self.scans = {"orders": (scan,)}  # type: ignore[misc]
            self.capabilities = Capabilities(statements=True)  # type: ignore[misc]

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """System parameters in the query, the arguments as JSON in the body; both are signed as they are sent."""
        credentials = self.connection.credentials
        params: Mapping[str, Any] = call.params
        if call.api == TOKEN:
            own = {"client_id": credentials.app_key, "client_secret": credentials.secret()}
            params = {**params, **own, "request_client_ip": self.option("client_ip")}
        body = msgspec.json.encode(params)
        service, _, method = call.api.rpartition(".")
        query = {
            "service": service,
            "method": method,
            "version": "1.0.0",
            "timestamp": str(int(self.now().timestamp())),
            "format": "json",
            "appKey": credentials.app_key,
        }
        if token:
            query["accessToken"] = token
        query["sign"] = sign(query, body.decode(), credentials.secret())
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Request(url=self.address("/"), query=query, body=body, headers=headers)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """A good code may still hold refusals: of a notice as a count, of a level as a truth value."""
        got = wire.decode(answer.body)
        code, message = text(got.returnCode), text(got.returnMessage)
        if not code:
            raise ValueError("no returnCode")
        act = look_up(wire.CODES, code)
        if act == "quota":
            return Verdict(act=act, code=code, message=message, wait_s=self._until_tomorrow())
        if act != "ok" or not call.api.endswith((".ship", "SkuStock")):
            return Verdict(act=act, code=code, message=message)
        return wire.refusal(got)

    def _until_tomorrow(self) -> float:
        """Seconds until the quota of the next day."""
        now = self.now().astimezone(CHINA)
        return (now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - now).total_seconds()

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        start, end = _time(ask.start), _time(ask.end)
        page = {"limit": 1 if ask.count_only else ask.size, "page": ask.page + 1}
        if ask.kind == "orders" and self._jitx:
            span = {"start_time": int(ask.start.timestamp()), "end_time": int(ask.end.timestamp())}
            return _asking(f"{JITX}.getOrders", vendor_id=_number(self.seller_id), **span, **page)
        if ask.kind == "orders":
            span_ = {"query_start_time": start, "query_end_time": end, "date_type": self.option("date_type")}
            return _asking(f"{SOV}.getOrders", **span_, **page)
        if ask.scan.name == "cancels":
            return _asking(f"{SOV}.batchGetCancelInfo", start_time=start, end_time=end, **page)
        span_ = {"query_start_time": start, "query_end_time": end, "operator": self.option("operator")}
        return _asking(f"{ASC}.getAscs", **span_, **page)

    def read_list(self, kind: str, body: bytes) -> Page:
        rows = wire.result_of(body, wire.Rows)
        if kind == "orders" and rows.total is not None and bytes(rows.orders):
            return Page(items=raw_list(rows.orders), total=count(rows.total, "total"))
        if kind == "refunds" and bytes(rows.ascs):
            return Page(items=raw_list(rows.ascs), more=truth(rows.has_next, "has_next"))
        if kind == "refunds" and bytes(rows.cancelInfos):
            found = [refunds.decode(raw) for raw in raw_list(rows.cancelInfos)]
            return wire.ids_page([ident(row.apply_sn, "apply_sn") for row in found])
        return Page()

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind != "orders":
            return super().detail_call(kind, numbers)
        if self._jitx:
            return _asking(f"{JITX}.getOrdersByOrderSn", vendor_id=_number(self.seller_id), order_sns=list(numbers))
        return _asking(f"{SOV}.getOrders", order_ids=list(numbers), limit=len(numbers), page=1)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        rows = wire.result_of(body, wire.Rows)
        return raw_list(rows.orders) if kind == "orders" and bytes(rows.orders) else ()

    def details(self, kind: str, numbers: Sequence[str]) -> list[Pulled]:
        """What a list names: an order with its lines, an application with its order."""
        if kind == "refunds":
            return [self._application(number) for number in numbers]
        return [self._or_failed(item) for item in super().details(kind, numbers)]

    def _application(self, number: str) -> Pulled:
        """An application and the order it would cancel, as one item."""
        if number.startswith("S"):
            raise Unsupported(f"{self.name}: the current state of single after-sale cases", shop=self.shop)
        try:
            told = self.call(_asking(f"{SOV}.batchGetCancelInfo", apply_sn=number, page=1, limit=1))
            (raw, *_) = raw_list(wire.result_of(told.body, wire.Rows).cancelInfos) or [b""]
            if not raw:
                return _failed("refunds", number, b"", "the answer does not hold it")
            order_no = ident(refunds.decode(raw).order_id, "order_id")
            answer = self.call(self.detail_call("orders", (order_no,)))
            (order, *_) = self.read_detail("orders", answer.body) or [b"null"]
        except (Refused, BadAnswer, Retryable, msgspec.MsgspecError, FieldError) as error:
            return _failed("refunds", number, b"", type(error).__name__)
        item = self.translate("refunds", wire.joined(raw, "order", order))
        return msgspec.structs.replace(item, number=item.number or number, request_no=answer.request_no)

    # ---- what a further call adds
    def is_partial(self, document: Document) -> bool:
        """A list names orders without their lines, and cases without their amounts and changes."""
        if isinstance(document, OrderDocument):
            return not document.lines
        return any(d.why == "not_sent" for d in document.doubts)

    def supplement_call(self, kind: str, number: str) -> Call:
        if kind == "refunds":
            return _asking(f"{ASC}.getAscInfo", asc_sn=number.removeprefix("S"))
        return Call(api=f"{SOV}.getOrderDetail", params={"order_ids": [number]})

    def supplement(self, raw: bytes, body: bytes) -> bytes:
        result = bytes(wire.decode(body).result)
        if result.lstrip()[:1] == b"{":
            return wire.joined(raw, "info", result)
        number = orders.identify(raw)[0]
        return wire.joined(raw, "order_products", wire.lines_of(result).get(number, b"null"))

    def supplemented(self, kind: str, items: Sequence[Pulled]) -> list[Pulled]:
        """Lines of up to fifty orders come with one call; cases are asked for one by one, their orders together."""
        if kind != "orders":
            return self._cases(super().supplemented(kind, items))
        sets = [items[i : i + LINES_BATCH] for i in range(0, len(items), LINES_BATCH)]
        return [item for part in sets for item in self._lined(part)]

    def _cases(self, items: Sequence[Pulled]) -> list[Pulled]:
        """Cases with their orders, whose last change stands for theirs."""
        docs = [item.document for item in items]
        numbers = list(dict.fromkeys(d.platform_order_no for d in docs if d is not None))
        sets = [numbers[i : i + LINES_BATCH] for i in range(0, len(numbers), LINES_BATCH)]
        heads: dict[str, bytes] = {}
        for part in sets:
            try:
                told = self.read_detail("orders", self.call(self.detail_call("orders", part)).body)
                heads |= {orders.identify(raw)[0]: raw for raw in told}
            except (Refused, BadAnswer, Retryable, msgspec.MsgspecError, FieldError):
                continue
        return [self._or_failed(self._with_order(item, heads)) for item in items]

    def _with_order(self, item: Pulled, heads: Mapping[str, bytes]) -> Pulled:
        head = heads.get(item.document.platform_order_no) if item.document is not None else None
        if head is None:
            return item
        fuller = self.translate("refunds", wire.joined(item.raw, "order", head))
        return msgspec.structs.replace(fuller, request_no=item.request_no)

    def _lined(self, items: Sequence[Pulled]) -> list[Pulled]:
        try:
            numbers = [item.number for item in items]
            call = Call(
                api=f"{SOV}.getOrderDetail", params={"order_ids": numbers}, about=f"lines of {len(items)} orders"
            )
            answer = self.call(call)
            found = wire.lines_of(bytes(wire.decode(answer.body).result))
        except (Refused, BadAnswer, Retryable, msgspec.MsgspecError, FieldError):
            if len(items) == 1:
                return [self._or_failed(items[0])]
            return [one for item in items for one in self._lined([item])]
        out = []
        for item in items:
            if item.number not in found:
                out.append(self._or_failed(item))
                continue
            fuller = self.translate("orders", wire.joined(item.raw, "order_products", found[item.number]))
            out.append(msgspec.structs.replace(fuller, request_no=answer.request_no))
        return out

    def whole(self, item: Pulled) -> bool:
        return item.error != "detail_failed" and super().whole(item)

    def _or_failed(self, item: Pulled) -> Pulled:
        """An item without what the further call adds is no order: it is asked for again."""
        if super().whole(item):
            return item
        return msgspec.structs.replace(item, document=None, error="detail_failed", detail="its further call failed")

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        within_s = self.option("ship_within_h") * 3600
        return orders.order(raw, platform=self.name, seller_id=self.seller_id, ship_within_s=within_s)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """All parcels in one call, which names a carrier once: parcels of several make several ships."""
        if not notice.complete:
            raise FieldError("complete", "partial_unsupported", "Vipshop takes one notice for a whole order")
        by_carrier: dict[str, list[NoticeParcel]] = {}
        for parcel in notice.parcels:
            by_carrier.setdefault(self.carrier(parcel.carrier), []).append(parcel)
        ships = [wire.ship_of(notice.platform_order_no, code, parcels) for code, parcels in by_carrier.items()]
        return [_asking(f"{SOV}.ship", ships=ships)]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """The total of one sku a call."""
        where = self._warehouse()
        return [
            LevelCall(
                api=f"{STOCK}.updateSkuStock",
                params={"updateSkuStockRequest": {"sku_id": u.listing_id, "quantity": u.qty, **where}},
                updates=(u,),
            )
            for u in updates
        ]

    def read_level_call(self, update: LevelUpdate) -> Call:
        params = {"getSkuStockRequest": {"sku_id": update.listing_id, **self._warehouse()}}
        return Call(api=f"{STOCK}.getSkuStock", params=params, about=update.listing_id)

    def read_level(self, body: bytes) -> int:
        """What is left to sell, in all warehouses that are told."""
        told = as_list(wire.result_of(body, wire.Levels).sku_stocks)
        if not told:
            raise FieldError("sku_stocks", "missing_field", "no level")
        return sum(count(x.leaving_stock, "leaving_stock") for x in told)

    def _warehouse(self) -> dict[str, str]:
        return {"warehouse": self.option("warehouse")} if self.option("warehouse") else {}

    def refund_call(self, answer: RefundAnswer) -> Call:
        """Audit an application to cancel: 2 passes, 3 does not and wants an opinion."""
        if answer.platform_refund_no.startswith("S"):
            raise FieldError(
                "platform_refund_no", "service_case", "after-sale cases are answered at Vipshop's own desk"
            )
        params: dict[str, Any] = {
            "apply_sn": answer.platform_refund_no,
            "audit_status": 2 if answer.act == "agree" else 3,
        }
        if answer.act == "refuse":
            params["opinion"] = (answer.reason or "").ljust(5, ".")[:255]
        return _asking(f"{SOV}.auditCancelApply", **params)

    # ================================================================ statements
    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """Rows of the vendor's account, page by page; both ends inclusive."""
        asked = {
            "vendor_id": _number(self.seller_id), "st_query_time": _time(start), "et_query_time": _time(end - timedelta(seconds=1)),
            "page": int(cursor or 1), "limit": 100,
        }  # fmt: skip
        return Call(api=f"{FINANCE}.getDvdFinancialDetail", params={"detailRequest": asked}, about="statement")

    def read_statement(self, body: bytes) -> Page:
        rows = wire.result_of(body, wire.Rows)
        if not bytes(rows.details):
            raise ValueError("no list in it")
        found = raw_list(rows.details)
        return Page(items=found, more=len(found) >= 100)

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        return Call(api=TOKEN, params={"refresh_token": old.refresh}, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = wire.result_of(body, wire.Token)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=self.now() + timedelta(seconds=count(got.expires_in, "expires_in")),
        )


def sign(params: Mapping[str, str], body: str, secret: str) -> str:
    """Upper-case HMAC-MD5 of the system parameters but ``sign``, by name, and the body."""
    joined = signing.sorted_pairs({name: value for name, value in params.items() if name != "sign"})
    return signing.hmac_hex(secret, joined + body, "md5").upper()


def _asking(api: str, **params: Any) -> Call:
    """A call whose one argument is called ``request``."""
    return Call(api=api, params={"request": params})


def _failed(kind: str, number: str, raw: bytes, detail: str) -> Pulled:
    raw = raw or msgspec.json.encode({"number": number})
    return Pulled(kind=kind, number=number, modified_at=NEVER, raw=raw, error="detail_failed", detail=detail)


def _number(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() else value


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
