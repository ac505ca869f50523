"""Alipay: notifications, forms signed anew at each delivery with its time. Source: see alipay.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from adapters.sandbox.pay import alipay_trees as trees
from adapters.sandbox.pay import keys
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import beijing, yuan
from adapters.sandbox.world import World

if TYPE_CHECKING:
    from adapters.sandbox.pay.notices import Notice
    from adapters.sandbox.pay.till import Till


def notice_id(world: World, n: int) -> str:
    """See Channel.notice_id."""
    return f"{beijing(world.now)[:10].replace('-', '')}00222{n:021d}"


def told(till: Till, payment: Payment, back: Back | None, status: str, *, forged: bool) -> dict[str, Any]:
    """See Channel.told: all parameters but those of the delivery."""
    if forged:
        payment = msgspec.structs.replace(payment, paid_at=till.world.now, trade_no=payment.trade_no or _fake(till))
    merchant = till.merchants["alipay"]
    tree = {
        "app_id": merchant.app_id,
        "auth_app_id": merchant.app_id,
        "charset": "utf-8",
        "gmt_create": beijing(payment.scanned_at or payment.created),
        "notify_type": "trade_status_sync",
        "out_trade_no": payment.no,
        "seller_id": merchant.merchant_id,
        "subject": payment.title,
        "total_amount": yuan(payment.total),
        "trade_no": payment.trade_no,
        "trade_status": status,
        "version": "1.0",
        **{k.replace("buyer_user_id", "buyer_id"): v for k, v in trees.buyer(payment).items()},
    }
    if payment.attach:
        tree["passback_params"] = payment.attach
    if payment.paid_at:
        tree |= _paid(payment)
    if back is not None:
        tree |= {
            "refund_fee": yuan(till.backed(payment)),
            "gmt_refund": f"{beijing(back.done_at)}.{int(back.refund_id[-3:]):03d}",
            "out_biz_no": back.no,
        }
    if status == "TRADE_CLOSED":
        tree["gmt_close"] = beijing(till.world.now)
    return tree


def _fake(till: Till) -> str:
    return f"{beijing(till.world.now)[:10].replace('-', '')}220014243399999999"


def _paid(payment: Payment) -> dict[str, str]:
    return {
        "buyer_pay_amount": yuan(payment.payer_total),
        "fund_bill_list": json.dumps(trees.funds(payment, "fundChannel"), separators=(",", ":")),
        "gmt_payment": beijing(payment.paid_at),
        "invoice_amount": yuan(payment.payer_total),
        "point_amount": "0.00",
        "receipt_amount": yuan(payment.settled),
    }


def tell(tree: dict[str, Any], payment: Payment, amount: int) -> dict[str, Any]:
    """See Channel.tell."""
    moved = amount - payment.total
    return {
        **tree,
        "total_amount": yuan(amount),
        "buyer_pay_amount": yuan(payment.payer_total + moved),
        "invoice_amount": yuan(payment.payer_total + moved),
        "receipt_amount": yuan(payment.settled + moved),
    }


def notice(till: Till, notice: Notice, now: int) -> tuple[Mapping[str, str], bytes]:
    """See Channel.notice."""
    from adapters.sandbox.pay.alipay import signing_text

    merchant = till.merchants["alipay"]
    params = {**notice.tree, "notify_id": notice.id, "notify_time": beijing(now)}
    over = params
    if notice.mode == "body":
        # signed by the channel once, about an unpaid end; altered on the way
        over = {**params, "trade_status": "TRADE_CLOSED"}
    key = merchant.own if notice.mode == "key" else merchant.theirs
    sign = keys.sign(key, signing_text(over, ("sign", "sign_type")))
    body = urlencode({**dict(sorted(params.items())), "sign_type": "RSA2", "sign": sign}).encode()
    return {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, body


def acknowledged(status: int, body: bytes) -> bool:
    """See Channel.acknowledged: seven letters and nothing else."""
    return status == 200 and body == b"success"
