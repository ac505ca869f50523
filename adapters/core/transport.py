"""One kept HTTP client per adapter: TLS 1.2 at least, timeouts, and httpx's errors sorted by what may have happened."""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, cast

import httpx

from adapters.core.wire import Answer, Request
from adapters.errors import AnswerLost, Retryable
from adapters.ports import Retry

# Both log whole URLs below this level, and some platforms carry their access token in the query.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def tls_context() -> ssl.SSLContext:
    """System trust store, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Wired(Protocol):
    """What sending needs of a connection."""

    @property
    def shop(self) -> str: ...

    @property
    def retry(self) -> Retry: ...

    @property
    def transport(self) -> object | None: ...


class Transport:
    """Sends requests for one shop over kept connections; thread-safe."""

    def __init__(self, connection: Wired) -> None:
        self._shop = connection.shop
        self._timeout = connection.retry.timeout_s
        self._given = cast("httpx.BaseTransport | None", connection.transport)
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._closed = False
        self._date: datetime | None = None

    @property
    def client(self) -> httpx.Client:
        # Made on first use: parsing answers and reading capabilities need no connection.
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the adapter of shop {self._shop} is closed")
            if self._client is None:
                verify = tls_context() if self._given is None else True
                self._client = httpx.Client(
                    verify=verify,
                    transport=self._given,
                    timeout=httpx.Timeout(self._timeout, connect=min(self._timeout, 10.0)),
                    follow_redirects=False,
                    trust_env=False,
                )
            return self._client

    def send(self, request: Request, label: str) -> Answer:
        """Send once.

        Raises:
            Retryable: nothing was sent. AnswerLost: it was, and no whole answer came.
        """
        request_no = secrets.token_hex(8)
        try:
            response = self.exchange(request, {**request.headers, "X-Request-Id": request_no})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise Retryable(
                f"{label}: no connection", code=type(error).__name__, shop=self._shop, request_id=request_no
            ) from None
        except httpx.HTTPError as error:
            # `from None`: httpx's errors carry the request, whose URL may hold a token.
            raise AnswerLost(
                f"{label}: no whole answer", code=type(error).__name__, shop=self._shop, request_id=request_no
            ) from None
        self._note_date(response.headers.get("date", ""))
        return Answer(
            status=response.status_code,
            body=response.content,
            headers={k.lower(): v for k, v in response.headers.items()},
            request_no=request_no,
        )

    def exchange(self, request: Request, headers: Mapping[str, str]) -> httpx.Response:
        """Send over the wire and read the whole answer; raises httpx's errors."""
        return self.client.request(
            request.method,
            request.url,
            params=dict(request.query) or None,
            content=request.body or None,
            headers={"Accept-Encoding": "gzip", **headers},
        )

    def _note_date(self, text: str) -> None:
        if not text:
            return
        try:
            self._date = parsedate_to_datetime(text).astimezone(UTC)
        except (TypeError, ValueError):
            return

    @property
    def last_date(self) -> datetime | None:
        """The clock of the other side, as its last answer's Date header said."""
        return self._date

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()
                self._client = None
