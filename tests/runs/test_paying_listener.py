"""The socket of `oms pay listen`: limits in size, rate and time, one path per channel, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs import paying, reconcile_payments
from jobs.api import Oms
from jobs.env import Env
from jobs.notified import Listener
from oms_cli import listener
from stores.errors import Unavailable
from stores.records import Progress
from tests.paying import GOOD, FakeChannel, open_office, own_order, payment_of, put_own, told


class Office:
    """An office whose listener is up, in a thread of its own."""

    def __init__(self, folder: Path, **payments: Any) -> None:
        self.env, self.channel = open_office(folder, payments=payments)
        self.address = ""
        self.listener: Listener | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self.result: Any = None
        [self.order] = put_own(self.env, own_order("1001"))
        paying.create(self.env, [self.order], channel="wx")
        self.payment = payment_of(self.env, self.order).payment_no

    def _listen(self) -> None:
        oms = Oms(self.env)

        def serve(heard: Listener) -> None:
            self.listener = heard
            server = listener.make_server(heard, oms, host="127.0.0.1", port=0)

            async def run() -> None:
                task = asyncio.create_task(server.serve())
                while not server.started:
                    await asyncio.sleep(0.005)
                self.address = "http://{}:{}".format(*server.servers[0].sockets[0].getsockname()[:2])
                self._up.set()
                while not self.env.stop.is_set():
                    await asyncio.sleep(0.005)
                server.should_exit = True
                await task

            asyncio.run(run())

        self.result = oms.listen_payments(serve=serve)

    def __enter__(self) -> Office:
        self._thread.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.env.stop.set()
        self._thread.join(20)
        self.env.close()

    def post(self, body: bytes, alias: str = "wx", **headers: str) -> httpx.Response:
        return httpx.post(f"{self.address}/pay/{alias}", content=body, headers=headers or GOOD, timeout=20)

    @property
    def progress(self) -> Progress:
        return self.env.orders.heads([self.order])[self.order].progress


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as made:
        yield made


def test_a_notification_is_answered_as_the_channel_wants_and_applied(office: Office) -> None:
    body = told(office.channel.bank.pay(office.payment))
    got = office.post(body)
    assert (got.status_code, got.content, office.progress) == (200, b"", Progress.CREATED)
    forged = office.post(body, signature="forged")
    assert (forged.status_code, forged.json()) == (401, {"code": "FAIL"})


def test_there_is_one_path_per_channel_and_a_sign_of_life(office: Office) -> None:
    assert httpx.get(f"{office.address}/healthz").text == "ok\n"
    assert office.post(b"x", alias="nobody").status_code == 404
    assert httpx.get(f"{office.address}/pay/wx").status_code == 405
    assert httpx.post(f"{office.address}/").status_code == 404


def test_many_at_once_pay_the_order_once(office: Office) -> None:
    body = told(office.channel.bank.pay(office.payment))
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(office.post(body).status_code)) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes == [200] * 12
    assert [s.reason for s in office.env.orders.history(office.payment)] == ["payment.asked", "payment.paid"]
    assert office.env.stock.demand() == {"SKU-1": 2}


def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with Office(tmp_path, body_kb=1) as office:
        assert office.post(b"x" * 1025).status_code == 413

        def endless() -> Iterator[bytes]:
            for _ in range(50):
                yield b"x" * 100

        with contextlib.suppress(httpx.RemoteProtocolError, httpx.WriteError):
            assert httpx.post(f"{office.address}/pay/wx", content=endless(), headers=GOOD).status_code == 413
        assert office.env.inbox.counts() == {}


def test_too_many_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    with Office(tmp_path, rate=0.01, burst=3) as office:
        codes = [office.post(b"{").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with Office(tmp_path, patience="200ms") as office:
        host, port = office.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(b"POST /pay/wx HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            began = time.monotonic()
            assert b" 408 " in slow.recv(1000).split(b"\r\n")[0] + b" "
            assert time.monotonic() - began < 5


def test_what_could_not_be_recorded_is_not_acknowledged(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_items: Any) -> Any:
        raise Unavailable("disk full")

    monkeypatch.setattr(office.env.inbox, "put", full)
    assert office.post(told(office.channel.bank.pay(office.payment))).status_code == 500
    assert office.progress == Progress.UNPAID


def test_what_was_recorded_and_could_not_be_applied_is_applied_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise Unavailable("locked")

    with monkeypatch.context() as patched:
        patched.setattr(office.env.orders, "apply_payments", broken)
        status = office.post(told(office.channel.bank.pay(office.payment))).status_code
    assert status == 200, "it is in the inbox: the channel may forget it"
    assert office.progress == Progress.UNPAID
    office.env.clock.advance(61)
    reconcile_payments.reconcile(office.env)
    assert office.progress == Progress.CREATED


def test_asked_to_stop_it_ends_with_its_run_record_done(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.post(told(office.channel.bank.pay(office.payment)))
        env: Env = office.env
        office.env.stop.set()
        office._thread.join(20)
        assert office.result.outcome == "done" and office.result.counts["recorded"] == 1
        [run] = env.ledger.runs(job="pay listen")
        assert (run.outcome, run.counts["paid"]) == ("done", 1)


def test_the_fake_channel_is_no_other_than_the_contract_says() -> None:
    from adapters.payments.base import Channel

    for name in ("start", "query", "close", "refund", "refund_query", "notification", "acknowledge", "shut"):
        assert hasattr(Channel, name) and hasattr(FakeChannel, name)
