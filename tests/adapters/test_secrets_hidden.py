"""What holds a secret or a person shows neither, wherever it is printed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from adapters.core.wire import Request
from adapters.documents import ReceiverDocument
from adapters.ports import AccessToken, Credentials
from stores.records import Receiver
from tests.documents import order_document

TOKEN = AccessToken(access="access-s3cret", refresh="refresh-s3cret", seller_id="2200001")
CREDENTIALS = Credentials(app_key="k", secret=lambda: "app-s3cret", seller_id="1", token=lambda: "token-s3cret")
REQUEST = Request(
    url="https://api.example.com/x", query={"access_token": "query-s3cret"}, body=b"body-s3cret", headers={"a": "s3cret"}
)  # fmt: skip
WHO: dict[str, Any] = {
    "name": "张三s3cret",
    "phone": "13800000001-s3cret",
    "address": "示例路s3cret号",
    "cipher": "cipher-s3cret",
}


@pytest.mark.parametrize(
    "thing",
    [TOKEN, CREDENTIALS, REQUEST, ReceiverDocument(**WHO), Receiver(**WHO), order_document(receiver=ReceiverDocument(**WHO))],
    ids=lambda thing: type(thing).__name__,
)  # fmt: skip
def test_nothing_secret_or_personal_is_shown_however_it_is_printed(
    thing: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("oms.test").debug("%s %r", thing, thing)
    shown = [str(thing), repr(thing), f"{thing}", f"{[thing]}", f"{ {'a': thing} }", repr((thing,)), caplog.text]
    assert [text for text in shown if "s3cret" in text] == []


def test_what_may_be_shown_is_shown() -> None:
    assert "api.example.com" in repr(REQUEST) and "2200001" not in repr(TOKEN)
    assert "浙江" in repr(ReceiverDocument(province="浙江", **WHO))
