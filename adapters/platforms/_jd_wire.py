"""What JD's answers hold around the orders: a reply under a name of its own, and whether it succeeded under several names."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from adapters.core.fields import Scalar, text, truth
from adapters.core.wire import Verdict

T = TypeVar("T")


class Told(msgspec.Struct):
    """Blocks that say whether a call succeeded, under their several names."""

    success: Scalar = None
    englishErrCode: Scalar = None
    chineseErrCode: Scalar = None
    numberCode: Scalar = None
    message: Scalar = None


class Result(Told):
    apiResult: Told | None = None


class Reply(msgspec.Struct):
    code: Scalar = None
    zh_desc: Scalar = None
    en_desc: Scalar = None
    searchorderinfo_result: Result | None = None
    orderDetailInfo: Result | None = None
    sopjosshipment_result: Told | None = None
    queryResult: Told | None = None
    pageResult: Told | None = None
    replyResult: Told | None = None
    returnType: Told | None = None


class OAuth(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: Scalar = None
    code: Scalar = None
    msg: Scalar = None
    requestId: Scalar = None


class Rows(msgspec.Struct):
    orderTotal: Scalar = None
    orderInfoList: msgspec.Raw = msgspec.Raw()
    orderInfo: msgspec.Raw = msgspec.Raw()
    totalCount: Scalar = None
    result: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class Listing(msgspec.Struct):
    searchorderinfo_result: Rows | None = None
    orderDetailInfo: Rows | None = None
    queryResult: Rows | None = None
    pageResult: Rows | None = None


class Failure(msgspec.Struct):
    data: Scalar = None
    message: Scalar = None


class Failures(msgspec.Struct):
    updateStockResult: list[Failure] | Failure | None = None


class Stock(msgspec.Struct):
    obj: Failures | None = None


class StockReply(msgspec.Struct):
    returnType: Stock | None = None


decode_reply = msgspec.json.Decoder(dict[str, Reply]).decode
decode_listing = msgspec.json.Decoder(dict[str, Listing]).decode
decode_stock = msgspec.json.Decoder(dict[str, StockReply]).decode


def first(replies: dict[str, T]) -> T:
    return next(iter(replies.values()))


def oauth_verdict(body: bytes) -> Verdict:
    got = msgspec.json.decode(body, type=OAuth)
    if got.access_token:
        return Verdict()
    return Verdict(act="final", code=text(got.code), message=text(got.msg), request_id=text(got.requestId))


def business_verdict(reply: Reply) -> Verdict:
    told: list[Told | None] = [
        reply.sopjosshipment_result, reply.queryResult, reply.pageResult, reply.replyResult, reply.returnType,
    ]  # fmt: skip
    for result in (reply.searchorderinfo_result, reply.orderDetailInfo):
        told.append(result.apiResult if result is not None else None)
    for block in told:
        if block is not None and block.success is not None and not truth(block.success, "success"):
            code = text(block.englishErrCode) or text(block.numberCode) or "not_successful"
            return Verdict(act="final", code=code, message=text(block.chineseErrCode) or text(block.message))
    return Verdict()
