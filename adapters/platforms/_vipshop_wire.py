"""What Vipshop's answers hold around orders and cases: an envelope for all, and refusals under a good code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from adapters.core.fields import Scalar, as_list, count, ident, raw_list, text, truth
from adapters.core.wire import Act, Verdict
from adapters.documents import NoticeParcel
from adapters.platforms.base import Page

T = TypeVar("T")

#: codes of the gateway; those of the services are their own and in no table
CODES: Mapping[str, Act] = {
    "0": "ok",
    **dict.fromkeys(("vipapis.sys_other_error", "vipapis.response-timeOut"), "lost"),
    "vipapis.base-api.error": "retry",
    "vipapis.app-flow-overrun": "quota",
    "vipapis.oauth-invalidate-failure": "token",
    **dict.fromkeys(
        (
            "vipapis.sign-not-match", "vipapis.miss-parameter", "vipapis.parameter-notmatch", "vipapis.request-data-max",
            "vipapis.path.Error", "vipapis.ext-attr-invalidate-failure", "vipapis.appkey-not-exist",
            "vipapis.api-invalidate-permission", "vipapis.white-ip-not-exist", "vipapis.ip-in-blackList",
            "vipapis.appKey-in-blackList",
        ),
        "final",
    ),
}  # fmt: skip
CARRIER_NAMES = {
    "shunfeng": "顺丰速运", "yuantong": "圆通速递", "zhongtong": "中通快递", "yunda": "韵达快递", "shentong": "申通快递",
    "ems": "邮政EMS", "jd": "京东快递", "debang": "德邦快递",
}  # fmt: skip


class Failed(msgspec.Struct):
    result_desc: Scalar = None


class Told(msgspec.Struct):
    """What a good answer to a write still refuses."""

    fail_num: Scalar = None
    fail_data: list[Failed] | Failed | None = None
    success: Scalar = None


class Envelope(msgspec.Struct):
    returnCode: Scalar = None
    returnMessage: Scalar = None
    result: msgspec.Raw = msgspec.Raw()


class Rows(msgspec.Struct):
    """Lists under their several names; one that is missing is empty bytes."""

    total: Scalar = None
    has_next: Scalar = None
    orders: msgspec.Raw = msgspec.Raw()
    ascs: msgspec.Raw = msgspec.Raw()
    cancelInfos: msgspec.Raw = msgspec.Raw()
    details: msgspec.Raw = msgspec.Raw()


class Lines(msgspec.Struct):
    order_id: Scalar = None
    order_products: msgspec.Raw = msgspec.Raw(b"null")


class Level(msgspec.Struct):
    sku_id: Scalar = None
    leaving_stock: Scalar = None


class Levels(msgspec.Struct):
    sku_stocks: list[Level] | Level | None = None


class Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None


decode = msgspec.json.Decoder(Envelope).decode


def result_of(body: bytes, kind: type[T]) -> T:
    """The result of a good answer; nothing is an empty object."""
    raw = bytes(decode(body).result)
    return msgspec.json.decode(raw if raw.strip() not in (b"", b"null") else b"{}", type=kind)


def joined(raw: bytes, name: str, value: bytes) -> bytes:
    """A JSON object with one more member, everything else untouched."""
    return raw.rstrip().removesuffix(b"}") + b',"' + name.encode() + b'":' + value + b"}"


def lines_of(result: bytes) -> dict[str, bytes]:
    """Order number → its products as they came."""
    found = [msgspec.json.decode(raw, type=Lines) for raw in raw_list(result)]
    return {ident(x.order_id, "order_id"): bytes(x.order_products) for x in found}


def ids_page(numbers: list[str]) -> Page:
    """A list that tells no total and nothing of further pages: a short page is the last."""
    return Page(ids=numbers, more=None if numbers else False)


def ship_of(number: str, carrier: str, parcels: Sequence[NoticeParcel]) -> dict[str, Any]:
    packages = [
        {
            "transport_no": parcel.waybill,
            "package_product_list": [{"sku_id": sku, "amount": qty} for _, sku, _, qty in parcel.lines],
        }
        for parcel in parcels
    ]
    return {
        "order_id": number,
        "carrier_code": carrier,
        "carrier_name": CARRIER_NAMES.get(carrier, carrier),
        "package_type": 1 if len(parcels) == 1 else 2,
        "packages": packages,
    }


def refusal(got: Envelope) -> Verdict:
    """What a good answer to a write still refuses: of a notice as a count, of a level as a truth value."""
    told = msgspec.json.decode(bytes(got.result) or b"null", type=Told | None) or Told()
    message = text(got.returnMessage)
    if count(told.fail_num, "fail_num", 0):
        failed = as_list(told.fail_data)
        return Verdict(act="final", code="not_shipped", message=text(failed[0].result_desc) if failed else message)
    if told.success is not None and not truth(told.success, "success"):
        return Verdict(act="final", code="not_set", message=message)
    return Verdict()
