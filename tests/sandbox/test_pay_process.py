"""Payment channels of a sandbox in a process of its own: over sockets, with a listener that comes and goes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit

import httpx
import pytest

from adapters.sandbox import Sandbox, Wish
from adapters.sandbox.wire import beijing, from_iso
from tests.sandbox.pay_callers import sign, verify

START = "2026-09-01T10:00:00+08:00"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, Wish(orders=6, platforms=("jd",), start=START, bills="all")) as sandbox:
        sandbox.control("pay", {"habits": {"plan": "prompt", "coupon": "none"}})
        yield sandbox


class Heard(BaseHTTPRequestHandler):
    """Answers every notification with 200 and success, and keeps it."""

    got: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"success")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(port: int = 0) -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """A listener on a port: (port, what it heard)."""
    heard = type("Mine", (Heard,), {"got": []})
    server = ThreadingHTTPServer(("127.0.0.1", port), heard)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], heard.got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Caller:
    """Calls both channels over the socket, as their settings in sandbox.json say."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.wechat, self.ali = sandbox.info["channels"]
        self.http = httpx.Client(timeout=10)

    def now(self) -> int:
        return from_iso(self.sandbox.control("clock")["now"])

    def pay(self, method: str, path: str, tree: object = None) -> httpx.Response:
        """WeChat Pay: signed over the path as it goes out, with the sandbox's prefix."""
        url = f"{self.wechat['base_url']}{path}"
        body = json.dumps(tree, ensure_ascii=False).encode() if tree is not None else b""
        target, at = f"{urlsplit(url).path}{'?' if urlsplit(url).query else ''}{urlsplit(url).query}", self.now()
        text = f"{method}\n{target}\n{at}\nN0NCE\n".encode() + body + b"\n"
        words = {
            "mchid": self.wechat["merchant_id"],
            "nonce_str": "N0NCE",
            "signature": sign(self.wechat["private_key"], text),
            "timestamp": at,
            "serial_no": self.wechat["serial"],
        }
        headers = {
            "authorization": "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in words.items()),
            "content-type": "application/json",
            "wechatpay-serial": next(iter(self.wechat["public_keys"])),
        }
        return self.http.request(method, url, content=body, headers=headers)

    def start(self, number: str, notify_url: str) -> Any:
        tree = {
            "appid": self.wechat["app_id"],
            "mchid": self.wechat["merchant_id"],
            "description": "T恤",
            "out_trade_no": number,
            "notify_url": notify_url,
            "amount": {"total": 8800},
        }
        return self.pay("POST", "/v3/pay/transactions/native", tree)

    def query(self, number: str) -> Any:
        path = f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}?mchid={self.wechat['merchant_id']}"
        return self.pay("GET", path)

    def gateway(self, method: str, content: object, path: str = "/gateway.do", **other: str) -> Any:
        params = {
            "app_id": self.ali["app_id"],
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(self.now()),
            "version": "1.0",
            "biz_content": json.dumps(content),
            **other,
        }
        params["sign"] = sign(self.ali["private_key"], "&".join(f"{k}={v}" for k, v in sorted(params.items())).encode())
        return self.http.post(f"{self.ali['base_url']}{path}", data=params).json()[
            f"{method.replace('.', '_')}_response"
        ]

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


