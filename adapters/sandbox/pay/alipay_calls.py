"""Alipay: what each method does. Amounts are yuan as text, times Beijing time as text. Source: see alipay.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pay import alipay_bills as bills
from adapters.sandbox.pay import alipay_trees as trees
from adapters.sandbox.pay.alipay_no import No
from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.pay.post import split
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import decode, digest, from_beijing, yuan

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

__all__ = ["CALLS", "OPENED", "Call", "No"]
_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?")
_NUMBER = re.compile(r"[0-9A-Za-z_]{1,64}")
_LONGEST = 15 * 86400
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_YEAR = 365 * 86400


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was let in."""

    till: Till
    merchant: Merchant
    request_id: str
    form: Mapping[str, str]
    base: str

    def content(self) -> dict[str, Any]:
        found = decode(self.form.get("biz_content", "").encode())
        if not isinstance(found, dict):
            raise No("40001", "isv.missing-biz-content", "缺少biz_content参数")
        return found


def invalid(text: str) -> No:
    """40004 ACQ.INVALID_PARAMETER."""
    return No("40004", "ACQ.INVALID_PARAMETER", f"参数无效：{text}")


def _fen(content: Mapping[str, Any], name: str) -> int:
    text = content.get(name)
    if not isinstance(text, str) or not _YUAN.fullmatch(text):
        raise invalid(name)
    whole, _, part = text.partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    if not fen:
        raise invalid(name)
    return fen


def _text(content: Mapping[str, Any], name: str, most: int) -> str:
    found = content.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= most:
        raise invalid(name)
    return found


