"""Taobao and Tmall: the TOP gateway.

Source: TOP "API call method" (articleId 101617); API descriptions of taobao.trades.sold.increment.get,
taobao.trade.fullinfo.get, taobao.refunds.receive.get, taobao.refund.get, taobao.logistics.offline.send,
alibaba.ascp.logistics.offline.send, taobao.skus.quantity.update, taobao.item.quantity.update, taobao.top.oaid.merge and
the TOP error table, as published on open.taobao.com; read 2025-11. What those pages leave open is in `doubtful`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from adapters.core import signing
from adapters.core.fields import CHINA, count, raw_list, text, truth
from adapters.core.wire import Act, look_up
from adapters.documents import Document, LevelUpdate, OrderDocument, ShipNotice
from adapters.errors import NotAuthorised
from adapters.platforms import _taobao_orders as orders
from adapters.platforms import _taobao_refunds as refunds
from adapters.platforms import _taobao_wire as wire
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

#: gateway codes; 15 (remote service error) and those from 100 on are decided by their sub_code
CODES: Mapping[str, Act] = {
    **dict.fromkeys(("4", "5", "6", "7", "8"), "throttled"),
    "10": "retry",
    **dict.fromkeys(("26", "27"), "token"),
    **dict.fromkeys(("3", "9", "11", "12", "13", "24", "25"), "final"),
    **dict.fromkeys(("21", "22", "23", "28", "29", "30", "31", "32", "33", "34"), "final"),
    **dict.fromkeys(("40", "41", "42", "43"), "final"),
}
#: isp: the platform's side; its remote calls may have had their effect. isv: our mistake, never repeated
SUB_CODES: Mapping[str, Act] = {
    "isp.call-limited": "throttled",
    "accesscontrol.limited-by-*": "throttled",
    "isp.system-busy": "retry",
    "isp.*": "lost",
    "isv.*": "final",
}
_SECONDS = re.compile(r"(\d+)\s+(?:more\s+)?seconds?")

ORDER_FIELDS = (
    "tid,status,type,created,pay_time,modified,end_time,consign_time,post_fee,payment,total_fee,discount_fee,adjust_fee,"
    "received_payment,platform_subsidy_fee,shipping_type,step_trade_status,step_paid_fee,buyer_nick,buyer_open_uid,"
    "has_buyer_message,buyer_message,seller_memo,seller_flag,receiver_name,receiver_mobile,receiver_phone,receiver_state,"
    "receiver_city,receiver_district,receiver_town,receiver_address,receiver_zip,oaid,is_part_consign,promotion_details,"
    "orders"
)
BILL_FIELDS = "bid,account_id,trade_id,order_id,total_amount,amount,biz_time,pay_time,book_time,status,num_iid,alipay_outno,alipay_notice"
REFUND_FIELDS = (
    "refund_id,tid,oid,num_iid,sku,total_fee,refund_fee,payment,status,order_status,good_status,has_good_return,created,"
    "modified,reason,desc,title,num,company_name,sid,refund_phase,refund_version,dispute_type,end_time"
)


class Taobao(Platform):
    """One Taobao or Tmall shop."""

    name = "taobao"
    title = "Taobao / Tmall"
    source = "TOP API call method (articleId 101617) and the API descriptions on open.taobao.com, read 2025-11"
    home = "https://gw.api.taobao.com"
    entry = "/router/rest"
    options: ClassVar[Mapping[str, Option]] = {
        "sign_method": Option(help="how calls are signed", default="md5", choices=("md5", "hmac", "hmac-sha256")),
        "oauth_url": Option(help="where tokens are renewed", default=""),
    }
    # Newest modified first, and shifting while it is read: back to front is the only safe way.
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {
        "orders": (Scan(name="modified", paging="backward", size=50),),
        "refunds": (Scan(name="modified", paging="backward", size=50),),
    }
    capabilities = Capabilities(
        ship=ShipCapability(batch=1, partial=True, read_back=True),
        stock=StockCapability(mode="absolute", batch=20),
        merge_groups=True,
        statements=True,
    )
    max_lookback_days: ClassVar[Mapping[str, int]] = {"orders": 90, "refunds": 90}
    carriers: ClassVar[Mapping[str, str]] = {
        "SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YUNDA", "STO": "STO", "EMS": "EMS", "JD": "JD",
        "DEPPON": "DBKD",
    }  # fmt: skip
    doubtful: ClassVar[Mapping[str, str]] = {
        "ship_by": "not in the answer; paid_at plus the option ship_within_h",
        "platform_subsidy_fee": "taken as what the platform pays on top; the documents do not explain it",
        "orders.divide_order_fee": "taken as the line's share without freight",
        "orders.invoice_no": "read where sent; the list may leave it out, then line states decide",
        "adjustments.borne_by": "the split between merchant and platform is not told",
        "refunds.receive.get span": "not stated; windows as for orders",
        "consign_pkgs": "form of the ASCP ship notice, used only when one line is in several parcels",
        "carriers.DEPPON": "code from memory; taobao.logistics.companies.get lists them",
        "item.quantity.update": "parameters as for skus.quantity.update, with `quantity`",
    }

    # ================================================================ wire
    def request(self, call: Call, token: str) -> Request:
        """Sign all parameters, sorted, between two secrets (md5) or keyed with it (hmac), upper-case hex."""
        if call.api == "oauth.token":
            return self._oauth_request(call)
        params = {name: signing.flat(value) for name, value in call.params.items() if value is not None}
        params |= {
            "method": call.api,
            "app_key": self.connection.credentials.app_key,
            "timestamp": f"{self.now().astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
            "format": "json",
            "v": "2.0",
            "sign_method": self.option("sign_method"),
        }
        if token:
            params["session"] = token
        params = {name: value for name, value in params.items() if name and value != ""}
        params["sign"] = sign(params, self.connection.credentials.secret())
        return Request(url=self.address(self.entry), body=urlencode(params).encode(), headers=_FORM)

    def _oauth_request(self, call: Call) -> Request:
        credentials = self.connection.credentials
        form = {**call.params, "client_id": credentials.app_key, "client_secret": credentials.secret()}
        url = self.option("oauth_url") or self.address("/token", "https://oauth.taobao.com")
        return Request(url=url, body=urlencode(form).encode(), headers=_FORM)

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """An ``error_response`` under HTTP 200 is an error; the sub_code decides what the code leaves open."""
        body = answer.body
        if body.lstrip()[:1] != b"{":
            raise ValueError("not JSON")
        # Looking for the words is much cheaper than decoding a whole page a second time.
        if b'"error' not in body and b'"is_success"' not in body and b'"success"' not in body:
            return Verdict()
        envelope = wire.decode_envelope(body)
        if envelope.error is not None:
            return Verdict(act="final", code=text(envelope.error), message=text(envelope.error_description))
        error = envelope.error_response
        if error is None:
            return wire.write_verdict(body)
        code, sub = text(error.code), text(error.sub_code)
        act = CODES.get(code) or look_up(SUB_CODES, sub)
        message = text(error.sub_msg) or text(error.msg)
        wait = _SECONDS.search(message) if act == "throttled" else None
        return Verdict(
            act=act, code=sub or code, message=f"{code} {message}", request_id=text(error.request_id),
            wait_s=float(wait.group(1)) if wait else 0.0,
        )  # fmt: skip

    # ================================================================ reading
    def list_call(self, ask: Ask) -> Call:
        params: dict[str, Any] = {
            "start_modified": _time(ask.start),
            "end_modified": _time(ask.end),
            "page_no": ask.page + 1,
            "page_size": 1 if ask.count_only else ask.size,
            "use_has_next": not ask.total,
        }
        if ask.kind == "orders":
            light = ask.light or ask.count_only
            return Call(
                api="taobao.trades.sold.increment.get",
                params={**params, "fields": "tid,modified,status" if light else ORDER_FIELDS},
            )
        return Call(api="taobao.refunds.receive.get", params={**params, "fields": REFUND_FIELDS})

    def read_list(self, kind: str, body: bytes) -> Page:
        lists = wire.decode_lists(body)
        rows = lists.refunds_receive_get_response if kind == "refunds" else lists.trades_sold_increment_get_response
        if rows is None:
            return Page()
        inner = rows.refunds if kind == "refunds" else rows.trades
        return Page(
            items=wire.rows_in(inner, kind),
            total=None if rows.total_results is None else count(rows.total_results, "total_results"),
            more=None if rows.has_next is None else truth(rows.has_next, "has_next"),
        )

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        if kind == "refunds":
            return Call(api="taobao.refund.get", params={"fields": REFUND_FIELDS, "refund_id": numbers[0]})
        params = {"fields": ORDER_FIELDS, "tid": numbers[0], "include_oaid": "include_oaid"}
        return Call(api="taobao.trade.fullinfo.get", params=params)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        details = wire.decode_details(body)
        inner = details.refund_get_response if kind == "refunds" else details.trade_fullinfo_get_response
        if inner is None:
            return ()
        return raw_list(inner.refund if kind == "refunds" else inner.trade)

    def is_partial(self, document: Document) -> bool:
        """The list says that there is a message of the buyer, but only the detail holds it."""
        return isinstance(document, OrderDocument) and any(
            d.field == "buyer_remark" and d.why == "not_sent" for d in document.doubts
        )

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
        """One call per parcel that names its lines, so that it is right for a whole order and for its last part alike;
        the ASCP call when a line is in several parcels."""
        lines = [no for parcel in notice.parcels for no, *_ in parcel.lines]
        if len(set(lines)) < len(lines):
            return [self._ascp_call(notice)]
        calls = []
        for parcel in notice.parcels:
            params: dict[str, Any] = {
                "tid": notice.platform_order_no,
                "out_sid": parcel.waybill,
                "company_code": self.carrier(parcel.carrier),
            }
            if parcel.lines:
                params |= {"is_split": 1, "sub_tid": ",".join(no for no, *_ in parcel.lines)}
            calls.append(Call(api="taobao.logistics.offline.send", params=params))
        return calls

    def _ascp_call(self, notice: ShipNotice) -> Call:
        packages = [
            {
                "out_sid": parcel.waybill,
                "company_code": self.carrier(parcel.carrier),
                "goods": [{"sub_tid": no, "num": qty} for no, _, _, qty in parcel.lines],
            }
            for parcel in notice.parcels
        ]
        lines = dict.fromkeys(no for parcel in notice.parcels for no, *_ in parcel.lines)
        status = [{"sub_tid": no, "is_part_consign": not notice.complete} for no in lines]
        return Call(
            api="alibaba.ascp.logistics.offline.send",
            params={
                "tid": notice.platform_order_no, "consign_type": 1, "consign_pkgs": packages, "consign_status": status,
            },
        )  # fmt: skip

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """Variants of one item go together, at most 20; an item without variants alone."""
        calls: list[LevelCall] = []
        by_item: dict[str, list[LevelUpdate]] = {}
        for update in updates:
            if not update.product_id or update.product_id == update.listing_id:
                params = {"num_iid": update.listing_id, "quantity": update.qty, "type": 1}
                calls.append(LevelCall(api="taobao.item.quantity.update", params=params, updates=(update,)))
            else:
                by_item.setdefault(update.product_id, []).append(update)
        for item, variants in by_item.items():
            for i in range(0, len(variants), 20):
                part = variants[i : i + 20]
                params = {
                    "num_iid": item, "type": 1, "skuid_quantities": ";".join(f"{u.listing_id}:{u.qty}" for u in part),
                }  # fmt: skip
                calls.append(LevelCall(api="taobao.skus.quantity.update", params=params, updates=tuple(part)))
        return calls

    # ================================================================ statements, merge groups, tokens
    def merge_groups(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        """taobao.top.oaid.merge, at most 100 pairs a call; pairs of different calls are never in one group."""
        out: list[tuple[str, ...]] = []
        for i in range(0, len(pairs), 100):
            part = pairs[i : i + 100]
            call = Call(
                api="taobao.top.oaid.merge", params={"merge_list": [{"oaid": oaid, "tid": tid} for tid, oaid in part]}
            )
            out += wire.groups_in(self.call(call).body, [tid for tid, _ in part])
        return out

    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """Pages count from 1, a window is a day at most and holds 5,000 rows at most; by the time a trade finished."""
        params = {
            "fields": BILL_FIELDS, "start_time": _time(start), "end_time": _time(end - timedelta(seconds=1)), "time_type": 1,
            "page_no": int(cursor or 1), "page_size": 100,
        }  # fmt: skip
        return Call(api="taobao.bill.bills.get", params=params, about=f"statement page {cursor or 1}")

    def read_statement(self, body: bytes) -> Page:
        got = msgspec.json.decode(body, type=wire.Bills).bill_bills_get_response
        if got is None or got.total_results is None:
            raise ValueError("no list in it")
        return Page(items=wire.rows_in(got.bills, "bills"), more=truth(got.has_next, "has_next"))

    def token_call(self, old: AccessToken | None) -> Call:
        if old is None or not old.refresh:
            raise NotAuthorised("the merchant must authorise the app once", shop=self.shop)
        params = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        return Call(api="oauth.token", params=params, token=False, about="renew token")

    def read_token(self, body: bytes) -> AccessToken:
        got = msgspec.json.decode(body, type=wire.OAuth)
        if not got.access_token:
            raise NotAuthorised("the answer holds no token", shop=self.shop)
        now = self.now()
        refresh_s = count(got.re_expires_in, "re_expires_in", 0)
        return AccessToken(
            access=got.access_token,
            refresh=got.refresh_token,
            expires_at=now + timedelta(seconds=count(got.expires_in, "expires_in")),
            refresh_expires_at=now + timedelta(seconds=refresh_s) if refresh_s else None,
            seller_id=text(got.taobao_user_id),
        )


_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}


def sign(params: Mapping[str, str], secret: str) -> str:
    """The signature of all parameters but ``sign``, by the sign_method among them."""
    joined = signing.sorted_pairs({name: value for name, value in params.items() if name != "sign"})
    match params.get("sign_method", "md5"):
        case "hmac":
            return signing.hmac_hex(secret, joined, "md5").upper()
        case "hmac-sha256":
            return signing.hmac_hex(secret, joined, "sha256").upper()
        case _:
            return signing.sandwiched(params, secret)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
