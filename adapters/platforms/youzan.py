"""Youzan (有赞).

Source: doc.youzanyun.com, pages on orders and shipping, error codes and envelopes, authorisation, after-sales and
messages, read 2026-03; the official generated models in public SDKs, a captured answer in a public PHP client. What they
leave open is in `doubtful`. Calls carry an access token in the query instead of a signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from adapters.core import signing
from adapters.core.fields import CHINA, FieldError, Scalar, count, epoch_time, ident, raw_list, text
from adapters.core.push import Push, header_or
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, RefundAnswer, ShipNotice
from adapters.errors import NotAuthorised, NotVerified, Unreadable
from adapters.platforms import _youzan_orders as orders
from adapters.platforms import _youzan_refunds as refunds
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

TOKEN = "/auth/token"
#: the version is a part of each method
SOLD, TRADE = "youzan.trades.sold.get/4.0.4", "youzan.trade.get/4.0.2"
CASES, CASE = "youzan.trade.refund.search/3.0.1", "youzan.trade.refund.get/3.0.1"
SHIP, LEVEL = "youzan.logistics.online.confirm/3.0.0", "youzan.item.quantity.update/3.0.0"
AGREE, REFUSE = "youzan.trade.refund.agree/3.0.0", "youzan.trade.refund.refuse/3.0.0"
TAKE_BACK, NOT_BACK = "youzan.trade.returngoods.agree/3.0.0", "youzan.trade.returngoods.refuse/3.0.0"

#: code of any envelope → what to do; a timeout or the gateway's own failure may hide an effect
CODES: Mapping[str, Act] = {
    "200": "ok",
    "4202": "token",
    **dict.fromkeys(("4203", "1000", "1004", "1005", "1103", "1105"), "authorise"),
    **dict.fromkeys(("4101", "500100004", "123000042"), "throttled"),
    **dict.fromkeys(("5002", "5003", "106000001", "106100118", "-100"), "lost"),
    **dict.fromkeys(("4201", "4204", "4001", "4004", "4005", "4007", "4009"), "final"),
    **dict.fromkeys(("5000", "5001", "106000003", "106100110", "106100114", "106100115"), "final"),
    **dict.fromkeys(("102570020", "102510001", "102570007", "102599996", "105000016", "105000003", "102570038"), "final"),
}  # fmt: skip


class _Fault(msgspec.Struct):
    err_code: Scalar = None
    err_msg: Scalar = None
    code: Scalar = None
    msg: Scalar = None
    trace_id: Scalar = None


class _Envelope(msgspec.Struct):
    """Any of the four: the gateway's, the service's, the older one, the limiter's."""

    gw_err_resp: _Fault | None = None
    error_response: _Fault | None = None
    response: msgspec.Raw = msgspec.Raw()
    code: Scalar = None
    msg: Scalar = None
    message: Scalar = None
    success: bool | None = None
    trace_id: Scalar = None
    data: msgspec.Raw = msgspec.Raw()


class _Row(msgspec.Struct):
    refund_id: Scalar = None


class _List(msgspec.Struct):
    total_results: Scalar = None
    total: Scalar = None
    full_order_info_list: msgspec.Raw = msgspec.Raw()
    refunds: list[_Row] | None = None


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires: Scalar = None
    authority_id: Scalar = None


class _Message(msgspec.Struct):
    type: Scalar = None
    id: Scalar = None
    msg: Any = None
    msg_id: Scalar = None
    sign: Scalar = None
    client_id: Scalar = None


_envelope = msgspec.json.Decoder(_Envelope).decode


