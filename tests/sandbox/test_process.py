"""The sandbox as a process of its own: its files, its sockets, its control address, its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import httpx
import pytest

from adapters.sandbox import Sandbox, Wish
from adapters.sandbox.dialects import find, names, taobao
from adapters.sandbox.wire import beijing, from_iso
from tests.sandbox.callers import TRADE_FIELDS

START = "2025-11-20T00:00:00+08:00"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, Wish(orders=12, platforms=("taobao",), start=START, delay_s=0.4)) as sandbox:
        yield sandbox


class Client:
    """Calls the sandbox's Taobao over the socket."""

    def __init__(self, sandbox: Sandbox, timeout: float = 10.0) -> None:
        (self.shop,) = sandbox.info["shops"]
        self.sandbox, self.http = sandbox, httpx.Client(timeout=timeout)

    def call(self, method: str, **args: object) -> Any:
        now = from_iso(self.sandbox.control("clock")["now"])
        params = {
            "method": method,
            "app_key": self.shop["app_key"],
            "session": self.shop["token"],
            "timestamp": beijing(now),
            "format": "json",
            "v": "2.0",
            "sign_method": "md5",
            **{k: str(v) for k, v in args.items()},
        }
        params["sign"] = taobao.sign(params, self.shop["app_secret"])
        return self.http.post(f"{self.shop['base_url']}/router/rest", data=params)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


def order(sandbox: Sandbox, **wanted: object) -> str:
    body = {"platform": "taobao", "lines": [{"sku": "SKU-1001-A"}], **wanted}
    made: dict[str, Any] = sandbox.control("script", body)
    return str(made["orders"][0]["order"])


