"""The calling loop of a payment channel: sign, send, judge, verify, wait, repeat what is safe to repeat.

An answer counts only when its signature was verified. A call whose effect must not be doubled (`Call.write`: money) is
repeated only when it surely did not arrive; all others also when their answer was lost.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import httpx

from adapters.core.transport import Transport, Wired
from adapters.core.wire import Answer, Call, Fault, Request, Verdict
from adapters.errors import (
    AdapterError,
    AnswerLost,
    BadAnswer,
    KeysRefused,
    Refused,
    Retryable,
    Throttled,
)
from adapters.ports import Clock

log = logging.getLogger("oms.payments")
#: kept until a run takes them into its record
MAX_FAULTS = 1000


class Dialect(Protocol):
    """What the loop needs of a channel."""

    def request(self, call: Call) -> Request: ...

    def verdict(self, call: Call, answer: Answer) -> Verdict: ...

    def verify(self, call: Call, answer: Answer) -> None: ...


class BoundedTransport(Transport):
    """Reads answers up to a size and within a time, as they are on the wire: nothing is unpacked while reading, so that a
    small answer cannot become a large one."""

    def __init__(self, connection: Wired) -> None:
        super().__init__(connection)
        self.most = 0
        self._within_s = connection.retry.within_s

    def exchange(self, request: Request, headers: Mapping[str, str]) -> httpx.Response:
        ends = time.monotonic() + self._within_s
        ask = {"Accept-Encoding": "identity", **headers}
        try:
            stream = self.client.stream(request.method, request.url, content=request.body or None, headers=ask)
            with stream as response:
                body = self._read(response, ends)
        except httpx.InvalidURL:
            raise BadAnswer("an address that is none", code="bad_url") from None
        kept = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in _OF_TRANSFER]
        return httpx.Response(response.status_code, headers=kept, content=body)

    def _read(self, response: httpx.Response, ends: float) -> bytes:
        parts, size = [], 0
        # A scripted transport hands over answers that are read already.
        for part in (response.content,) if response.is_stream_consumed else response.iter_raw():
            size += len(part)
            if size > self.most:
                raise BadAnswer(f"an answer of more than {self.most} bytes", code="too_big")
            if time.monotonic() > ends:
                raise httpx.ReadTimeout("the whole answer took too long")
            parts.append(part)
        return b"".join(parts)


#: headers that describe the transfer, not the bytes we keep
_OF_TRANSFER = frozenset({"content-encoding", "transfer-encoding", "content-length"})


class CallPorts(Wired, Protocol):
    """What the loop needs of a connection."""

    @property
    def clock(self) -> Clock: ...


class Caller:
    """Makes calls for one channel; thread-safe."""

    def __init__(self, channel: Dialect, connection: CallPorts, most: int) -> None:
        self._channel = channel
        self._c = connection
        self.transport = BoundedTransport(connection)
        self.transport.most = most
        self.downloads = BoundedTransport(connection)
        self._faults: deque[Fault] = deque(maxlen=MAX_FAULTS)

    def drain_faults(self) -> list[Fault]:
        """Take what went wrong on the wire since the last time, also what a repetition healed."""
        out: list[Fault] = []
        while self._faults:
            out.append(self._faults.popleft())
        return out

    def note(self, label: str, error: AdapterError, request_no: str) -> None:
        """Keep what went wrong with a request, for the record of the run."""
        text = Exception.__str__(error).removeprefix(label).lstrip(": ")
        self._faults.append(
            Fault(
                at=self._c.clock.now(), shop=self._c.shop, call=label, act=type(error).__name__, code=error.code, message=text,
                request_id=error.request_id, request_no=request_no or error.request_id,
            )
        )  # fmt: skip
        log.info("%s: %s: %s %s", self._c.shop, label, type(error).__name__, error.code)

    def close(self) -> None:
        self.transport.close()
        self.downloads.close()

    def call(self, call: Call) -> Answer:
        """Make one call and return its good, verified answer.

        Raises:
            Refused, KeysRefused, BadAnswer, NotVerified: final. Retryable, Throttled: surely without effect, still failing
            after the waits. AnswerLost: its effect is not known.
        """
        return self.persist(call.write, lambda: self.once(call))

    def persist(self, write: bool, act: Callable[[], Answer]) -> Answer:
        """Do something over the wire until it holds, as long as it is safe and the waits allow."""
        started = self._c.clock.now()
        waits = list(self._c.retry.waits_s)
        while True:
            try:
                return act()
            except Retryable as error:
                if not waits or (write and isinstance(error, AnswerLost)):
                    raise
                self._pause(started, max(waits.pop(0), error.retry_after_s), error)

    def _pause(self, started: datetime, wait: float, error: AdapterError) -> None:
        if (self._c.clock.now() - started).total_seconds() + wait > self._c.retry.within_s:
            raise error
        self._c.clock.sleep(wait)

    def once(self, call: Call) -> Answer:
        """One attempt of `call`."""
        answer = None
        try:
            answer = self.transport.send(self._channel.request(call), call.label)
            error = self._error(call, answer)
            if error is not None:
                raise error
            self._channel.verify(call, answer)
        except AdapterError as failed:
            failed.shop = failed.shop or self._c.shop
            self.note(call.label, failed, answer.request_no if answer else "")
            raise
        log.debug("%s: %s: ok, %d bytes, request %s", self._c.shop, call.label, len(answer.body), answer.request_no)
        return answer

    def _error(self, call: Call, answer: Answer) -> AdapterError | None:
        request_id = answer.headers.get("request-id", "") or answer.request_no
        try:
            verdict = self._channel.verdict(call, answer)
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            # A proxy's page or half an answer: nobody knows what happened over there.
            return AnswerLost(
                f"{call.label}: no envelope of this channel ({type(error).__name__})",
                code=f"http_{answer.status}", shop=self._c.shop, request_id=request_id,
            )  # fmt: skip
        return None if verdict.act == "ok" else by_verdict(call, verdict, self._c.shop, request_id)


def by_verdict(call: Call, verdict: Verdict, shop: str, request_id: str) -> AdapterError:
    """The error of a verdict that is not ``ok``."""
    text = f"{call.label}: {verdict.message}" if verdict.message else call.label
    code, request_id = verdict.code, verdict.request_id or request_id
    match verdict.act:
        case "retry":
            return Retryable(text, retry_after_s=verdict.wait_s, code=code, shop=shop, request_id=request_id)
        case "lost":
            return AnswerLost(text, retry_after_s=verdict.wait_s, code=code, shop=shop, request_id=request_id)
        case "throttled" | "quota":
            return Throttled(text, retry_after_s=verdict.wait_s, code=code, shop=shop, request_id=request_id)
        case "authorise" | "token":
            return KeysRefused(text, code=code, shop=shop, request_id=request_id)
        case "final" | "already":
            return Refused(text, code=code, shop=shop, request_id=request_id)
        case _:
            return BadAnswer(f"{text}: unknown error code", code=code, shop=shop, request_id=request_id)