class Youzan(Platform):
    """One Youzan shop."""

    name = "youzan"
    title = "Youzan (有赞)"
    source = "doc.youzanyun.com and the official generated models, read 2026-03"
    home = "https://open.youzanyun.com"
    options: ClassVar[Mapping[str, Option]] = {
        "self_use": Option(help="the app is the shop's own: tokens are had without the merchant", default=False),
        "merge_by_cipher": Option(
            help="orders of one buyer whose receivers have the same ciphers may merge; whether equal receivers have equal ciphers is not documented",
            default=False,
        ),
        "return_name": Option(help="who receives returns; empty: returns are agreed to over there", default=""),
        "return_mobile": Option(help="that receiver's mobile number", default=""),
        "return_address": Option(help="that receiver's address", default=""),
    }  # fmt: skip
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=100, span_s=30 * 86400.0, max_rows=10_000),),
        "refunds": (
            Scan(name="modified", paging="backward", size=100, span_s=30 * 86400.0, max_rows=3000, ids_only=True),
        ),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=1),
        refunds=("agree", "refuse", "goods_received"),
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"refunds": 90}
    renew_before_s = 3600.0
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "7", "YTO": "2", "ZTO": "3", "YUNDA": "4", "STO": "1", "EMS": "11", "JD": "138", "DEPPON": "28",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; pay_time plus the option ship_within_h",
        "orders.payment": "taken as without freight; the models call the order's payment the sum of its lines'",
        "delivery_order": "that an order is shipped in part is derived from its parcels",
        "receiver": "name, phone and address are encrypted; their ciphers are kept, no call decrypts them",
        "receiver ciphers": "no merge key unless the option merge_by_cipher says so",
        "yz_open_id": "documented as a filter; read where sent, else buyer_id",
        "WAIT_CONFIRM": "a group that is not full, or an order not yet taken: held either way",
        "refund_state 1, 2": "a part of the order; which lines is told by refund_order only",
        "return_goods": "false says refund only, before and after shipping alike",
        "goods_received": "told by youzan.trade.refund.agree, as public clients do",
        "after-sale answers": "methods and parameters from public clients, not from the pages",
        "30 seconds": "events are in the list 30 s later at the latest; the overlap of windows covers them",
        "5002, 5003": "gateway errors, taken as passing",
        "ship errors": "seven codes are listed without a meaning each; all are final",
        "carriers": "ids other than SF's from memory; youzan.logistics.express.get lists them",
        "limits": "not published",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """A POST of JSON; the token is taken in the query only."""
        credentials = self.connection.credentials
        params: dict[str, Any] = dict(call.params)
        if call.api == TOKEN:
            params |= {"client_id": credentials.app_key, "client_secret": credentials.secret()}
        return Request(
            url=self.address(call.api if call.api == TOKEN else f"/api/{call.api}"),
            query={"access_token": token} if token else {},
            body=msgspec.json.encode(params),
            headers={"Content-Type": "application/json"},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """HTTP 200 always; the code of whichever envelope came decides."""
        got = _envelope(answer.body)
        fault = got.gw_err_resp or got.error_response
        if fault is not None:
            code = text(fault.err_code) or text(fault.code)
            return _failed(code, text(fault.err_msg) or text(fault.msg), text(fault.trace_id) or text(got.trace_id))
        code, trace = text(got.code), text(got.trace_id)
        if not code:
            if bytes(got.response):
                return Verdict(request_id=trace)
            raise ValueError("no envelope")
        if code == "200" and got.success is not False:
            return Verdict(request_id=trace)
        return _failed("no_success" if code == "200" else code, text(got.message) or text(got.msg), trace)

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        """Pages count from 1; orders by times in text, cases by epoch seconds."""
        page = {"page_no": ask.page + 1, "page_size": 1 if ask.count_only else ask.size}
        if ask.kind == "orders":
            return Call(api=SOLD, params={**page, "start_update": _time(ask.start), "end_update": _time(ask.end)})
        start, end = int(ask.start.timestamp()), int(ask.end.timestamp())
        return Call(api=CASES, params={**page, "update_time_start": start, "update_time_end": end})

    def read_list(self, kind: str, body: bytes) -> Page:
        got = _read(body, _List)
        if kind == "refunds":
            if got.total is None:
                return Page()
            ids = [ident(row.refund_id, "refund_id") for row in got.refunds or ()]
            return Page(ids=ids, total=count(got.total, "total"))
        if got.total_results is None:
            return Page()
        return Page(items=raw_list(got.full_order_info_list), total=count(got.total_results, "total_results"))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return Call(api=CASE, params={"refund_id": numbers[0]})
        return Call(api=TRADE, params={"tid": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        return raw_list(_data(body))

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return refunds.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(
            raw, platform=self.name, seller_id=self.seller_id, latest=self.latest_shipping,
            merge_by_cipher=bool(self.option("merge_by_cipher")),
        )  # fmt: skip

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        return refunds.identify(raw) if kind == "refunds" else orders.identify(raw)

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """One call per parcel that names its lines, each with all its pieces."""
        told = [no for parcel in notice.parcels for no, *_ in parcel.lines]
        if len(set(told)) < len(told):
            raise FieldError("parcels", "split_line", "a line of an order leaves in one parcel here")
        calls = []
        for parcel in notice.parcels:
            params: dict[str, Any] = {
                "tid": notice.platform_order_no,
                "is_no_express": 0,
                "out_stype": self.carrier(parcel.carrier),
                "out_sid": parcel.waybill,
            }
            if parcel.lines:
                params["oids"] = ",".join(no for no, *_ in parcel.lines)
            calls.append(Call(api=SHIP, params=params))
        return calls

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """type 0 sets the level; an item without specifications has the sku 0."""
        return [LevelCall(api=LEVEL, params=_level(u), updates=(u,)) for u in updates]

    def refund_call(self, answer: RefundAnswer) -> Call:
        """What is asked decides the call, and each carries the case's version: it is looked up first."""
        (item,) = self.details("refunds", (answer.platform_refund_no,))
        if item.document is None:
            raise FieldError("refund_id", "no_case", "the case could not be read, so its kind is not known")
        case = refunds.shape(item.raw)
        params: dict[str, Any] = {"refund_id": answer.platform_refund_no, "version": case.version}
        if answer.act == "refuse":
            return Call(api=NOT_BACK if case.goods_due else REFUSE, params={**params, "remark": answer.reason})
        if answer.act == "agree" and case.sends_back and not case.goods_due:
            where = {name: str(self.option(f"return_{name}")) for name in ("name", "mobile", "address")}
            if not all(where.values()):
                raise FieldError(
                    "return_address", "option_not_set", "set return_name, return_mobile and return_address"
                )
            return Call(api=TAKE_BACK, params={**params, **where})
        return Call(api=AGREE, params=params)

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        if self.option("self_use"):
            params: dict[str, Any] = {"authorize_type": "silent", "grant_id": self.seller_id, "refresh": True}
        elif old is not None and old.refresh:
            params = {"authorize_type": "refresh_token", "refresh_token": old.refresh}
        else:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        return Call(api=TOKEN, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = _read(body, _Token)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        return AccessToken(
            access=got.access_token, refresh=got.refresh_token, expires_at=epoch_time(got.expires, "expires", 0.001),
            seller_id=text(got.authority_id),
        )  # fmt: skip

    # ================================================================ pushed messages
    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """Prove a message by its header over the whole body; older ones by the field over `msg`."""
        client, told = self.connection.credentials.app_key, header_or(headers, "Event-Sign")
        try:
            got = msgspec.json.decode(body, type=_Message)
        except msgspec.MsgspecError as error:
            if not told:
                raise NotVerified("missing_header", "Event-Sign", shop=self.shop) from error
            got = None
        signed = body.decode("utf-8", "replace") if told else got.msg if got is not None else None
        given = told or (text(got.sign) if got is not None else "")
        if not isinstance(signed, str) or not given or given not in {event_sign(client, signed, s) for s in secrets}:
            raise NotVerified("signature", shop=self.shop)
        if got is None or not text(got.type):
            raise Unreadable("not_json", shop=self.shop)
        return orders.push(text(got.type), text(got.id), got.msg, text(got.msg_id))


def event_sign(client_id: str, signed: str, secret: str) -> str:
    """Lower-case MD5 of client id, what is signed, and secret."""
    return signing.md5_hex(client_id + signed + secret)


def _failed(code: str, message: str, trace: str) -> Verdict:
    return Verdict(act=look_up(CODES, code), code=code, message=message, request_id=trace)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _number(text_: str) -> int | str:
    return int(text_) if text_.isascii() and text_.isdigit() else text_


def _level(update: LevelUpdate) -> dict[str, Any]:
    item = update.product_id or update.listing_id
    sku = 0 if item == update.listing_id else _number(update.listing_id)
    return {"item_id": _number(item), "sku_id": sku, "quantity": update.qty, "type": 0}


def _data(body: bytes) -> msgspec.Raw:
    got = _envelope(body)
    return got.data if bytes(got.data) else got.response


def _read(body: bytes, kind: type[Any]) -> Any:
    raw = _data(body)
    return msgspec.json.decode(raw, type=kind) if bytes(raw).lstrip()[:1] == b"{" else kind()