def test_a_process_says_where_it_is_and_writes_its_books_at_the_end(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, Wish(orders=30, platforms=("taobao", "wechat_shop"), start=START)).start()
    try:
        info = sandbox.info
        assert {s["platform"] for s in info["shops"]} == {"taobao", "wechat_shop"} == set(info["base_url"])
        assert {s["platform"]: bool(s["token"]) for s in info["shops"]} == {"taobao": True, "wechat_shop": False}
        assert info["start"] == "2025-11-19T16:00:00Z"
        assert info["end"] == "2025-11-20T16:00:00Z"
        assert len(info["warehouses"]) == 3
        assert all(w["name"] and w["regions"] for w in info["warehouses"])
        assert {"platform", "listing", "sku", "qty", "share"} <= info["listings"][0].keys()
        assert all(set(g["opening"]) == {w["name"] for w in info["warehouses"]} for g in info["goods"])
        moved = sandbox.advance(to=info["end"])
        assert moved["now"] == info["end"]
        assert moved["happened"] > 30
        # the book is on disk after each step, before the end
        lines = (tmp_path / "book.jsonl").read_text(encoding="utf-8").splitlines()
        assert sum(json.loads(x)["kind"] == "order" for x in lines) == 30
        assert not (tmp_path / "orders.jsonl").exists()
    finally:
        code = sandbox.stop()
    assert code == 0
    orders = [json.loads(x) for x in (tmp_path / "orders.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(orders) == 30
    entries = [json.loads(x) for x in (tmp_path / "book.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))


def test_orders_are_read_over_a_real_socket(running: Sandbox) -> None:
    running.advance(to=running.info["end"])
    start, end = (beijing(from_iso(running.info[k])) for k in ("start", "end"))
    with Client(running) as client:
        words = {"fields": TRADE_FIELDS, "start_modified": start, "end_modified": end, "page_size": 100}
        reply = client.call("taobao.trades.sold.increment.get", **words)
        assert reply.headers["content-type"].startswith("application/json")
        assert reply.headers["x-sandbox-request"] == reply.json()["trades_sold_increment_get_response"]["request_id"]
        assert len(reply.json()["trades_sold_increment_get_response"]["trades"]["trade"]) == 12


def test_a_hand_made_order_lives_as_written(running: Sandbox) -> None:
    no = order(
        running,
        lines=[{"sku": "SKU-1001-A", "qty": 2, "unit": 1000, "item_off": 150}, {"code": "SET-01"}],
        buyer="b1",
        freight=600,
        paid_at="2025-11-20T00:05:00+08:00",
        events=[{"after_s": 600, "name": "remark", "args": {"text": "快"}}],
        after_ship=[{"after_s": 60, "name": "refund_asked", "args": {"line": 0, "kind": "return"}}],
    )
    assert running.control(f"orders/{no}")["state"] == "unpaid"
    running.advance(seconds=299)
    assert running.control(f"orders/{no}")["state"] == "unpaid"
    running.advance(seconds=1)
    found = running.control(f"orders/{no}")
    assert (found["state"], found["money"]["paid"]) == ("paid", found["money"]["payable"])
    assert found["lines"][0]["paid"] == 1850
    running.advance(seconds=300)
    with Client(running) as client:
        ship = {"tid": no, "out_sid": "SF0000000000001", "company_code": "SF"}
        assert client.call("taobao.logistics.offline.send", **ship).json()["logistics_offline_send_response"]
        trade = client.call("taobao.trade.fullinfo.get", tid=no, fields="buyer_message,status").json()
        assert trade["trade_fullinfo_get_response"]["trade"] == {
            "buyer_message": "快",
            "status": "WAIT_BUYER_CONFIRM_GOODS",
        }
    running.advance(seconds=60)
    (refund,) = running.control(f"orders/{no}")["refunds"]
    assert (refund["kind"], refund["status"]) == ("return", "asked")


@pytest.mark.parametrize(
    ("action", "body", "word"),
    [
        ("clock", {"to": "2025-11-19T00:00:00+08:00"}, "does not go back"),
        ("clock", {"to": "2025-11-20T00:00:00"}, "no offset"),
        ("clock", {}, "give"),
        ("script", {"platform": "taobao", "lines": [{"sku": "NOPE"}]}, "sells nothing like"),
        (
            "script",
            {"platform": "taobao", "lines": [{"sku": "SKU-1001-A"}], "events": [{"after_s": 1, "name": "x"}]},
            "no such event",
        ),
        ("script", {"lines": []}, "platform"),
        ("faults", {"name": "x"}, "no such fault"),
    ],
)
def test_a_control_call_that_makes_no_sense_is_refused_in_words(
    running: Sandbox, action: str, body: dict[str, Any], word: str
) -> None:
    with pytest.raises(HTTPError) as refused:
        running.control(action, body)
    with refused.value as answer:
        assert answer.code == 400
        assert word in json.loads(answer.read())["error"]


def test_what_is_not_there_is_not_found(running: Sandbox) -> None:
    for path in ("orders/1", "nothing"):
        with pytest.raises(HTTPError) as missing:
            running.control(path)
        missing.value.close()
        assert missing.value.code == 404
    with httpx.Client() as http:
        assert http.post(f"http://127.0.0.1:{running.info['port']}/nowhere/x").status_code == 404


def test_a_lost_answer_closes_the_socket_and_the_order_has_shipped(running: Sandbox) -> None:
    no = order(running)
    running.control("faults", {"name": "answer_lost", "method": "logistics"})
    with Client(running) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.call("taobao.logistics.offline.send", tid=no, out_sid="SF0000000000001", company_code="SF")
        assert running.control(f"orders/{no}")["state"] == "shipped"
        repeat = client.call("taobao.logistics.offline.send", tid=no, out_sid="SF0000000000001", company_code="SF")
        assert repeat.json()["error_response"]["sub_code"].endswith(":B04")


def test_a_late_answer_outlasts_the_client_and_others_are_served_meanwhile(running: Sandbox) -> None:
    no = order(running)
    running.control("faults", {"name": "timeout", "method": "fullinfo"})
    with Client(running, timeout=0.2) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.call("taobao.trade.fullinfo.get", tid=no, fields="tid")
        assert client.call("taobao.trade.fullinfo.get", tid=no, fields="tid").status_code == 200


def test_the_status_counts_and_closing_writes_a_snapshot(running: Sandbox) -> None:
    running.advance(seconds=12 * 3600)
    status = running.control("status")
    assert status["orders"] + status["orders_to_come"] == 12
    assert sum(status["states"].values()) == status["orders"]
    assert running.control("close", {}) == {"orders": status["orders"]}
    snapshot = (running.folder / "orders.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(snapshot) == status["orders"]
    # and the world goes on
    assert running.advance(seconds=60)["now"]
    assert running.control("heal", {}) == {"healed": 0}


def test_a_thread_serves_the_same_world(tmp_path: Path) -> None:
    with Sandbox(tmp_path, Wish(orders=5, platforms=("jd",), start=START), thread=True) as sandbox:
        assert sandbox.made is not None
        sandbox.advance(to=sandbox.info["end"])
        assert len(sandbox.made.world.orders) == 5
    assert (tmp_path / "orders.jsonl").exists()


def test_bad_words_on_the_command_line_are_usage_errors(tmp_path: Path) -> None:
    for words in (["--faults", "nonsense"], ["--platforms", "nowhere"], ["--start", "2025-11-20T00:00:00"]):
        command = [sys.executable, "-m", "adapters.sandbox", "--folder", str(tmp_path), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "error:" in done.stderr


def test_dialects_are_found_by_their_file_names() -> None:
    assert {"douyin", "jd", "taobao", "wechat_shop"} <= set(names())
    for name in names():
        assert callable(find(name).reply)
        assert callable(find(name).asked)
    with pytest.raises(KeyError, match="no dialect 'ebay'"):
        find("ebay")
