"""Errors of the outside world, grouped by what the caller does next. Exit codes 10–19."""

from __future__ import annotations

from datetime import datetime


class AdapterError(Exception):
    """The other side failed."""

    exit_code = 10
    hint = "oms status"

    def __init__(self, message: str = "", *, code: str = "", shop: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.shop = shop
        #: the platform's own id of the request, for its support
        self.request_id = request_id

    def __str__(self) -> str:
        head = (self.__doc__ or "").strip().splitlines()[0]
        parts = [head, super().__str__()]
        if self.code:
            parts.append(f"code {self.code}")
        if self.request_id:
            parts.append(f"request {self.request_id}")
        return " · ".join(p for p in parts if p)


class Retryable(AdapterError):
    """The call failed in passing and may be repeated."""

    exit_code = 11

    def __init__(
        self,
        message: str = "",
        *,
        retry_after_s: float = 0.0,
        code: str = "",
        shop: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, code=code, shop=shop, request_id=request_id)
        self.retry_after_s = retry_after_s


class AnswerLost(Retryable):
    """The call was sent and no answer came; it may have taken effect."""

    exit_code = 11


class Throttled(Retryable):
    """The platform says: too many calls."""

    exit_code = 12


class TokenExpired(AdapterError):
    """The access token is no longer valid."""

    exit_code = 13
    hint = "oms shop token SHOP"


class NotAuthorised(AdapterError):
    """The shop must be authorised again by the merchant."""

    exit_code = 13
    hint = "oms shop token SHOP --store"


class Refused(AdapterError):
    """The platform refuses this call for good."""

    exit_code = 14
    #: the platform refused because the asked state was there already
    already = False


class BadAnswer(AdapterError):
    """The platform's answer is not what its documents say."""

    exit_code = 15
    hint = "oms sync parse --platform P FILE"


class QuotaSpent(AdapterError):
    """The platform's quota for today is used up."""

    exit_code = 16

    def __init__(self, message: str = "", *, until: datetime | None = None, code: str = "", shop: str = "") -> None:
        super().__init__(message, code=code, shop=shop)
        self.until = until


class ShopBroken(AdapterError):
    """The shop failed too often; its breaker is open."""

    exit_code = 17


class Unsupported(AdapterError):
    """This platform cannot do that."""

    exit_code = 18


class PagingLoop(BadAnswer):
    """The platform keeps sending the same page."""

    exit_code = 15


class UnknownPlatform(AdapterError):
    """There is no adapter of that name."""

    exit_code = 19
    hint = "oms shop list --platforms"


class Uncertain(AnswerLost):
    """The payment channel took the call and nobody knows what came of it; read it back before anything else."""

    exit_code = 11


class NotYet(Retryable):
    """The payment channel has not made that yet."""

    exit_code = 11


class KeysRefused(NotAuthorised):
    """The payment channel does not accept our keys, ids or clock."""

    exit_code = 13
    hint = "oms doctor"


class NotVerified(BadAnswer):
    """The signature does not prove who sent this, or when."""

    exit_code = 15
    hint = "oms doctor"

    def __init__(self, reason: str, detail: str = "", *, shop: str = "") -> None:
        super().__init__(detail, code=reason, shop=shop)
        #: a word: missing_header, bad_time, too_old, probe, unknown_key, signature, other_merchant, …
        self.reason = reason


class Unreadable(BadAnswer):
    """It is signed as it should be, and does not say what the documents say it says."""

    exit_code = 15
    hint = "oms status"

    def __init__(self, reason: str, detail: str = "", *, shop: str = "") -> None:
        super().__init__(detail, code=reason, shop=shop)
        #: a word: not_json, decrypt, missing_field, bad_money, bad_time, unknown_status, too_big, …
        self.reason = reason
