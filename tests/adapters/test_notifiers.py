"""Messengers: the wire form, the signature, and what their errors become."""

import json

import httpx
import pytest

from adapters import notifiers
from adapters.errors import Refused, Retryable
from adapters.notifiers.robot import sign

MESSAGE = notifiers.AlertMessage(title="tmall rests", severity="critical", hint="oms status", count=3)


def target(kind: str, answer: httpx.Response, seen: list[httpx.Request], secret: str = "s") -> notifiers.Target:
    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer

    return notifiers.Target(
        kind=kind, url=lambda: "https://robot.example/send?key=hidden", secret=lambda: secret, to=("13800000001",),
        transport=httpx.MockTransport(handle),
    )  # fmt: skip


def test_a_robot_gets_a_signed_text_with_the_next_command() -> None:
    seen: list[httpx.Request] = []
    notifiers.make(target("robot", httpx.Response(200, json={"errcode": 0}), seen)).send(MESSAGE)
    query = seen[0].url.params
    assert query["sign"] == sign("s", int(query["timestamp"])) and query["key"] == "hidden"
    assert json.loads(seen[0].content)["text"]["content"] == "[critical] tmall rests (×3)\n→ oms status"


def test_an_sms_goes_to_the_phones_with_a_bearer_token() -> None:
    seen: list[httpx.Request] = []
    notifiers.make(target("sms", httpx.Response(200), seen)).send(MESSAGE)
    assert seen[0].headers["authorization"] == "Bearer s"
    assert json.loads(seen[0].content)["to"] == ["13800000001"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(503), Retryable),
        (httpx.Response(403), Refused),
        (httpx.Response(200, json={"errcode": 310000, "errmsg": "keywords not in content"}), Refused),
        (httpx.Response(200, json={"errcode": -1}), Retryable),
    ],
)
def test_trouble_is_named_without_the_address(answer: httpx.Response, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        notifiers.make(target("robot", answer, [])).send(MESSAGE)
    assert "hidden" not in str(caught.value)


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(notifiers.make.__globals__["Unsupported"], match="pigeon"):
        notifiers.make(target("pigeon", httpx.Response(200), []))