def _payment(call: Call, content: Mapping[str, Any]) -> Payment:
    """The trade that is named, by the channel's number if both are there; a code that nobody scanned is none."""
    trade_no, number = content.get("trade_no"), content.get("out_trade_no")
    if not trade_no and not number:
        raise invalid("out_trade_no")
    till = call.till
    found = till.trades.get(("alipay", str(trade_no))) if trade_no else till.payments.get(("alipay", str(number)))
    if found is None or not found.trade_no:
        raise No("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
    return found


# --- start


def _start(call: Call, method: str) -> Payment:
    content = call.content()
    number = _text(content, "out_trade_no", 64)
    if not _NUMBER.fullmatch(number):
        raise invalid("out_trade_no")
    payment = Payment(
        channel="alipay",
        no=number,
        method=method,
        title=_text(content, "subject", 256),
        total=_fen(content, "total_amount"),
        notify_url=_notify_url(call),
        attach=str(content.get("passback_params", "")),
        created=call.till.world.now,
        expires=_expires(call, content),
        state="waiting" if method == "precreate" else "open",
    )
    word, kept = call.till.start(payment)
    if word == "paid":
        raise No("40004", "ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if word == "closed":
        raise No("40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if word == "differs":
        raise No("40004", "ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    return kept


def _notify_url(call: Call) -> str:
    """Where to tell what became of it; without one nothing is told."""
    url = call.form.get("notify_url", "")
    if url and split(url) is None:
        raise invalid("notify_url")
    return url


def _options(content: Mapping[str, Any]) -> list[Any]:
    found = content.get("query_options", [])
    if not isinstance(found, list):
        raise invalid("query_options")
    return found


def _expires(call: Call, content: Mapping[str, Any]) -> int:
    """By time_expire (a time) or timeout_express (90m, 24h, 15d); fifteen days without either."""
    now = call.till.world.now
    if content.get("time_expire"):
        try:
            # the stamp says what time it is for the caller
            left = from_beijing(str(content["time_expire"])) - from_beijing(call.form["timestamp"])
        except ValueError:
            raise invalid("time_expire") from None
        if left <= 0:
            raise invalid("time_expire")
        return now + min(left, _LONGEST)
    span = str(content.get("timeout_express", "15d"))
    if not re.fullmatch(r"[1-9][0-9]*[mhd]", span):
        raise invalid("timeout_express")
    return now + min(int(span[:-1]) * _UNITS[span[-1]], _LONGEST)


def precreate(call: Call) -> dict[str, Any]:
    """alipay.trade.precreate: a code; the trade exists once it is scanned."""
    payment = _start(call, "precreate")
    return {"out_trade_no": payment.no, "qr_code": f"https://qr.alipay.com/bax{digest('qr', payment.no):020d}"}


def _opened(method: str) -> Callable[[Call], str]:
    def page(call: Call) -> str:
        payment = _start(call, method)
        return f"<html><head><title>支付宝收银台</title></head><body>{payment.no} {yuan(payment.total)}</body></html>"

    return page


# --- query, close


def query(call: Call) -> dict[str, Any]:
    """alipay.trade.query."""
    content = call.content()
    return trees.payment(call.till, _payment(call, content), options=_options(content))


def close(call: Call) -> dict[str, Any]:
    """alipay.trade.close."""
    content = call.content()
    number = str(content.get("out_trade_no", ""))
    waiting = call.till.payments.get(("alipay", number))
    if waiting is not None and waiting.state == "waiting":
        call.till.close(waiting)
    payment = _payment(call, content)
    word = call.till.close(payment)
    if word == "paid":
        raise No("40004", "ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if word == "already":
        raise No("40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    return {"out_trade_no": payment.no, "trade_no": payment.trade_no}


def cancel(call: Call) -> dict[str, Any]:
    """alipay.trade.cancel: closes what is unpaid, scanned or not; gives back what was paid."""
    content = call.content()
    found = call.till.payments.get(("alipay", str(content.get("out_trade_no", ""))))
    if found is None:
        raise No("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
    told = {"out_trade_no": found.no, "retry_flag": "N"}
    if found.trade_no:
        told["trade_no"] = found.trade_no
    if found.state != "paid":
        call.till.cancel(found)
        return {**told, "action": "close"}
    left = found.total - call.till.backed(found)
    if left:
        call.till.give_back(found, f"{found.no}C", left, reason="撤销")
    return {**told, "action": "refund"}


# --- refunds


def refund(call: Call) -> dict[str, Any]:
    """alipay.trade.refund: done at once; asked again it changes nothing (fund_change N)."""
    content = call.content()
    payment, amount = _payment(call, content), _fen(content, "refund_amount")
    number = content.get("out_request_no") or (payment.no if amount == payment.total else "")
    if not isinstance(number, str) or not 1 <= len(number) <= 64:
        raise invalid("out_request_no")
    if payment.state == "paid" and trees.finished(call.till, payment):
        raise No("40004", "ACQ.TRADE_HAS_FINISHED", "交易已完结")
    word, back = call.till.give_back(payment, number, amount, reason=str(content.get("refund_reason", "")))
    if word in _REFUSALS or back is None:
        raise No("40004", *_REFUSALS[word])
    return trees.refund(call.till, payment, back, changed=word == "done", options=_options(content))


_REFUSALS = {
    "differs": ("ACQ.DISCORDANT_REPEAT_REQUEST", "同一笔退款请求参数不一致"),
    "not_paid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    "too_much": ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    "too_many": ("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
    "not_enough": ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
}


def refund_query(call: Call) -> dict[str, Any]:
    """alipay.trade.fastpay.refund.query: of a refund that is not there it says nothing but success."""
    content = call.content()
    payment = _payment(call, content)
    number = _text(content, "out_request_no", 64)
    back: Back | None = call.till.backs.get(("alipay", number))
    if back is None or back.payment_no != payment.no:
        return {}
    return trees.refund_told(payment, back, options=_options(content))


CALLS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "alipay.trade.precreate": precreate,
    "alipay.trade.query": query,
    "alipay.trade.close": close,
    "alipay.trade.cancel": cancel,
    "alipay.trade.refund": refund,
    "alipay.trade.fastpay.refund.query": refund_query,
    "alipay.data.dataservice.bill.downloadurl.query": bills.link,
}
#: what a buyer's browser or app brings; the answer is a page
OPENED: dict[str, Callable[[Call], str]] = {
    "alipay.trade.page.pay": _opened("page"),
    "alipay.trade.wap.pay": _opened("wap"),
    "alipay.trade.app.pay": _opened("app"),
}
