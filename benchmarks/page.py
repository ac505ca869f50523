"""A page of orders as `sync` takes it, parsed and stored, against decoding it and inserting it as it is.

The floor knows the rows beforehand: it decodes the bytes into plain objects, and the driver inserts each order's state
and its raw bytes, unsealed and without a document, into the inbox's own tables, with one commit per page. The pages are the sandbox's: answers of the four dialects to the adapters' own requests, without a socket between.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from adapters.documents import Pulled
from adapters.errors import AdapterError
from adapters.platforms.base import Platform
from adapters.sandbox.gate import Gate
from adapters.sandbox.making import Made, Wish, make_world
from adapters.sandbox.wire import Request
from benchmarks import figures
from benchmarks.measuring import Cost, Figure, timed
from benchmarks.office import SHOP, copy, open_office
from benchmarks.recording import Player, Step, recorded
from jobs.env import Env
from jobs.storing import store

BOUND = 3.0
PLATFORMS = ("taobao", "jd", "douyin", "wechat_shop")
#: orders in a page
ROWS = 100
PAGES = 10


class Page(msgspec.Struct, frozen=True):
    """Answers that hold a page's worth of orders together: one of a list, or many of single details."""

    answers: list[bytes]
    orders: int


class Gathering(httpx.BaseTransport):
    """Hands requests to the sandbox's gate and keeps the answers."""

    def __init__(self, made: Made) -> None:
        self._gate = Gate(made.world, rate=1e9)
        self.answers: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _, platform, *rest = request.url.path.split("/", 2)
        asked = Request(
            method=request.method, path="/" + "".join(rest), query=request.url.query.decode(), body=request.read(),
            content_type=request.headers.get("content-type", ""),
        )  # fmt: skip
        response = self._gate.handle(platform, asked).response
        self.answers.append(response.body)
        headers = {"content-type": response.content_type}
        return httpx.Response(response.status, content=response.body, headers=headers)


def measure(repeat: int, pages: int = PAGES) -> list[Figure]:
    """One figure per platform."""
    return [_measure(platform, repeat, pages) for platform in PLATFORMS]


def _measure(platform: str, repeat: int, most: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        place = Path(name)
        made = make_world(Wish(orders=(most + 2) * ROWS, platforms=(platform,), seed=11))
        made.world.advance(made.world.end)
        transport = Gathering(made)
        now = datetime.fromtimestamp(made.world.end).astimezone()
        env = open_office(place / "office", now, transport=transport, shops={SHOP: _section(made, platform)})
        ours, floor = [], []
        try:
            adapter = env.platform(SHOP)
            pages = _pages(adapter, transport, made, most)
            template = copy(place / "office", place / "template")
            steps = _tape(template, place / "tape", adapter, pages)
            for _ in range(repeat):
                floor.append(_floor(copy(template, place / "floor"), steps, pages))
                ours.append(_ours(copy(template, place / "ours"), adapter, pages))
        finally:
            env.close()
            made.world.close()
    size = sum(len(answer) for page in pages for answer in page.answers)
    orders = sum(page.orders for page in pages)
    return Figure(
        name=f"page.{platform}", what=f"parse and store {len(pages)} pages, {orders} orders in {size:,} bytes",
        against="decoding the bytes (msgspec, untyped) and the driver inserting them raw into the same tables, a commit per page",
        bound=BOUND, ours=tuple(ours), floor=tuple(floor), units=orders, unit="order", near=figures.JSON_PAGE,
    )  # fmt: skip


def _section(made: Made, platform: str) -> dict[str, object]:
    shop, token = made.world.shops[platform], made.world.tokens[platform].issue(made.world.end)
    return {
        "platform": platform, "seller_id": shop.seller_id, "app_key": shop.app_key, "app_secret": shop.app_secret,
        "token": token.access, "base_url": f"http://sandbox/{platform}",
    }  # fmt: skip


def _pages(adapter: Platform, transport: Gathering, made: Made, most: int) -> list[Page]:
    """What the adapter read of the world's day, as pages of about `ROWS` whole orders."""
    scan = adapter.scans["orders"][0]
    start = datetime.fromtimestamp(made.world.start).astimezone()
    end = datetime.fromtimestamp(made.world.end).astimezone() + timedelta(seconds=1)
    for _ in adapter.pull("orders", scan, start, end):
        pass
    pages, answers, orders = [], [], 0
    for answer in dict.fromkeys(transport.answers):
        found = _whole(adapter, answer)
        if not found:
            continue
        answers.append(answer)
        orders += found
        if orders >= ROWS // 2:
            pages.append(Page(answers, orders))
            answers, orders = [], 0
    return pages[:most]


def _whole(adapter: Platform, answer: bytes) -> int:
    try:
        return sum(item.document is not None for item in adapter.parse("orders", answer))
    except AdapterError:  # an answer to another call
        return 0


def _store(env: Env, adapter: Platform, pages: list[Page]) -> None:
    for page in pages:
        items: list[Pulled] = []
        for answer in page.answers:
            items += adapter.parse("orders", answer)
        store(env, SHOP, adapter, "orders", items)


def _ours(folder: Path, adapter: Platform, pages: list[Page]) -> Cost:
    env = open_office(folder, shops={SHOP: _shop(adapter)})
    try:
        return timed(lambda: _store(env, adapter, pages))
    finally:
        env.close()


def _tape(template: Path, folder: Path, adapter: Platform, pages: list[Page]) -> list[Step]:
    """What storing writes, with the raw bytes in the clear and no document."""
    raws = [item.raw for page in pages for answer in page.answers for item in adapter.parse("orders", answer)]
    with recorded() as tape:
        env = open_office(copy(template, folder), shops={SHOP: _shop(adapter)})
        try:
            tape.steps.clear()
            _store(env, adapter, pages)
        finally:
            env.close()
    left = iter(raws)
    return [
        (file, sql, [(row[0], b"", next(left)) for row in rows] if rows and "INTO inbox_payload" in sql else rows)
        for file, sql, rows in tape.trimmed()
    ]


def _floor(folder: Path, steps: list[Step], pages: list[Page]) -> Cost:
    player = Player(folder, steps)

    def act() -> None:
        for page in pages:
            for answer in page.answers:
                msgspec.json.decode(answer)
        player.play()

    try:
        return timed(act)
    finally:
        player.close()


def _shop(adapter: Platform) -> dict[str, object]:
    """The section of a shop that is only stored for."""
    return {"platform": adapter.name, "seller_id": adapter.seller_id, "app_key": "k", "app_secret": "s"}
