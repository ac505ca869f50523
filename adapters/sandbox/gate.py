"""Every request comes through here: rate limit, the faults that concern requests, then the dialect."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from adapters.sandbox import dialects, pay
from adapters.sandbox.wire import Asked, Request, Response
from adapters.sandbox.world import World

_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
#: at most so many faults of this file for one and the same request
_PATIENCE = 2


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back: the response, how long it is held back, and whether the connection closes without it."""

    response: Response
    request_id: str
    hold_s: float = 0.0
    lost: bool = False


class Bucket:
    """A token bucket on real time."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._left, self._at = burst, clock()

    def take(self) -> bool:
        now = self._clock()
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """The one door of a world. `rate` 0 keeps each platform's own rate."""

    def __init__(self, world: World, *, rate: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.world = world
        channels = world.till.merchants if world.till is not None else ()
        self.dialects = {p: dialects.find(p) for p in world.shops} | {c: pay.find(c) for c in channels}
        rates = {p: (rate, rate) if rate else d.RATE for p, d in self.dialects.items()}
        self._buckets = {p: Bucket(r, b, clock) for p, (r, b) in rates.items()}
        self._suffered: dict[str, int] = {}

    def handle(self, platform: str, request: Request) -> Outcome:
        """Answer one request to a platform or payment channel of this world."""
        world, dialect = self.world, self.dialects[platform]
        request_id = world.next_request()
        world.faults.client = request.client
        asked = dialect.asked(request)
        if not self._buckets[platform].take():
            return Outcome(response=dialect.throttled(world, request_id, 1), request_id=request_id)
        fault = self._fault(platform, asked)
        if fault == "throttled":
            self._write(fault, request_id, platform, asked)
            return Outcome(response=dialect.throttled(world, request_id, 1), request_id=request_id)
        if fault == "http_5xx":
            self._write(fault, request_id, platform, asked)
            return Outcome(response=Response(status=502, body=_PAGE, content_type="text/html"), request_id=request_id)
        self._expire(platform, asked, request_id)
        response = dialect.reply(world, request, request_id)
        world.book.flush()
        if fault:
            self._write(fault, request_id, platform, asked)
        hold = world.faults.delay_s if fault == "timeout" else 0.0
        return Outcome(response=response, request_id=request_id, hold_s=hold, lost=fault == "answer_lost")

    def _fault(self, platform: str, asked: Asked) -> str:
        """The one fault of the request, if any; the same request suffers only so often, unless more was armed."""
        mark = f"{platform}|{asked.key}"
        enough = self._suffered.get(mark, 0) >= _PATIENCE
        for name in ("throttled", "http_5xx", "timeout", "answer_lost"):
            # a write whose answer is lost is the hard case: it comes up more often than a lost page
            likelier = 5.0 if name == "answer_lost" and asked.write else 1.0
            if self.world.faults.plays(
                name,
                platform,
                f"{name}|{mark}",
                method=asked.method,
                order=asked.order,
                likelier=likelier,
                only_armed=enough,
            ):
                self._suffered[mark] = self._suffered.get(mark, 0) + 1
                return name
        return ""

    def _expire(self, platform: str, asked: Asked, request_id: str) -> None:
        """Perhaps end the shop's token in the middle of the day, before this call is looked at."""
        world = self.world
        if "token" in asked.method.lower() or platform not in world.tokens or world.tokens[platform].latest is None:
            return
        if world.faults.plays("token_expired", platform, platform, method=asked.method) and world.tokens[platform].kill(
            world.now
        ):
            self._write("token_expired", request_id, platform, asked)

    def _write(self, name: str, request_id: str, platform: str, asked: Asked) -> None:
        self.world.faults.write(
            name, request_id, platform, method=asked.method, order=asked.order, key=asked.key, write=asked.write
        )
