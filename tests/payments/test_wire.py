"""Answers over a real socket: read up to the limit, as they are on the wire, and whole or not at all."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from adapters.core.wire import Request
from adapters.errors import AnswerLost, BadAnswer, Retryable
from adapters.payments._calling import BoundedTransport
from adapters.payments.base import ChannelConnection
from adapters.ports import Retry
from tests.adapters.kit import FixedClock

Act = Callable[[BaseHTTPRequestHandler], None]


class Socket:
    """A server on loopback that does with each request what `act` says."""

    def __init__(self) -> None:
        self.act: Act = lambda _: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                outer.act(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def says(body: bytes, *, length: int | None = None, **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Chunks until the other side goes away."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
    except OSError:
        return


@pytest.fixture
def socket() -> Iterator[Socket]:
    socket = Socket()
    yield socket
    socket.close()


def bounded(**retry: float) -> BoundedTransport:
    connection = ChannelConnection(
        alias="pay-1", merchant_id="1", app_id="1", secret=lambda _: "", clock=FixedClock(),
        retry=Retry(**{"timeout_s": 5.0, **retry}),
    )  # fmt: skip
    transport = BoundedTransport(connection)
    transport.most = 4096
    return transport


@pytest.fixture
def transport() -> Iterator[BoundedTransport]:
    transport = bounded()
    yield transport
    transport.close()


def ask(socket: Socket, transport: BoundedTransport, act: Act) -> Any:
    socket.act = act
    return transport.send(
        Request(method="GET", url=f"http://127.0.0.1:{socket.server.server_port}/x?token=s3cret"), "label"
    )


def test_an_answer_of_exactly_the_limit_is_read(socket: Socket, transport: BoundedTransport) -> None:
    got = ask(socket, transport, says(b"x" * 4096, Wechatpay_Nonce="n"))
    assert (got.status, got.body, got.headers["wechatpay-nonce"]) == (200, b"x" * 4096, "n")


def test_an_endless_answer_is_left_at_the_limit(socket: Socket, transport: BoundedTransport) -> None:
    with pytest.raises(BadAnswer, match="more than 4096"):
        ask(socket, transport, endless)


def test_what_is_packed_for_the_way_is_not_unpacked(socket: Socket, transport: BoundedTransport) -> None:
    packed = gzip.compress(bytes(10_000_000), 9)
    transport.most = len(packed)
    assert ask(socket, transport, says(packed, Content_Encoding="gzip")).body == packed


def test_half_an_answer_is_none(socket: Socket, transport: BoundedTransport) -> None:
    with pytest.raises(AnswerLost) as caught:
        ask(socket, transport, says(b"x" * 10, length=20))
    assert "s3cret" not in str(caught.value) + repr(caught.value.__cause__)


def test_an_answer_that_takes_longer_than_all_attempts_may_is_given_up(socket: Socket) -> None:
    transport = bounded(within_s=0.0)
    with pytest.raises(AnswerLost):
        ask(socket, transport, says(b"x" * 100))
    transport.close()


def test_nobody_there_is_surely_nothing_sent(socket: Socket, transport: BoundedTransport) -> None:
    with pytest.raises(Retryable) as caught:
        transport.send(Request(method="GET", url="http://127.0.0.1:1/x"), "label")
    assert not isinstance(caught.value, AnswerLost)


def test_an_address_that_is_none_is_said_to_be_none(transport: BoundedTransport) -> None:
    with pytest.raises(BadAnswer, match="address"):
        transport.send(Request(method="GET", url="http://[::1"), "label")
    with pytest.raises(Retryable):
        transport.send(Request(method="GET", url="gopher://x/"), "label")


def test_redirections_are_not_followed(socket: Socket, transport: BoundedTransport) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    assert ask(socket, transport, elsewhere).status == 302


def test_a_bound_transport_uses_the_scripted_one_in_tests() -> None:
    connection = ChannelConnection(
        alias="pay-1", merchant_id="1", app_id="1", secret=lambda _: "", clock=FixedClock(),
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 11)),
    )  # fmt: skip
    transport = BoundedTransport(connection)
    transport.most = 10
    with pytest.raises(BadAnswer):
        transport.send(Request(method="GET", url="http://x/"), "label")
    transport.close()
