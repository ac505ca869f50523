"""What Taobao's answers hold around the trades: envelopes, lists, merge groups, and whether a notice was taken."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.core.fields import Scalar, ident, raw_list, text, truth
from adapters.core.wire import Verdict


class Error(msgspec.Struct):
    code: Scalar = None
    msg: Scalar = None
    sub_code: Scalar = None
    sub_msg: Scalar = None
    request_id: Scalar = None


class OAuth(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    re_expires_in: Scalar = None
    taobao_user_id: Scalar = None


class Envelope(msgspec.Struct):
    error_response: Error | None = None
    error: Scalar = None
    error_description: Scalar = None


class Rows(msgspec.Struct):
    trades: msgspec.Raw = msgspec.Raw()
    refunds: msgspec.Raw = msgspec.Raw()
    has_next: Scalar = None
    total_results: Scalar = None


class Lists(msgspec.Struct):
    trades_sold_increment_get_response: Rows | None = None
    refunds_receive_get_response: Rows | None = None


class BillRows(msgspec.Struct):
    bills: msgspec.Raw = msgspec.Raw()
    has_next: Scalar = None
    total_results: Scalar = None


class Bills(msgspec.Struct):
    bill_bills_get_response: BillRows | None = None


class Inner(msgspec.Struct):
    trade: msgspec.Raw = msgspec.Raw()
    refund: msgspec.Raw = msgspec.Raw()
    bill_dto: msgspec.Raw = msgspec.Raw()


class Details(msgspec.Struct):
    trade_fullinfo_get_response: Inner | None = None
    refund_get_response: Inner | None = None


class Strings(msgspec.Struct):
    string: list[Scalar] | Scalar = None


class Merged(msgspec.Struct):
    tid_list: Strings | list[Scalar] | None = None


class Merge(msgspec.Struct):
    top_oaid_merge_response: Merged | None = None


decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_lists = msgspec.json.Decoder(Lists).decode
decode_details = msgspec.json.Decoder(Details).decode
decode_inner = msgspec.json.Decoder(Inner).decode


def rows_in(inner: msgspec.Raw, kind: str) -> list[bytes]:
    """The elements of ``trades.trade``; simplified answers leave the inner name out."""
    if bytes(inner).lstrip()[:1] != b"{":
        return raw_list(inner)
    named = decode_inner(inner)
    return raw_list({"refunds": named.refund, "bills": named.bill_dto}.get(kind, named.trade))


class Success(msgspec.Struct):
    is_success: Scalar = None
    success: Scalar = None


class Written(msgspec.Struct):
    shipping: Success | None = None
    result: Success | None = None


class WrittenAnswer(msgspec.Struct):
    logistics_offline_send_response: Written | None = None
    alibaba_ascp_logistics_offline_send_response: Written | None = None


def write_verdict(body: bytes) -> Verdict:
    """A ship notice can fail inside a good envelope."""
    answer = msgspec.json.decode(body, type=WrittenAnswer)
    written = answer.logistics_offline_send_response or answer.alibaba_ascp_logistics_offline_send_response
    for part in (written.shipping, written.result) if written else ():
        told = None if part is None else (part.is_success if part.is_success is not None else part.success)
        if told is not None and not truth(told, "is_success"):
            return Verdict(act="final", code="not_successful", message="the notice was not taken")
    return Verdict()


def groups_in(body: bytes, asked: Sequence[str]) -> list[tuple[str, ...]]:
    answer = msgspec.json.decode(body, type=Merge).top_oaid_merge_response
    told = answer.tid_list if answer else None
    rows = told.string if isinstance(told, Strings) else told
    groups = [tuple(p for p in text(row).split(",") if p) for row in (rows if isinstance(rows, list) else [rows])]
    known = {ident(number, "tid") for group in groups for number in group}
    return [g for g in groups if g] + [(n,) for n in asked if n not in known]
