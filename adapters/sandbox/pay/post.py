"""The post office: posts what is due to each notify_url, one after the other, and writes down what came back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import httpx

from adapters.sandbox.pay import find

if TYPE_CHECKING:
    from adapters.sandbox.pay.notices import Notice
    from adapters.sandbox.pay.till import Till

#: both channels give a listener five seconds
PATIENCE_S = 5.0
#: how long a listener that did not answer in time is left alone, in world time
_REST_S = 15
#: (status, body) of a delivery; raises httpx.HTTPError when nothing came back
Send = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]


def split(url: str) -> SplitResult | None:
    """The parts of an address that can be posted to; None: it is none."""
    try:
        found = urlsplit(url)
        usable = found.scheme in ("http", "https") and found.hostname and (found.port is None or found.port > 0)
    except ValueError:
        return None
    return found if usable else None


@asynccontextmanager
async def over_http() -> AsyncIterator[Send]:
    """Post over HTTP. Redirects are not followed: to both channels they are a failure."""
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:

        async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
            common = {"user-agent": "Mozilla/4.0", "accept": "*/*"}
            answer = await client.post(url, headers={**common, **headers}, content=body)
            return answer.status_code, answer.content

        yield send


class PostOffice:
    """One round at a time."""

    def __init__(self, way: Callable[[], AbstractAsyncContextManager[Send]] = over_http) -> None:
        self._way, self._lock = way, asyncio.Lock()

    async def round(self, till: Till) -> int:
        """Deliver everything due by the world's clock; returns how many deliveries were tried."""
        async with self._lock:
            if not till.notices.due(till.world.now):
                return 0
            async with self._way() as send:
                done = await self._all(till, send)
            till.world.book.flush()
            return done

    async def _all(self, till: Till, send: Send) -> int:
        done, slow = 0, set[str]()
        while due := till.notices.due(till.world.now):
            for notice in due:
                place = urlsplit(notice.url).netloc
                if place in slow:
                    till.notices.put_off(notice, _REST_S)
                    continue
                slow |= {place} if await self._deliver(till, notice, send) else set()
                done += 1
        return done

    async def _deliver(self, till: Till, notice: Notice, send: Send) -> bool:
        """Deliver once; returns whether the listener was too slow."""
        headers, body = find(notice.channel).notice(till, notice, till.world.now)
        status, answer, slow = 0, b"", False
        try:
            status, answer = await send(notice.url, headers, body)
        except httpx.TimeoutException:
            slow = True
        except (httpx.HTTPError, httpx.InvalidURL):
            # nobody there, or he hung up: the same as no answer
            pass
        till.notices.delivered(notice, status, answer)
        return slow
