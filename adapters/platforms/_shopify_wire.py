"""Shopify's envelopes as verdicts. Codes from the sources named in shopify.py."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from adapters.core.fields import Scalar, text
from adapters.core.rest import by_status, wait_of
from adapters.core.wire import Act, Answer, Verdict, look_up

#: extensions.code, or a user error's code → what to do; "internal" may hide an effect
CODES: Mapping[str, Act] = {
    "THROTTLED": "throttled",
    "INTERNAL_SERVER_ERROR": "lost",
    "IDEMPOTENCY_CONCURRENT_REQUEST": "retry",
    "ACCESS_DENIED": "authorise",
    **dict.fromkeys(("SHOP_INACTIVE", "MAX_COST_EXCEEDED"), "final"),
    # a document the schema does not know
    **dict.fromkeys(("undefinedField", "argumentLiteralsIncompatible", "missingRequiredArguments"), "final"),
    **dict.fromkeys(("variableMismatch", "variableNotDefined", "argumentNotAccepted", "selectionMismatch"), "final"),
}
#: HTTP status → what to do, where it is not what every REST interface means; 430 is the throttle of its security
STATUSES: Mapping[str, Act] = {"430": "throttled"}


class _Extensions(msgspec.Struct):
    code: Scalar = None


class _Error(msgspec.Struct):
    message: Scalar = None
    extensions: _Extensions | None = None
    #: of a user error
    code: Scalar = None


class _Throttle(msgspec.Struct):
    currentlyAvailable: Scalar = None
    restoreRate: Scalar = None


class _Cost(msgspec.Struct):
    requestedQueryCost: Scalar = None
    throttleStatus: _Throttle | None = None


class _Costs(msgspec.Struct):
    cost: _Cost | None = None


class _Envelope(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()
    errors: msgspec.Raw = msgspec.Raw()
    extensions: _Costs | None = None
    access_token: Scalar = None
    error: Scalar = None


class _Told(msgspec.Struct):
    userErrors: list[_Error] | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_errors = msgspec.json.Decoder(list[_Error]).decode
_decode_told = msgspec.json.Decoder(dict[str, _Told | None]).decode


def judge(answer: Answer) -> Verdict:
    """GraphQL: 200 always, the errors in a list. Token and REST answers: the status, the errors as a text or an object.

    Data beside errors is a part of what was asked for: it counts as failed.
    """
    got = _decode_envelope(answer.body)
    if answer.status >= 400:
        act = by_status(answer, STATUSES)
        message = text(got.error) or bytes(got.errors).decode()[:200]
        return Verdict(act=act, code=f"http_{answer.status}", message=message, wait_s=wait_of(answer))
    if bytes(got.errors) not in (b"", b"null", b"[]"):
        return _refused(_decode_errors(bytes(got.errors))[0], got.extensions)
    if not bytes(got.data):
        if got.access_token:
            return Verdict()
        raise ValueError("no data and no errors")
    return _told(bytes(got.data)) if b'"userErrors"' in answer.body else Verdict()


def _refused(error: _Error, costs: _Costs | None) -> Verdict:
    code = text(error.extensions.code) if error.extensions else ""
    act = look_up(CODES, code)
    wait = 0.0
    if act == "throttled" and costs is not None and costs.cost is not None and costs.cost.throttleStatus is not None:
        left, rate = costs.cost.throttleStatus.currentlyAvailable, _number(costs.cost.throttleStatus.restoreRate)
        missing = _number(costs.cost.requestedQueryCost) - _number(left)
        wait = math.ceil(missing / rate) if rate > 0 and missing > 0 else 1.0
    return Verdict(act=act, code=code, message=text(error.message), wait_s=wait)


def _told(data: bytes) -> Verdict:
    """The business errors of a mutation."""
    for told in _decode_told(data).values():
        for error in told.userErrors or () if told is not None else ():
            code = text(error.code)
            return Verdict(act=CODES.get(code, "final"), code=code or "user_error", message=text(error.message))
    return Verdict()


def _number(value: Scalar) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
