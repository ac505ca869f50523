"""Finding platforms, and one that someone else ships: by entry point, unlike the four, in one small file."""

from __future__ import annotations

import hashlib
import hmac
import inspect
from datetime import timedelta
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

import adapters.platforms as platforms
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, ShipNotice
from adapters.errors import UnknownPlatform, Unsupported
from adapters.platforms.base import Platform
from tests.adapters import invented
from tests.adapters.kit import NOON, Rig, Seen, items


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=platforms.GROUP)


@pytest.fixture
def shipped_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        entry("ouzel", "tests.adapters.invented:Ouzel"), entry("ouzel_module", "tests.adapters.invented"),
        entry("taobao", "tests.adapters.invented:Ouzel"),
    ]  # fmt: skip
    monkeypatch.setattr(platforms, "entry_points", lambda group: found if group == platforms.GROUP else [])


def test_platforms_are_the_files_of_the_package() -> None:
    assert {"taobao", "jd", "douyin", "wechat_shop"} <= set(platforms.names())
    assert not [n for n in platforms.names() if n.startswith(("_", "base"))]


def test_an_unknown_platform_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownPlatform, match="taobao"):
        platforms.find("pigeon_post")
    with pytest.raises(UnknownPlatform):
        platforms.find("base")


@pytest.mark.usefixtures("shipped_by_another")
def test_an_entry_point_is_found_and_ours_win_over_it() -> None:
    assert "ouzel" in platforms.names()
    assert platforms.find("ouzel") is invented.Ouzel
    assert platforms.find("taobao").__module__ == "adapters.platforms.taobao"


@pytest.mark.usefixtures("shipped_by_another")
def test_an_entry_point_that_holds_no_such_platform_is_refused() -> None:
    with pytest.raises(UnknownPlatform, match="ouzel_module"):
        platforms.find("ouzel_module")


def test_a_platform_of_another_name_is_not_taken_for_it() -> None:
    module = ModuleType("m")
    module.Ouzel = invented.Ouzel  # type: ignore[attr-defined]
    assert platforms._adapter("ouzel", module) is invented.Ouzel
    with pytest.raises(UnknownPlatform):
        platforms._adapter("kestrel", module)


def test_a_platform_fits_into_150_lines() -> None:
    assert len(inspect.getsource(invented).splitlines()) < 150


# ------------------------------------------------------------------ it runs


class World:
    """Ouzel's side: a version per row, tasks that finish at the second look."""

    def __init__(self, count: int) -> None:
        at = int((NOON - timedelta(hours=1)).timestamp() * 1000)
        self.rows = [
            {
                "id": f"O{n}", "state": "ready", "placed": at, "paid": at, "changed": at + n, "cents": 500, "buyer": "b", "name": "N", "city": "Köln",
                "goods": [{"line": n, "sku": "S1", "qty": 1, "cents": 500}],
            }
            for n in range(count)
        ]  # fmt: skip
        self.tasks: dict[str, int] = {}
        self.effects: list[Any] = []

    def __call__(self, seen: Seen) -> Any:
        key, now, seal = seen.headers["x-ouzel"].split(":")
        text = f"{seen.path}\n{now}\n".encode() + seen.body
        assert seal == hmac.new(b"example-secret", text, hashlib.sha256).hexdigest() and key == "12129701"
        body = seen.json
        match seen.path:
            case "/v9/orders":
                at = int(body["after"] or 0)
                part = self.rows[at : at + body["limit"]]
                return {"rows": part, "version": at + len(part), "end": at + len(part) >= len(self.rows)}
            case "/v9/order":
                return {"rows": [r for r in self.rows if r["id"] == body["id"]]}
            case "/v9/ship" | "/v9/stock":
                self.effects.append(body)
                task = f"t{len(self.effects)}"
                self.tasks[task] = 0
                return {"task": task}
            case _:
                self.tasks[body["task"]] += 1
                return {"state": "finished" if self.tasks[body["task"]] > 1 else "working"}


def test_it_is_pulled_by_version_and_proven() -> None:
    world = World(8)
    with Rig(invented.Ouzel, world) as rig:
        pull, batches = rig.pull()
    got = items(batches)
    assert [i.number for i in got] == [f"O{n}" for n in range(8)]
    assert all(isinstance(i.document, OrderDocument) and i.document.currency == "EUR" for i in got)
    assert pull.report.proof == "exhausted"


def test_its_writes_are_accepted_and_polled() -> None:
    world = World(1)
    notice = ShipNotice(key="n", platform_order_no="O0", parcels=(NoticeParcel(carrier="SF", waybill="1", lines=()),))
    with Rig(invented.Ouzel, world) as rig:
        result = rig.adapter.ship([notice])[0]
        assert (result.outcome, result.poll) == ("accepted", "t1")
        first = rig.adapter.poll([(result.key, result.poll)])[0]
        second = rig.adapter.poll([(result.key, first.poll)])[0]
    assert (first.outcome, second.outcome) == ("accepted", "done")


def test_its_stock_takes_differences_only_and_never_twice_blindly() -> None:
    import httpx

    world = World(0)
    with Rig(invented.Ouzel, world) as rig:
        with pytest.raises(Unsupported, match="absolute"):
            rig.adapter.set_levels([LevelUpdate(key="k", listing_id="S1", qty=5)])
        assert rig.server.seen == []
        update = LevelUpdate(key="k", listing_id="S1", qty=5, delta=-2)
        assert rig.adapter.set_levels([update])[0].outcome == "accepted"

        def hang_up(seen: Seen) -> Any:
            world(seen)
            return httpx.ReadError("gone")

        rig.server.next(hang_up)
        assert rig.adapter.set_levels([update])[0].outcome == "unknown"
    assert world.effects == [{"sku": "S1", "by": -2}] * 2


def test_every_platform_declares_what_the_template_asks() -> None:
    for name in platforms.names():
        cls = platforms.find(name)
        assert issubclass(cls, Platform)
        assert not inspect.isabstract(cls), name