def test_channels_are_handed_out_with_all_that_their_settings_need(running: Sandbox) -> None:
    wechat, ali = running.info["channels"]
    port = running.info["port"]
    assert (wechat["channel"], wechat["base_url"]) == ("wechatpay", f"http://127.0.0.1:{port}/wechatpay")
    assert (ali["channel"], ali["base_url"]) == ("alipay", f"http://127.0.0.1:{port}/alipay")
    assert (len(wechat["serial"]), len(wechat["api_v3_key"])) == (40, 32)
    assert next(iter(wechat["public_keys"])).startswith("PUB_KEY_ID_01")
    for channel in (wechat, ali):
        assert channel["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert ali["alipay_public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    # the platforms' addresses are not those of the channels
    assert set(running.info["base_url"]) == {"jd"}


def test_a_payment_is_started_paid_and_told_over_sockets(running: Sandbox) -> None:
    with listening() as (port, heard), Caller(running) as caller:
        answer = caller.start("OMS|0001", f"http://127.0.0.1:{port}/pay/notify/wechatpay")
        assert answer.json()["code_url"].startswith("weixin://")
        text = f"{answer.headers['wechatpay-timestamp']}\n{answer.headers['wechatpay-nonce']}\n".encode()
        key = caller.wechat["public_keys"][answer.headers["wechatpay-serial"]]
        assert verify(key, text + answer.content + b"\n", answer.headers["wechatpay-signature"])
        told = {"out_trade_no": "OMS0002", "total_amount": "1.00", "subject": "T"}
        url = f"http://127.0.0.1:{port}/pay/notify/alipay"
        assert caller.gateway("alipay.trade.precreate", told, notify_url=url)["code"] == "10000"
        running.advance(seconds=300)
        # whoever moved the clock finds it delivered
        assert sorted(path for path, _ in heard) == ["/pay/notify/alipay", "/pay/notify/wechatpay"]
        assert caller.query("OMS|0001").json()["trade_state"] == "SUCCESS"
        assert (
            caller.gateway("alipay.trade.query", {"out_trade_no": "OMS0002"}, path="")["trade_status"]
            == "TRADE_SUCCESS"
        )


def test_closing_answers_without_a_body_and_unknown_paths_too(running: Sandbox) -> None:
    with Caller(running) as caller:
        caller.start("OMS00001", "http://127.0.0.1:9/x")
        path = "/v3/pay/transactions/out-trade-no/OMS00001/close"
        closed = caller.pay("POST", path, {"mchid": caller.wechat["merchant_id"]})
        assert (closed.status_code, closed.content) == (204, b"")
        assert closed.headers["wechatpay-signature"]
        assert caller.pay("GET", "/v3/nowhere").status_code == 404


def test_killing_the_listener_loses_nothing_that_a_query_cannot_tell(running: Sandbox) -> None:
    with Caller(running) as caller:
        with listening() as (port, heard):
            caller.start("OMS00001", f"http://127.0.0.1:{port}/n")
            running.advance(seconds=300)
            assert len(heard) == 1
            caller.start("OMS00002", f"http://127.0.0.1:{port}/n")
        running.advance(seconds=300)
        assert caller.query("OMS00002").json()["trade_state"] == "SUCCESS"
        last = running.control("money")["notices"][-1]
        assert (last["payment"], last["tries"], last["acknowledged"]) == ("OMS00002", 1, False)
        with listening(port) as (_, heard):
            running.advance(seconds=15)
            assert len(heard) == 1
        assert running.control("money")["notices"][-1]["end"] == "acknowledged"


def test_the_world_ends_with_a_file_of_all_the_money(tmp_path: Path) -> None:
    wish = Wish(orders=6, platforms=("jd",), start=START, bills="missing=1")
    with Sandbox(tmp_path, wish) as sandbox, Caller(sandbox) as caller:
        sandbox.control("pay", {"habits": {"plan": "prompt"}})
        caller.start("OMS00001", "http://127.0.0.1:9/x")
        sandbox.advance(seconds=300)
        tree = {
            "out_trade_no": "OMS00001",
            "out_refund_no": "R1",
            "amount": {"refund": 100, "total": 8800, "currency": "CNY"},
        }
        assert caller.pay("POST", "/v3/refund/domestic/refunds", tree).status_code == 200
        sandbox.advance(seconds=86400)
    rows = [json.loads(line) for line in (tmp_path / "money.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [r["kind"] for r in rows] == ["payment", "payback", "notice", "planted", "planted"]
    assert (rows[0]["payment"], rows[0]["state"], rows[0]["refunds"]) == ("OMS00001", "paid", ["R1"])
    kinds = {json.loads(x)["kind"] for x in (tmp_path / "book.jsonl").read_text(encoding="utf-8").splitlines()}
    assert {"payment", "payback", "notice", "planted"} <= kinds


def test_buyers_and_accounts_are_told_what_to_do(running: Sandbox) -> None:
    with Caller(running) as caller:
        running.control("pay", {"habits": {"plan": "never"}})
        caller.start("OMS00001", "http://127.0.0.1:9/x")
        running.advance(seconds=3600)
        assert caller.query("OMS00001").json()["trade_state"] == "NOTPAY"
        told = running.control("pay", {"payment": "OMS00001"})
        assert [p["state"] for p in told["payments"]] == ["paid"]
        assert running.control("pay", {"channel": "wechatpay", "balance": 5})["balances"]["wechatpay"] == 5
        assert running.control("pay", {"certificate_share": 0.25}) == {"certificate_share": 0.25}
        assert running.control("pay", {"habits": {}})["habits"]["plan"] == ""


@pytest.mark.parametrize("body", [{}, {"channel": "cash", "balance": 1}, {"habits": {"plan": 3}}, {"balance": 1}])
def test_a_wish_at_the_till_that_makes_no_sense_is_refused(running: Sandbox, body: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as refused:
        running.control("pay", body)
    with refused.value as answer:
        assert answer.code == 400
        assert "cannot do this at the till" in json.loads(answer.read())["error"]


def test_a_world_may_have_one_channel_or_none(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "one", Wish(orders=1, channels=("alipay",), start=START), thread=True) as sandbox:
        assert [c["channel"] for c in sandbox.info["channels"]] == ["alipay"]
        with httpx.Client() as http:
            base = f"http://127.0.0.1:{sandbox.info['port']}"
            assert http.get(f"{base}/wechatpay/v3/certificates").status_code == 404
            assert http.post(f"{base}/alipay/gateway.do").json()["error_response"]["code"] == "40001"
    with Sandbox(tmp_path / "none", Wish(orders=1, channels=(), start=START)) as sandbox:
        assert sandbox.info["channels"] == []
        with pytest.raises(HTTPError) as refused:
            sandbox.control("pay", {"habits": {}})
        refused.value.close()
        with pytest.raises(HTTPError) as missing:
            sandbox.control("money")
        missing.value.close()
    assert not (tmp_path / "none" / "money.jsonl").exists()


def test_wrong_words_about_money_are_usage_errors(tmp_path: Path) -> None:
    for words in (["--channels", "cash"], ["--bills", "nonsense"], ["--bills", "fee=9"]):
        command = [sys.executable, "-m", "adapters.sandbox", "--folder", str(tmp_path), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "error:" in done.stderr
