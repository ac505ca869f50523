"""Mutated notifications against both channels: ``python -m tests.payments.fuzz --notifications 10000 [--seed N]``.

Two in three are mutated before they are signed with the valid key, so that what lies behind the signature is reached. Each
must end in NotVerified or Unreadable with a reason, or in exactly what the wire says: a reader of its own, on json and
decimal alone, reads every accepted one again. What is altered after signing and is accepted must be what was signed.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.errors import NotVerified, Unreadable
from adapters.payments.base import Channel
from adapters.payments.documents import Notification
from tests.payments import mutating
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.fakes import API_V3_KEY, Pay
from tests.payments.kit import NOON

STAGES = ("headers", "signature", "decoder", "document", "accepted")
#: stages that lie past the signature
PAST = ("decoder", "document", "accepted")
#: reason → the stage that it is given at; others are given when the document is read
AT = {
    **dict.fromkeys(("missing_header", "signature_type", "probe", "bad_time_header", "malformed", "doubled_field", "missing_sign", "too_big"), "headers"),
    **dict.fromkeys(("unknown_key", "expired_key", "signature"), "signature"),
    **dict.fromkeys(("not_json", "unknown_event", "algorithm", "decrypt", "encoding"), "decoder"),
}  # fmt: skip
BEIJING = timezone(timedelta(hours=8))


@dataclass
class Tally:
    """What became of the notifications of one channel."""

    stages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    before: int = 0
    #: what must not happen, with the seed's number of the notification
    wrong: list[str] = field(default_factory=list)

    @property
    def all(self) -> int:
        return self.stages.total()

    @property
    def past(self) -> float:
        """Share that came past the signature."""
        return sum(self.stages[s] for s in PAST) / max(self.all, 1)


def run(channel: str, count: int, seed: int = 1) -> Tally:
    """Send so many mutated notifications of one channel to its adapter."""
    fake: Any = {"wechatpay": FakeWeChat, "alipay": FakeAlipay}[channel](NOON)
    for n in range(5):
        fake.pays[f"OMS{n}"] = Pay(f"OMS{n}", 8800 + n, "paid")
        fake.give(f"R{n}", f"OMS{n}", 100 + n)
    tally = Tally()
    with fake.rig() as rig:
        for n in range(count):
            _one(channel, fake, rig.channel, Random(f"{seed} {channel} {n}"), tally, n)
    return tally


def _one(channel: str, fake: Any, adapter: Channel, rng: Random, tally: Tally, n: int) -> None:
    numbers, backs = list(fake.pays), list(fake.backs)
    signed, notice, name = _mutated(channel, fake, rng, numbers, backs)
    tally.before += signed is None
    try:
        got = adapter.notification(*notice)
    except (NotVerified, Unreadable) as error:
        tally.stages[_stage(channel, error)] += 1
        tally.reasons[f"{type(error).__name__} {error.reason}"] += 1
        return
    except Exception as error:
        tally.stages["crash"] += 1
        tally.wrong.append(f"{n} {name}: {type(error).__name__}: {error}")
        return
    tally.stages["accepted"] += 1
    if signed is not None and facts(got) != facts(adapter.notification(*signed)):
        tally.wrong.append(f"{n} {name}: altered after signing, and another document was read")
    try:
        said = WIRE[channel](notice[1])
    except Exception as error:
        said = {"no reading": f"{type(error).__name__}: {error}"}
    if (told := facts(got)) != said:
        tally.wrong.append(f"{n} {name}: read {told}, the wire says {said}")


def _mutated(
    channel: str, fake: Any, rng: Random, numbers: list[str], backs: list[str]
) -> tuple[Any, mutating.Notice, str]:
    """(the notice as it was signed, or None when it was mutated before, the notice as sent, the mutation's name)."""
    is_wechat = channel == "wechatpay"
    parts = (
        mutating.wechat_base(rng, fake, numbers, backs)
        if is_wechat
        else (mutating.alipay_base(rng, fake, numbers, backs),)
    )
    if rng.random() < 2 / 3:
        how = rng.choice(mutating.WECHAT_BEFORE if is_wechat else mutating.ALIPAY_BEFORE)
        return None, how(rng, fake, *parts), how.__name__
    how = rng.choice(mutating.WECHAT_AFTER if is_wechat else mutating.ALIPAY_AFTER)
    signed = fake.notice(*parts) if is_wechat else fake.form(*parts)
    return signed, how(rng, signed), how.__name__


def _stage(channel: str, error: NotVerified | Unreadable) -> str:
    reason = error.reason
    if isinstance(error, NotVerified) and channel == "wechatpay" and reason in ("bad_time", "too_old"):
        return "headers"
    return AT.get(reason, "document")


# ---------------------------------------------------------------- a reader of its own


def facts(got: Notification) -> dict[str, Any]:
    """What was understood, as the reader below writes it."""
    if got.refund is not None:
        back = got.refund
        return {
            "id": got.id, "back_no": back.back_no, "payment_no": back.payment_no, "amount": back.amount_minor,
            "status": back.status, "at": back.done_at,
        }  # fmt: skip
    paid = got.payment
    assert paid is not None
    return {
        "id": got.id, "payment_no": paid.payment_no, "trade_no": paid.trade_no, "amount": paid.amount_minor, "payer": paid.payer_minor,
        "settled": paid.settled_minor, "status": paid.status, "at": paid.paid_at, "merchant": paid.merchant_id,
        "back_no": got.back_no, "refunded": paid.refunded_minor,
    }  # fmt: skip


def wechat_says(body: bytes) -> dict[str, Any]:
    envelope = json.loads(body)
    sealed = envelope["resource"]
    box, associated = base64.b64decode(sealed["ciphertext"]), sealed.get("associated_data") or ""
    plain = json.loads(AESGCM(API_V3_KEY.encode()).decrypt(sealed["nonce"].encode(), box, associated.encode()))
    amount = plain["amount"]
    if envelope["event_type"].startswith("REFUND"):
        at = plain.get("success_time")
        return {
            "id": envelope["id"], "back_no": plain["out_refund_no"], "payment_no": plain["out_trade_no"], "amount": int(amount["refund"]),
            "status": plain["refund_status"].lower(), "at": datetime.fromisoformat(at).astimezone(UTC) if at else None,
        }  # fmt: skip
    borne = sum(int(p["amount"]) for p in plain.get("promotion_detail") or () if p["type"] == "NOCASH")
    return {
        "id": envelope["id"], "payment_no": plain["out_trade_no"], "trade_no": str(plain["transaction_id"]), "amount": int(amount["total"]),
        "payer": int(amount["payer_total"]), "settled": int(amount["total"]) - borne,
        "status": {"SUCCESS": "paid", "REFUND": "refund"}[plain["trade_state"]],
        "at": datetime.fromisoformat(plain["success_time"]).astimezone(UTC), "merchant": FakeWeChat.merchant_id, "back_no": "", "refunded": None,
    }  # fmt: skip


def alipay_says(body: bytes) -> dict[str, Any]:
    pairs = parse_qsl(body.strip().decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    charset = dict(pairs).get("charset", "utf-8")
    form = {k: v.encode("latin-1").decode("gb18030" if charset.lower().startswith("gb") else "utf-8") for k, v in pairs}

    def fen(name: str, default: int) -> int:
        return int(Decimal(form[name].strip()) * 100) if form.get(name) else default

    total, refunded = fen("total_amount", 0), fen("refund_fee", 0)
    at = form.get("gmt_payment")
    state = form["trade_status"]
    gone = {"TRADE_CLOSED": "refund" if at or refunded else "closed", "WAIT_BUYER_PAY": "unpaid"}
    status = gone.get(state, "refund" if refunded else "paid")
    paid = status in ("paid", "refund")
    moment = datetime.strptime(at, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC) if at else None
    return {
        "id": form["notify_id"], "payment_no": form["out_trade_no"], "trade_no": form.get("trade_no", ""), "amount": total,
        "payer": fen("buyer_pay_amount", total) if paid else 0, "settled": fen("receipt_amount", total) if paid else 0, "status": status,
        "at": moment, "merchant": form["seller_id"], "back_no": form.get("out_biz_no", "") if refunded else "", "refunded": refunded or None,
    }  # fmt: skip


WIRE = {"wechatpay": wechat_says, "alipay": alipay_says}


def report(tallies: dict[str, Tally]) -> str:
    """The counts as a table."""
    lines = [f"{'':12}" + "".join(f"{s:>11}" for s in STAGES) + f"{'before':>9}{'past':>8}"]
    for channel, tally in tallies.items():
        counts = "".join(f"{tally.stages[s]:>11}" for s in STAGES)
        lines.append(f"{channel:12}{counts}{tally.before:>9}{tally.past:>8.0%}")
        lines += [f"  {n:>6}  {reason}" for reason, n in sorted(tally.reasons.items())]
        lines += [f"  WRONG {text}" for text in tally.wrong[:20]]
    return "\n".join(lines) + "\n"


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.payments.fuzz", description=(__doc__ or "").splitlines()[0])
    words.add_argument("--notifications", type=int, default=10000)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    half = asked.notifications // 2
    tallies = {
        "wechatpay": run("wechatpay", asked.notifications - half, asked.seed),
        "alipay": run("alipay", half, asked.seed),
    }
    sys.stdout.write(report(tallies))
    total = sum(t.all for t in tallies.values())
    past = sum(t.past * t.all for t in tallies.values()) / max(total, 1)
    sys.stdout.write(
        f"{total} notifications, {past:.0%} past the signature, {sum(len(t.wrong) for t in tallies.values())} wrong\n"
    )
    return 1 if past < 0.4 or any(t.wrong for t in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
