"""The calling loop: limit the rate, sign, send, judge, wait, renew the token, repeat, count for the breaker.

A platform gives three things: a signed request for a call, a verdict on an answer, and how a token is renewed. All the
rest happens here. Reading is repeated when it failed in passing; writing only when it surely had no effect.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from adapters.core.transport import Transport
from adapters.core.wire import Answer, Call, Fault, Request, Verdict
from adapters.errors import (
    AdapterError,
    AnswerLost,
    BadAnswer,
    NotAuthorised,
    QuotaSpent,
    Refused,
    Retryable,
    Throttled,
    TokenExpired,
)
from adapters.ports import AccessToken, Connection, Limit

log = logging.getLogger("oms.adapters")

#: a wait longer than this is not slept through: the quota is spent
LONG_WAIT_S = 600.0
#: "too many calls" in a row that one call puts up with
MAX_THROTTLES = 20
#: an early renewal that failed is not tried again for so long
RENEW_AGAIN_S = 60.0
#: faults kept for the run record
MAX_FAULTS = 1000


class Dialect(Protocol):
    """What the loop needs of a platform."""

    @property
    def name(self) -> str: ...

    @property
    def renew_before_s(self) -> float: ...

    def request(self, call: Call, token: str) -> Request: ...

    def verdict(self, call: Call, answer: Answer) -> Verdict: ...

    def make_token(self, old: AccessToken | None) -> AccessToken: ...

    def limit(self, group: str) -> Limit: ...


class Caller:
    """Makes calls for one shop; thread-safe."""

    def __init__(self, platform: Dialect, connection: Connection) -> None:
        self._platform = platform
        self._c = connection
        self.transport = Transport(connection)
        self._token: AccessToken | None = None
        self._renew_not_before = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque(maxlen=MAX_FAULTS)

    # ---- faults
    def drain_faults(self) -> list[Fault]:
        """Take what went wrong on the wire since the last time, also what a repetition healed."""
        out: list[Fault] = []
        while True:
            try:
                out.append(self._faults.popleft())
            except IndexError:
                return out

    def _note(self, call: Call, act: str, error: AdapterError, request_no: str) -> None:
        text = Exception.__str__(error).removeprefix(call.label).lstrip(": ")
        self._faults.append(
            Fault(
                at=self._c.clock.now(), shop=self._c.shop, call=call.label, act=act, code=error.code, message=text,
                request_id=error.request_id, request_no=request_no,
            )
        )  # fmt: skip
        log.info(
            "%s: %s: %s %s (code %s, request %s)", self._c.shop, call.label, act, text, error.code, error.request_id
        )

    # ---- the loop
    def call(self, call: Call) -> Answer:
        """Make one call and return its good answer.

        Raises:
            Refused, BadAnswer, Unknown code (BadAnswer): final. Retryable, Throttled: still failing after the waits.
            AnswerLost: a write whose effect is not known. QuotaSpent, NotAuthorised, ShopBroken: the shop must rest.
        """
        self._c.breaker.check()
        try:
            answer = self._persist(call)
        except (Refused, QuotaSpent):
            # The platform answered: it is well, whatever it thinks of this call.
            self._c.breaker.success()
            raise
        except AdapterError as error:
            self._c.breaker.failure(error)
            raise
        self._c.breaker.success()
        return answer

    def plain(self, call: Call) -> Answer:
        """Make one call inside another one (renewing a token): as `call`, without counting for the breaker."""
        return self._persist(call)

    def _persist(self, call: Call) -> Answer:
        started = self._c.clock.now()
        waits = list(self._c.retry.waits_s)
        renewed, throttles = False, 0
        while True:
            token = self._current_token() if call.token else None
            try:
                return self._once(call, token)
            except TokenExpired as error:
                if renewed:
                    raise NotAuthorised(
                        f"{call.label}: refused with a fresh token", code=error.code, shop=self._c.shop,
                        request_id=error.request_id,
                    ) from error  # fmt: skip
                renewed = True
                self.renew(token)
            except Throttled as error:
                throttles += 1
                wait = error.retry_after_s or (waits.pop(0) if waits else 0.0)
                if not wait or throttles > MAX_THROTTLES or not self._time_left(started, wait):
                    raise
                # Whoever shares this key waits too; the next `take` makes us wait.
                self._c.limiter.push_back(self._key(call), wait)
            except AnswerLost as error:
                if call.write or not waits:
                    raise
                self._pause(started, waits.pop(0), error)
            except Retryable as error:
                if not waits:
                    raise
                self._pause(started, max(waits.pop(0), error.retry_after_s), error)

    def _pause(self, started: datetime, wait: float, error: AdapterError) -> None:
        if not self._time_left(started, wait):
            raise error
        self._c.clock.sleep(wait)

    def _time_left(self, started: datetime, wait: float) -> bool:
        return (self._c.clock.now() - started).total_seconds() + wait <= self._c.retry.within_s

    def _key(self, call: Call) -> str:
        return f"{self._platform.name}:{self._c.credentials.app_key}:{self._c.shop}:{call.group or call.api}"

    def _once(self, call: Call, token: AccessToken | None) -> Answer:
        wait = self._c.limiter.take(self._key(call), self._platform.limit(call.group or call.api), cost=call.cost)
        if wait > 0:
            self._c.clock.sleep(wait)
        request = self._platform.request(call, token.access if token else "")
        request_no = ""
        try:
            answer = self.transport.send(request, call.label)
            request_no = answer.request_no
            error = self._error(call, answer)
        except AdapterError as failed:
            self._note(call, type(failed).__name__, failed, request_no or failed.request_id)
            raise
        if error is not None:
            self._note(call, type(error).__name__, error, request_no)
            raise error
        log.debug("%s: %s: ok, %d bytes, request %s", self._c.shop, call.label, len(answer.body), request_no)
        return answer

    # ---- judging
    def _error(self, call: Call, answer: Answer) -> AdapterError | None:
        shop, request_id = self._c.shop, answer.headers.get("x-request-id", "") or answer.request_no
        if answer.status == 429:
            return Throttled(
                call.label, retry_after_s=self._retry_after(answer), code="429", shop=shop, request_id=request_id
            )
        if answer.status >= 500:
            kind = AnswerLost if call.write else Retryable
            return kind(
                f"{call.label}: the server failed", retry_after_s=self._retry_after(answer), code=str(answer.status),
                shop=shop, request_id=request_id,
            )  # fmt: skip
        try:
            verdict = self._platform.verdict(call, answer)
        except (ValueError, AttributeError, TypeError) as error:
            # A proxy's page or half an answer: nobody knows what happened over there.
            lost = AnswerLost if call.write else Retryable
            return lost(
                f"{call.label}: the answer is no envelope of this platform ({type(error).__name__})",
                code=f"http_{answer.status}", shop=shop, request_id=request_id,
            )  # fmt: skip
        if verdict.act == "ok":
            if answer.status >= 400:
                return BadAnswer(call.label, code=f"http_{answer.status}", shop=shop, request_id=request_id)
            return None
        return self._by_verdict(call, verdict, verdict.request_id or request_id)

    def _by_verdict(self, call: Call, verdict: Verdict, request_id: str) -> AdapterError:
        text = f"{call.label}: {verdict.message}" if verdict.message else call.label
        code, shop, wait = verdict.code, self._c.shop, verdict.wait_s
        match verdict.act:
            case "retry":
                return Retryable(text, retry_after_s=wait, code=code, shop=shop, request_id=request_id)
            case "lost":
                kind = AnswerLost if call.write else Retryable
                return kind(text, retry_after_s=wait, code=code, shop=shop, request_id=request_id)
            case "throttled" if wait <= LONG_WAIT_S:
                return Throttled(text, retry_after_s=wait, code=code, shop=shop, request_id=request_id)
            case "throttled" | "quota":
                until = self._c.clock.now() + timedelta(seconds=wait or LONG_WAIT_S)
                error = QuotaSpent(text, until=until, code=code, shop=shop)
                error.request_id = request_id
                return error
            case "token":
                return TokenExpired(text, code=code, shop=shop, request_id=request_id)
            case "authorise":
                return NotAuthorised(text, code=code, shop=shop, request_id=request_id)
            case "final" | "already":
                refused = Refused(text, code=code, shop=shop, request_id=request_id)
                refused.already = verdict.act == "already"
                return refused
            case _:
                return BadAnswer(f"{text}: unknown error code", code=code, shop=shop, request_id=request_id)

    def _retry_after(self, answer: Answer) -> float:
        """Seconds of a Retry-After header, which is a number or a date; 0 without one."""
        value = answer.headers.get("retry-after", "").strip()
        if not value:
            return 0.0
        try:
            return max(float(value), 0.0)
        except ValueError:
            pass
        try:
            at = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return 0.0
        return max((at.astimezone(UTC) - self._c.clock.now()).total_seconds(), 0.0)

    # ---- tokens
    def _current_token(self) -> AccessToken:
        fixed = self._c.credentials.token
        if fixed is not None:
            return AccessToken(access=fixed())
        with self._lock:
            token = self._token
        if token is None:
            token = self._c.tokens.load()
        if token is None:
            return self.renew(None)
        left = self._left(token)
        if left <= 0:
            return self.renew(token)
        if left <= self._platform.renew_before_s and self._c.clock.now() >= self._renew_not_before:
            return self._renew_early(token)
        self._keep(token)
        return token

    def _left(self, token: AccessToken) -> float:
        """Seconds until the token ends."""
        if token.expires_at is None:
            return float("inf")
        return (token.expires_at - self._c.clock.now()).total_seconds()

    def _renew_early(self, token: AccessToken) -> AccessToken:
        """Renew before the end; a token that still holds is used on when that fails, and renewal is tried later."""
        self._renew_not_before = self._c.clock.now() + timedelta(seconds=RENEW_AGAIN_S)
        try:
            return self.renew(token)
        except AdapterError as error:
            log.warning("%s: the token could not be renewed early: %s", self._c.shop, error)
            self._keep(token)
            return token

    def renew(self, old: AccessToken | None) -> AccessToken:
        """Renew the shop's token; only one process does it, the others get what it got.

        Raises:
            NotAuthorised: it cannot be renewed; the merchant must authorise again.
        """
        if self._c.credentials.token is not None:
            raise NotAuthorised("the token in the settings is not valid any more", shop=self._c.shop)
        make: Callable[[], AccessToken] = lambda: self._platform.make_token(old)  # noqa: E731
        token = self._c.tokens.renew(old, make)
        if token.seller_id and token.seller_id != self._c.credentials.seller_id:
            raise NotAuthorised(
                f"the token belongs to seller {token.seller_id}, not to {self._c.credentials.seller_id}",
                shop=self._c.shop,
            )
        self._keep(token)
        return token

    def _keep(self, token: AccessToken) -> None:
        with self._lock:
            self._token = token
