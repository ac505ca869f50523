"""Payments whose notifications are listened to, the same way whatever the channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.sandbox.pay_callers import Alipay, Listener, WechatPay, channels

BACK = "http://127.0.0.1:9/back"
Caller = WechatPay | Alipay


def caller_of(channel: str, **wish: object) -> Caller:
    wechat, ali = channels(**wish)
    return wechat if channel == "wechatpay" else ali


def start(caller: Caller, number: str = "OMS00001") -> None:
    if isinstance(caller, WechatPay):
        assert caller.start(number)[0] == 200
    else:
        assert caller.start(number)["code"] == "10000"


def give_back(caller: Caller, fen: int, number: str = "OMS00001", back: str = "R1") -> None:
    if isinstance(caller, WechatPay):
        assert caller.refund(number, back, fen, notify_url=BACK)[0] == 200
    else:
        assert caller.refund(number, back, f"{fen / 100:.2f}")["code"] == "10000"
    caller.advance(120)


def genuine(caller: Caller, headers: Mapping[str, str], body: bytes) -> bool:
    return caller.signed(headers, body) if isinstance(caller, WechatPay) else caller.genuine(body)


def read(caller: Caller, body: bytes) -> dict[str, Any]:
    """Id, kind, payment, amount in fen and whether it says paid."""
    if isinstance(caller, WechatPay):
        envelope, plain = caller.unseal(body)
        kind = envelope["resource"]["original_type"]
        amount = plain["amount"]["total"]
        return {
            "id": envelope["id"],
            "kind": "payment" if kind == "transaction" else kind,
            "no": plain["out_trade_no"],
            "amount": amount,
            "paid": plain.get("trade_state") == "SUCCESS",
        }
    form = dict(parse_qsl(body.decode()))
    return {
        "id": form["notify_id"],
        "kind": "refund" if "refund_fee" in form else "payment",
        "no": form["out_trade_no"],
        "amount": int(form["total_amount"].replace(".", "")),
        "paid": form["trade_status"] == "TRADE_SUCCESS",
    }


def told(caller: Caller, listener: Listener) -> list[dict[str, Any]]:
    return [
        {"at": at, "good": genuine(caller, headers, body), **read(caller, body)} for at, headers, body in listener.got
    ]


def run(caller: Caller, listener: Listener, seconds: int, step: int = 5) -> None:
    """Let time pass in small steps, each with its round of deliveries."""
    for _ in range(0, seconds, step):
        caller.advance(step)
        listener.round(caller.till)
