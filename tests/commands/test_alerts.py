"""oms alerts, and who is told of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

import jobs
from jobs.alerts import tell
from jobs.api import Oms
from stores.records import Alert
from tests.commands.conftest import SETTINGS, Shell

At = Callable[[str], Shell]
NOW = datetime(2024, 3, 1, tzinfo=UTC)
TARGET = '\n[[notify.targets]]\nkind = "robot"\nurl = "https://robot.example/send?token=canary"\nseverity = "warning"\n'


def alert(**changes: object) -> Alert:
    values = {
        "key": "k1",
        "kind": "test",
        "title": "a thing happened",
        "hint": "oms status",
        "first_at": NOW,
        "last_at": NOW,
    }
    return Alert(**{**values, **changes})  # type: ignore[arg-type]


class Robot:
    """A group robot that keeps what it is told, or fails."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.status = 200

    def transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            if self.status == 200:
                self.told.append(json.loads(request.content)["text"]["content"])
            return httpx.Response(self.status, json={"errcode": 0})

        return httpx.MockTransport(answer)


@pytest.fixture
def robot() -> Robot:
    return Robot()


@pytest.fixture
def office(oms: Shell, robot: Robot) -> Iterator[Oms]:
    oms.settings(SETTINGS + TARGET)
    with jobs.open(transport=robot.transport()) as opened:
        yield opened


def test_an_alert_is_told_once_while_it_is_open(office: Oms, robot: Robot) -> None:
    assert [tell(office.env, alert()).count for _ in range(3)] == [1, 2, 3]
    assert len(robot.told) == 1
    assert "a thing happened" in robot.told[0] and "oms status" in robot.told[0]


def test_a_messenger_in_trouble_stops_nothing_and_is_asked_again(office: Oms, robot: Robot) -> None:
    robot.status = 500
    tell(office.env, alert())
    robot.status = 200
    tell(office.env, alert())
    tell(office.env, alert())
    assert len(robot.told) == 1


def test_what_is_not_severe_enough_is_kept_and_not_told(office: Oms, robot: Robot) -> None:
    tell(office.env, alert(severity="info"))
    assert robot.told == []
    assert [a.key for a in office.alerts()] == ["k1"]


def test_an_unreadable_secret_stops_nothing(oms: Shell, caplog: pytest.LogCaptureFixture) -> None:
    oms.settings(SETTINGS + TARGET.replace("https://robot.example/send?token=canary", "env:NOT_SET_AT_ALL"))
    with jobs.open() as office:
        assert tell(office.env, alert()).count == 1
    assert "NOT_SET_AT_ALL" in caplog.text


def test_alerts_are_listed_and_acknowledged(oms: Shell) -> None:
    with jobs.open() as office:
        tell(office.env, alert())
    assert [r["key"] for r in oms("alerts", "list", "--json").lines] == ["k1"]
    assert oms("alerts", "ack", "k1", "--by", "anna").code == 0
    assert oms("alerts", "list", "--json").lines == []
    assert [r["acked_by"] for r in oms("alerts", "list", "--all", "--json").lines] == ["anna"]


def test_the_same_trouble_after_an_ack_is_told_again(office: Oms, robot: Robot) -> None:
    tell(office.env, alert())
    office.ack_alerts(["k1"], by="anna")
    tell(office.env, alert())
    assert len(robot.told) == 2
