"""WeChat Pay: the JSON of payments and refunds. Amounts in fen, times RFC 3339 in Beijing time. Source: see wechatpay.py."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import BEIJING, digest, token_text

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

_WORDS = {"SUCCESS": "支付成功", "REFUND": "转入退款", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭"}
COUPON_ID, COUPON_NAME = "109519", "店铺满减券"
STATUSES = {"processing": "PROCESSING", "success": "SUCCESS", "closed": "CLOSED", "abnormal": "ABNORMAL"}


def rfc(at: int) -> str:
    """RFC 3339 with +08:00."""
    return datetime.fromtimestamp(at, BEIJING).isoformat()


def started(payment: Payment, kind: str) -> dict[str, Any]:
    """What the buyer's device needs."""
    if kind == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={payment.handle[2:13]}zz"}
    if kind == "h5":
        url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"
        return {"h5_url": f"{url}?prepay_id={payment.handle}&package={digest(payment.handle) % 10**10}"}
    return {"prepay_id": payment.handle}


def state_of(till: Till, payment: Payment) -> str:
    if payment.state == "paid":
        return "REFUND" if till.backs_of(payment) else "SUCCESS"
    return "CLOSED" if payment.state == "closed" else "NOTPAY"


def openid(payment: Payment) -> str:
    return payment.payer or f"oUpF8u{token_text(22, 'openid', payment.no)}"


def promotions(payment: Payment) -> list[dict[str, Any]]:
    """The coupon as an order tells it."""
    if not payment.coupon:
        return []
    borne = payment.coupon == "NOCASH"
    return [
        {
            "coupon_id": COUPON_ID,
            "name": COUPON_NAME,
            "scope": "GLOBAL",
            "type": payment.coupon,
            "amount": payment.coupon_amount,
            "stock_id": "931386",
            "wechatpay_contribute": 0 if borne else payment.coupon_amount,
            "merchant_contribute": payment.coupon_amount if borne else 0,
            "other_contribute": 0,
            "currency": "CNY",
        }
    ]


def payment(till: Till, merchant: Merchant, found: Payment, state: str = "") -> dict[str, Any]:
    """An order as a query tells it; `state` instead of its own where a notification keeps what it was."""
    state = state or state_of(till, found)
    tree: dict[str, Any] = {
        "appid": merchant.app_id,
        "mchid": merchant.merchant_id,
        "out_trade_no": found.no,
        "trade_type": found.method,
        "trade_state": state,
        "trade_state_desc": _WORDS[state],
        "bank_type": found.bank if found.paid_at else "",
        "attach": found.attach,
        "amount": {"total": found.total, "currency": found.currency},
        "promotion_detail": [],
    }
    return {**tree, **paid(found)} if found.paid_at else tree


def paid(found: Payment) -> dict[str, Any]:
    """What an order has only once it is paid."""
    return {
        "transaction_id": found.trade_no,
        "success_time": rfc(found.paid_at),
        "payer": {"openid": openid(found)},
        "amount": {
            "total": found.total,
            "payer_total": found.payer_total,
            "currency": found.currency,
            "payer_currency": found.currency,
        },
        "promotion_detail": promotions(found),
    }


def refund(till: Till, back: Back) -> dict[str, Any]:
    """A refund as its request and its query tell it."""
    owner = till.payments[back.channel, back.payment_no]
    discount = back.amount - back.payer
    tree: dict[str, Any] = {
        "refund_id": back.refund_id,
        "out_refund_no": back.no,
        "transaction_id": owner.trade_no,
        "out_trade_no": owner.no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc(back.created),
        "status": STATUSES[back.state],
        "funds_account": back.funds,
        "amount": {
            "total": owner.total,
            "refund": back.amount,
            "payer_total": owner.payer_total,
            "payer_refund": back.payer,
            "settlement_refund": back.settled,
            "settlement_total": owner.settled,
            "discount_refund": discount,
            "currency": owner.currency,
            "refund_fee": 0,
            "from": [],
        },
        "promotion_detail": [_promotion(owner, discount)] if discount else [],
    }
    if back.state == "success":
        tree["success_time"] = rfc(back.done_at)
    return tree


def _promotion(owner: Payment, discount: int) -> dict[str, Any]:
    return {
        "promotion_id": COUPON_ID,
        "scope": "GLOBAL",
        "type": owner.coupon,
        "amount": owner.coupon_amount,
        "refund_amount": discount,
        "goods_detail": [],
    }
