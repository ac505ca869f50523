"""Alipay: what answers and notifications say of payments and refunds. Source: see alipay.py."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import beijing, digest, yuan

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

_YEAR = 365 * 86400
COUPON_NAME = "店铺满减券"


def finished(till: Till, payment: Payment) -> bool:
    """A year after payment nothing can be given back any more."""
    return till.world.now > payment.paid_at + _YEAR


def status_of(till: Till, payment: Payment) -> str:
    if payment.state in ("open", "waiting"):
        return "WAIT_BUYER_PAY"
    if payment.state == "closed" or till.backed(payment) >= payment.total:
        return "TRADE_CLOSED"
    return "TRADE_FINISHED" if finished(till, payment) else "TRADE_SUCCESS"


def buyer(payment: Payment) -> dict[str, str]:
    n = digest("alipay buyer", payment.no)
    return {"buyer_logon_id": f"1{30 + n % 70}****{n // 100 % 10000:04d}", "buyer_user_id": f"2088{n % 10**12:012d}"}


def funds(payment: Payment, name: str = "fund_channel") -> list[dict[str, str]]:
    """Where the money came from; `name`: notifications spell it fundChannel."""
    own = [{"amount": yuan(payment.payer_total), name: "ALIPAYACCOUNT"}]
    word = "MDISCOUNT" if payment.coupon == "NOCASH" else "DISCOUNT"
    return [*own, {"amount": yuan(payment.coupon_amount), name: word}] if payment.coupon else own


def payment(till: Till, found: Payment, options: Collection[str]) -> dict[str, Any]:
    """alipay.trade.query."""
    tree: dict[str, Any] = {
        **buyer(found),
        "out_trade_no": found.no,
        "subject": found.title,
        "total_amount": yuan(found.total),
        "trade_no": found.trade_no,
        "trade_status": status_of(till, found),
    }
    zero = dict.fromkeys(("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount"), "0.00")
    if not found.paid_at:
        return dict(sorted({**tree, **zero}.items()))
    tree |= {
        "buyer_pay_amount": yuan(found.payer_total),
        "invoice_amount": yuan(found.payer_total),
        "point_amount": "0.00",
        "receipt_amount": yuan(found.settled),
        "send_pay_date": beijing(found.paid_at),
    }
    if "fund_bill_list" in options:
        tree["fund_bill_list"] = funds(found)
    return dict(sorted(tree.items()))


def refund(till: Till, owner: Payment, back: Back, *, changed: bool, options: Collection[str]) -> dict[str, Any]:
    """alipay.trade.refund; refund_fee is what was given back in all."""
    tree: dict[str, Any] = {
        **buyer(owner),
        "fund_change": "Y" if changed else "N",
        "gmt_refund_pay": beijing(back.done_at),
        "out_trade_no": owner.no,
        "refund_fee": yuan(till.backed(owner)),
        "send_back_fee": yuan(back.payer),
        "trade_no": owner.trade_no,
    }
    if "refund_detail_item_list" in options:
        tree["refund_detail_item_list"] = _items(owner, back)
    return tree


def _items(owner: Payment, back: Back) -> list[dict[str, str]]:
    own = [{"amount": yuan(back.payer), "fund_channel": "ALIPAYACCOUNT"}]
    word, rest = "MDISCOUNT" if owner.coupon == "NOCASH" else "DISCOUNT", back.amount - back.payer
    return [*own, {"amount": yuan(rest), "fund_channel": word}] if rest else own


def refund_told(owner: Payment, back: Back, options: Collection[str]) -> dict[str, Any]:
    """alipay.trade.fastpay.refund.query."""
    tree: dict[str, Any] = {
        "out_request_no": back.no,
        "out_trade_no": owner.no,
        "refund_amount": yuan(back.amount),
        "refund_status": "REFUND_SUCCESS",
        "total_amount": yuan(owner.total),
        "trade_no": owner.trade_no,
        "send_back_fee": yuan(back.payer),
    }
    if back.state == "abnormal":
        tree["deposit_back_info"] = {"has_deposit_back": "true", "dback_status": "F", "dback_amount": yuan(back.payer)}
    if "gmt_refund_pay" in options:
        tree["gmt_refund_pay"] = beijing(back.done_at)
    if "refund_detail_item_list" in options:
        tree["refund_detail_item_list"] = _items(owner, back)
    return tree
