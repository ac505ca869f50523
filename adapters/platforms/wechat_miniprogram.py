"""WeChat mini program with a mall of one's own (小程序, 发货信息管理).

Source: developers.weixin.qq.com, pages getStableAccessToken and 小程序发货信息管理服务, models and samples of the public SDKs
(wxa/sec/order), developer community threads on error codes; read 2026-03. What they leave open is in `doubtful`. WeChat
knows the payments and demands that each is said to be shipped; lines, amounts and receivers are the mall's, which is asked
at the address of the option `mall_url`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from adapters.core import signing, wechat
from adapters.core.fields import CHINA, FieldError, Scalar, raw_list, text, truth
from adapters.core.push import Push
from adapters.core.rest import by_status
from adapters.core.wire import Act
from adapters.documents import Document, ShipNotice
from adapters.errors import Unreadable
from adapters.platforms import _wechat_miniprogram_orders as orders
from adapters.platforms.base import (
    Answer,
    Ask,
    Call,
    Capabilities,
    Option,
    Page,
    Platform,
    Request,
    Scan,
    ShipCapability,
    Verdict,
)
from adapters.ports import AccessToken

LIST, DETAIL = "/wxa/sec/order/get_order_list", "/wxa/sec/order/get_order"
SHIP = "/wxa/sec/order/upload_shipping_info"
#: the mall's own call
MALL = "mall/orders"
#: a payment stays open for changes so long
REACH_S = 30 * 86400.0
#: characters of a parcel's goods
DESCRIBED = 120

#: errcode → what to do; those of 1006… and 2684… are from memory but for 10060028
CODES: Mapping[str, Act] = {
    "0": "ok",
    **dict.fromkeys(("-1", "10060012", "10060019"), "lost"),
    **dict.fromkeys(("40001", "40014", "41001", "42001"), "token"),
    "45011": "throttled",
    "45009": "quota",
    "48001": "authorise",
    **dict.fromkeys(("10060002", "10060023"), "already"),
    **dict.fromkeys(("10060001", "10060003", "10060004", "10060005", "10060006", "10060007"), "final"),
    **dict.fromkeys(("10060008", "10060009", "10060014", "10060024", "10060025", "10060026"), "final"),
    **dict.fromkeys(("10060028", "10060031"), "final"),
    **dict.fromkeys(("268485194", "268485195", "268485196", "268485216", "268485224", "268485228"), "final"),
    **dict.fromkeys(("40002", "40013", "40125", "43002", "44002", "47001"), "final"),
}


class _List(msgspec.Struct):
    order_list: msgspec.Raw = msgspec.Raw()
    order: msgspec.Raw = msgspec.Raw()
    last_index: Scalar = None
    has_more: Scalar = None


class _Mall(msgspec.Struct):
    orders: list[msgspec.Raw]


class _MallHead(msgspec.Struct):
    number: Scalar = None


class _Push(msgspec.Struct):
    Event: Scalar = None
    merchant_trade_no: Scalar = None


class Known(msgspec.Struct, frozen=True):
    """What a notice needs of a payment and does not hold; none of it ever changes."""

    transaction_id: str
    openid: str
    description: str
    phone: str


_decode_list = msgspec.json.Decoder(_List).decode
_decode_mall = msgspec.json.Decoder(_Mall).decode


class WechatMiniprogram(Platform):
    """One mini program. `app_key` is its appid, `seller_id` the merchant's number at WeChat Pay."""

    name = "wechat_miniprogram"
    title = "WeChat mini program (小程序)"
    source = "developers.weixin.qq.com getStableAccessToken and 小程序发货信息管理服务, public SDKs, read 2026-03"
    home = "https://api.weixin.qq.com"
    options: ClassVar[Mapping[str, Option]] = {
        "mall_url": Option(
            help="address of the mall's own answers about orders; empty: every order waits for its lines and receiver",
            default="",
        ),
    }
    # No filter by modification and no time of it: all that was paid since is read again, and compared by its content.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="paid", by="created", paging="cursor", size=50, span_s=40 * 86400.0, reach_s=REACH_S),),
        "refunds": (Scan(name="refunded", by="created", paging="cursor", size=50, span_s=40 * 86400.0, reach_s=REACH_S),),
    }  # fmt: skip
    capabilities = Capabilities(ship=ShipCapability(batch=1, parts_per_order=10, partial=False, read_back=True))
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YD", "STO": "STO", "EMS": "EMS", "JD": "JD", "DEPPON": "DBL",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "paid_amount": "before or after WeChat Pay's coupons is not told; marked where the mall's total differs",
        "modified_at": "not told: the mall's, or the last of payment and uploads",
        "lines": "the mall's; without it the description is the one line, and the order waits",
        "refunds": "only a payment that went back whole is seen, by its state; when it did is not told",
        "page_size": "50; the page gives a default of 100 and no limit",
        "reach": "30 days of payments are read again for changes; no rule is published",
        "in_complaint": "not read: it stands in the raw answer",
        "error codes": "10060xxx and 268485xxx from memory, but for 10060028",
        "carriers": "JD, EMS and DBL from memory; get_delivery_list lists them",
        "parts_per_order": "10 in the older page, 15 in the newer",
        "48001": "no permission: the merchant must grant it",
        "merged payments": "upload_combined_shipping_info is not spoken: one payment is one order",
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._known: dict[str, Known] = {}
        self._lock = threading.Lock()

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """A POST of JSON with the token in the query. The mall's call is signed over time and body with the app's secret."""
        credentials = self.connection.credentials
        if call.api == MALL:
            body, now = msgspec.json.encode(call.params), str(int(self.now().timestamp()))
            sign = signing.hmac_hex(credentials.secret(), f"{now}\n{body.decode()}", "sha256")
            headers = {"Content-Type": "application/json", "X-Oms-Time": now, "X-Oms-Sign": sign}
            return Request(url=f"{self.option('mall_url').rstrip('/')}/orders", body=body, headers=headers)
        params = call.params
        if call.api == wechat.TOKEN_PATH:
            params = {**params, "appid": credentials.app_key, "secret": credentials.secret()}
        return Request(
            url=self.address(call.api),
            query={"access_token": token} if token else {},
            body=msgspec.json.encode(params),
            headers={"Content-Type": "application/json;charset=utf-8"},
        )

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """WeChat's errcode under HTTP 200; the mall's HTTP status."""
        if call.api != MALL:
            return wechat.judge(CODES, answer, self.now())
        act = by_status(answer, {"401": "authorise"})
        if act == "ok":
            _decode_mall(answer.body)
            return Verdict()
        return Verdict(act=act, code=f"mall_{answer.status}", message="the mall refused")

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        params: dict[str, Any] = {
            "pay_time_range": {"begin_time": int(ask.start.timestamp()), "end_time": int(ask.end.timestamp())},
            "last_index": ask.cursor,
            "page_size": ask.size,
        }
        if ask.kind == "refunds":
            params["order_state"] = int(orders.REFUNDED)
        return Call(api=LIST, params=params)

    def read_list(self, kind: str, body: bytes) -> Page:
        got = _decode_list(body)
        if got.has_more is None:
            return Page()
        return Page(items=raw_list(got.order_list), more=truth(got.has_more, "has_more"), cursor=text(got.last_index))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        number = numbers[0].removeprefix(orders.REFUND)
        return Call(api=DETAIL, params={"merchant_id": self.seller_id, "merchant_trade_no": number})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        return raw_list(_decode_list(body).order)

    def beside(self, kind: str, raws: Sequence[bytes]) -> Sequence[bytes]:
        """Each payment with the mall's order of its number; as it is where the mall has none."""
        numbers = [number for raw in raws if (number := orders.number_of(raw))]
        if not numbers or not self.option("mall_url"):
            joined = list(raws)
        else:
            answer = self.call(Call(api=MALL, params={"numbers": numbers}, token=False, about=f"{len(numbers)} orders"))
            told = {_mall_number(raw): bytes(raw) for raw in _decode_mall(answer.body).orders}
            joined = [_join(raw, told.get(orders.number_of(raw))) for raw in raws]
        self._remember(joined)
        return joined

    def _remember(self, raws: Sequence[bytes]) -> None:
        for raw in raws:
            try:
                payment, mall = orders.read(raw)
            except msgspec.MsgspecError:
                continue
            receiver = mall.receiver if mall is not None else None
            known = Known(
                text(payment.transaction_id), text(payment.openid), text(payment.description),
                text(receiver.phone) if receiver is not None else "",
            )  # fmt: skip
            with self._lock:
                if len(self._known) > 10_000:
                    self._known.clear()
                self._known[text(payment.merchant_trade_no)] = known

    def document(self, kind: str, raw: bytes) -> Document:
        if kind == "refunds":
            return orders.refund(raw, platform=self.name, seller_id=self.seller_id)
        return orders.order(raw, platform=self.name, seller_id=self.seller_id, latest=self.latest_shipping)

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        number, moment = orders.identify(raw)
        return (f"{orders.REFUND}{number}" if kind == "refunds" else number), moment

    # ================================================================ writing
    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """All parcels at once: WeChat takes no quantities. Who paid is asked for where it is not known yet."""
        number = notice.platform_order_no
        if number not in self._known:
            self.current([number])
        known = self._known.get(number)
        if known is None:
            raise FieldError("merchant_trade_no", "no_payment", "WeChat knows no such payment")
        params = {
            "order_key": {"order_number_type": 2, "transaction_id": known.transaction_id},
            "logistics_type": 1,
            "delivery_mode": 1 if len(notice.parcels) == 1 else 2,
            "is_all_delivered": notice.complete,
            "shipping_list": [
                _parcel(self.carrier(p.carrier), p.waybill, known.description, known.phone) for p in notice.parcels
            ],
            "upload_time": upload_time(self.now()),
            "payer": {"openid": known.openid},
        }
        return [Call(api=SHIP, params=params)]

    # ================================================================ tokens
    def token_call(self, old: AccessToken | None) -> Call:
        """The normal mode gives the running token again; only a token that was refused early is replaced by force."""
        force = wechat.was_refused(old, self.now(), self.renew_before_s)
        params = {"grant_type": "client_credential", "force_refresh": force}
        return Call(api=wechat.TOKEN_PATH, params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        return wechat.read_token(body, self.now(), self.shop)

    # ================================================================ pushed messages
    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """See `wechat.prove`: the address's parameters come beside the header fields; in the plain mode nothing proves the
        message itself, so it is never more than a hint."""
        message = wechat.prove(headers, body, tuple(secrets), self.connection.credentials.app_key)
        try:
            got = msgspec.json.decode(message, type=_Push)
        except msgspec.MsgspecError as error:
            raise Unreadable("not_json", type(error).__name__) from error
        number = text(got.merchant_trade_no)
        return Push(topic=text(got.Event), kind="orders" if number else "", number=number)


def _mall_number(raw: msgspec.Raw) -> str:
    return text(msgspec.json.decode(raw, type=_MallHead).number)


def _join(payment: bytes, mall: bytes | None) -> bytes:
    return payment if mall is None else b'{"payment":' + payment + b',"mall":' + mall + b"}"


def _parcel(carrier: str, waybill: str, description: str, phone: str) -> dict[str, Any]:
    """One parcel; SF wants to know the last digits of a phone, masked."""
    contact = {"contact": {"receiver_contact": masked_phone(phone)}} if phone else {}
    return {
        "tracking_no": waybill,
        "express_company": carrier,
        "item_desc": description[:DESCRIBED],
        **contact,
    }


def masked_phone(phone: str) -> str:
    """A phone of which the last four digits show."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else f"****{phone[-4:]}"


def upload_time(now: datetime) -> str:
    """RFC 3339 in Beijing's time with milliseconds."""
    return now.astimezone(CHINA).isoformat(timespec="milliseconds")
