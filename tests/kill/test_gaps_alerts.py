"""Alerts and kills: whoever must look is told, also when the process that found the trouble died over it."""

from pathlib import Path

import httpx
import pytest

from jobs import alerts, shipments, stock
from stores.sql_ledger import SqlLedger
from tests.factories import open_env, put_stock
from tests.fulfilment import FakePlatform, document, install, shipped
from tests.killing import Killed

ROBOT = {"targets": [{"kind": "robot", "url": "http://robot.invalid/send", "severity": "info"}]}


class Robot:
    """A group's robot on this machine."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.told.append(request.content.decode())
        return httpx.Response(200, json={"errcode": 0})


def die(*_args: object, **_options: object) -> None:
    raise Killed("here")


def test_an_alert_that_was_raised_and_not_told_is_told_by_the_next_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Robot()
    env = open_env(tmp_path, transport=httpx.MockTransport(robot), notify=ROBOT)
    put_stock(env, {"EAST": {"SKU-1": 3}})
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "notify", die)
        with pytest.raises(Killed):
            stock.alerts(env)
    assert (len(env.ledger.alerts()), robot.told) == (1, [])
    stock.alerts(env)
    stock.alerts(env)
    assert len(robot.told) == 1
    env.close()


def test_a_refused_notice_has_its_alert_though_its_run_died_before_it_was_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = open_env(tmp_path)
    platform = install(env, FakePlatform())
    shipped(env, platform, document("1"))
    platform.script = ["refused"]
    with monkeypatch.context() as patch:
        patch.setattr(SqlLedger, "settle_effects", die)
        with pytest.raises(Killed):
            shipments.push(env)
    assert [a.kind for a in env.ledger.alerts()] == ["ship_notice_refused"]
    env.close()
