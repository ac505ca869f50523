"""WeChat Pay: notifications, sealed with the APIv3 key and signed anew at each delivery. Source: see wechatpay.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.sandbox.pay import keys
from adapters.sandbox.pay import wechatpay_trees as trees
from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import beijing, chance, token_text
from adapters.sandbox.world import World

if TYPE_CHECKING:
    from adapters.sandbox.pay.notices import Notice
    from adapters.sandbox.pay.till import Till

_EVENTS = {"success": "REFUND.SUCCESS", "abnormal": "REFUND.ABNORMAL", "closed": "REFUND.CLOSED"}
_SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
_NOT_SIGNED = frozenset({"event"})


def notice_id(world: World, n: int) -> str:
    """See Channel.notice_id."""
    return f"EV-{beijing(world.now).translate({ord(c): None for c in '-: '})}{n:06d}"


def told(till: Till, payment: Payment, back: Back | None, status: str, *, forged: bool) -> dict[str, Any]:
    """See Channel.told: the plain text, and the event it belongs to."""
    merchant = till.merchants["wechatpay"]
    if back is not None:
        return {"event": _EVENTS[back.state], **_refund(merchant, payment, back)}
    if forged:
        fake = msgspec.structs.replace(
            payment,
            trade_no=f"4200000000{beijing(till.world.now)[:10].replace('-', '')}9999999999",
            paid_at=till.world.now,
        )
        return {"event": "TRANSACTION.SUCCESS", **trees.payment(till, merchant, fake, "SUCCESS")}
    return {"event": "TRANSACTION.SUCCESS", **trees.payment(till, merchant, payment, "SUCCESS")}


def _refund(merchant: Merchant, payment: Payment, back: Back) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "mchid": merchant.merchant_id,
        "transaction_id": payment.trade_no,
        "out_trade_no": payment.no,
        "refund_id": back.refund_id,
        "out_refund_no": back.no,
        "refund_status": trees.STATUSES[back.state],
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": payment.total,
            "refund": back.amount,
            "payer_total": payment.payer_total,
            "payer_refund": back.payer,
        },
    }
    if back.state == "success":
        tree["success_time"] = trees.rfc(back.done_at)
    return tree


def tell(tree: dict[str, Any], payment: Payment, amount: int) -> dict[str, Any]:
    """See Channel.tell."""
    moved = amount - payment.total
    amounts = {**tree["amount"], "total": amount, "payer_total": tree["amount"]["payer_total"] + moved}
    return {**tree, "amount": amounts}


def notice(till: Till, notice: Notice, now: int) -> tuple[Mapping[str, str], bytes]:
    """See Channel.notice."""
    from adapters.sandbox.pay.wechatpay import signed

    merchant = till.merchants["wechatpay"]
    if not notice.body:
        notice.body = _sealed(till, merchant, notice, notice.tree)
    nonce = token_text(32, till.world.seed, notice.id, notice.tries)
    key, key_id = _key(till, merchant, notice)
    if notice.mode == "key":
        # whoever forges it has a key, only not the channel's
        key = merchant.own
    body, over = notice.body, notice.body
    if notice.mode == "body":
        # signed by the channel once, about a refusal; altered on the way
        over = _sealed(till, merchant, notice, {**notice.tree, "trade_state": "PAYERROR"})
    headers = {"content-type": "application/json", **signed(key, key_id, now, nonce, over)}
    if notice.mode == "probe":
        headers["wechatpay-signature"] = f"WECHATPAY/SIGNTEST/{headers['wechatpay-signature'][:300]}"
    return headers, body


def _key(till: Till, merchant: Merchant, notice: Notice) -> tuple[rsa.RSAPrivateKey, str]:
    if chance(till.world.seed, "certificate", notice.id, notice.tries) < merchant.certificate_share:
        return merchant.certified, merchant.certificate_serial
    return merchant.theirs, merchant.public_key_id


def _sealed(till: Till, merchant: Merchant, notice: Notice, tree: Mapping[str, Any]) -> bytes:
    plain = msgspec.json.encode({k: v for k, v in tree.items() if k not in _NOT_SIGNED})
    kind = "transaction" if notice.kind == "payment" else "refund"
    nonce = token_text(12, till.world.seed, notice.id, "seal", tree.get("trade_state", ""))
    return msgspec.json.encode(
        {
            "id": notice.id,
            "create_time": trees.rfc(notice.made),
            "resource_type": "encrypt-resource",
            "event_type": tree["event"],
            "summary": _SUMMARIES[tree["event"]],
            "resource": {
                "original_type": kind,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": keys.seal(merchant.api_v3_key, nonce, kind, plain),
                "associated_data": kind,
                "nonce": nonce,
            },
        }
    )


def acknowledged(status: int, body: bytes) -> bool:
    """See Channel.acknowledged: the status alone counts."""
    return status in (200, 204)
