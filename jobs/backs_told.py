"""What a channel says of money that goes back becomes true here: the back, its payment's sums, its refund and its order in one
step. A refund is done only on the channel's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from adapters.payments.documents import BackDocument
from jobs import payments_told, refunding
from jobs.env import Env, RunHandle
from jobs.results import Item
from jobs.rules import money
from jobs.rules import payments as rules
from stores.contracts import BackChange, Change, RefundChange
from stores.records import Alert, Back, RefundStatus

#: see payments_told.TRIES
TRIES = 4
#: nothing more is learnt of these
_ENDED = frozenset({"success", "closed", "refused"})


def told(document: BackDocument) -> rules.BackTold:
    """A document in the words of the rules."""
    return rules.BackTold(
        status=document.status, status_raw=document.status_raw, currency=document.currency,
        amount_minor=document.amount_minor, settled_minor=document.settled_minor, done_at=document.done_at,
        channel_refund_no=document.channel_refund_no, payment_no=document.payment_no,
    )  # fmt: skip


def apply(env: Env, run: RunHandle, documents: Sequence[BackDocument], *, asked: bool = False) -> dict[str, rules.Verdict]:  # fmt: skip
    """Apply what was heard of backs, one after another; back_no → what came of it (see `payments_told.apply`)."""
    return {d.back_no: _apply(env, run, d, asked=asked) for d in documents}


def _apply(env: Env, run: RunHandle, document: BackDocument, *, asked: bool) -> rules.Verdict:
    for _ in range(TRIES):
        back = env.orders.backs([document.back_no]).get(document.back_no)
        if back is None:
            # asked back at the channel's own desk, perhaps: ours are written before the channel hears of them
            facts = {"payment_no": document.payment_no, "amount_minor": document.amount_minor}
            payments_told.tell(env, document.back_no, "unknown_back", facts)
            return rules.Verdict("refuse", "unknown_back")
        verdict = rules.judge_back(back, told(document), asked=asked, coupon=_has_coupon(env, back))
        if verdict.act == "refuse":
            tell(env, back, verdict.reason, document.status_raw)
            run.result.add(Item(ref=back.back_no, did="refused", reason=verdict.reason, facts=_facts(back)))
            return verdict
        if verdict.act == "none":
            return _booked(env, run, back, verdict) if asked else verdict
        if verdict.act == "ask":
            return ask_soon(env, run, back.back_no)
        if document.status in ("closed", "abnormal"):
            tell(env, back, document.status, document.status_raw)
        if env.orders.apply_backs([_change(env, back, document, verdict)], run_id=run.id)[0].ok:
            did = {"success": "paid_back", "processing": "waiting"}.get(document.status, "failed")
            run.result.add(Item(ref=back.back_no, did=did, reason=verdict.reason, facts=_facts(back)))
            return verdict
    return rules.Verdict("changed", "changed")


def _has_coupon(env: Env, back: Back) -> bool:
    payment = env.orders.payments([back.payment_no])[back.payment_no]
    return payment.payer_minor != payment.paid_minor


def _facts(back: Back) -> dict[str, Any]:
    return {"payment_no": back.payment_no, "refund_no": back.refund_no, "amount_minor": back.amount_minor}


def _booked(env: Env, run: RunHandle, back: Back, verdict: rules.Verdict) -> rules.Verdict:
    """Nothing new: when the channel is asked next."""
    if back.status not in _ENDED:
        env.orders.apply_backs([booking(env, back)], run_id=run.id)
    return verdict


def finish(env: Env, run: RunHandle, back: Back) -> None:
    """A back that arrived while another of its refund was under way elsewhere: neither knew that it was the last."""
    refund, order = _with(env, back)
    change = BackChange(
        back_no=back.back_no, order_no=back.order_no, expect=back.version, reason="back.finished", recorded=False,
        set={"next_check_at": None}, refund=refund, order=order,
    )  # fmt: skip
    env.orders.apply_backs([change], run_id=run.id)


def booking(env: Env, back: Back) -> BackChange:
    """Book the next question by the schedule; past its end a person is told."""
    at = None if back.status in _ENDED else rules.next_check(back.asked_at, env.clock.now())
    if at is None and back.status not in _ENDED:
        tell(env, back, "unresolved", back.channel_status)
    return BackChange(
        back_no=back.back_no, order_no=back.order_no, expect=back.version, reason="back.booked", recorded=False,
        set={"next_check_at": at},
    )  # fmt: skip


def ask_soon(env: Env, run: RunHandle, back_no: str) -> rules.Verdict:
    """The channel says that something happened to this back, not what: it is due now."""
    back = env.orders.backs([back_no]).get(back_no)
    if back is None:
        payments_told.tell(env, back_no, "unknown_back", {})
        return rules.Verdict("refuse", "unknown_back")
    if back.status in _ENDED:
        return rules.Verdict("none", f"is_{back.status}")
    change = BackChange(
        back_no=back_no, order_no=back.order_no, expect=back.version, reason="back.booked", recorded=False,
        set={"next_check_at": env.clock.now()},
    )  # fmt: skip
    env.orders.apply_backs([change], run_id=run.id)  # lost to somebody who has it in hand: that one asks anyway
    return rules.Verdict("none", "is_due")


# ------------------------------------------------------------------ writing


def _change(env: Env, back: Back, document: BackDocument, verdict: rules.Verdict) -> BackChange:
    now, done = env.clock.now(), document.status == "success"
    fields: dict[str, Any] = {
        "status": document.status, "channel_status": document.status_raw,
        "channel_refund_no": document.channel_refund_no,
        "settled_minor": document.settled_minor if done else 0,
        "done_at": (document.done_at or now) if done else None,
        "next_check_at": None if document.status in _ENDED else rules.next_check(back.asked_at, now),
    }  # fmt: skip
    refund, order = _with(env, msgspec.structs.replace(back, **fields)) if done else (None, None)
    if done and back.refund_no and refund is None:
        # Perhaps another process writes the rest just now, and does not see this one: looked at once more.
        fields["next_check_at"] = now + timedelta(seconds=env.settings.payments.lease)
    return BackChange(
        back_no=back.back_no, order_no=back.order_no, expect=back.version, reason=f"back.{verdict.reason}",
        facts={"said": document.status_raw}, set=fields, refund=refund, order=order,
    )  # fmt: skip


def _with(env: Env, done: Back) -> tuple[RefundChange | None, Change | None]:
    """What the last back of a refund brings along: the refund is done, and its order shows it."""
    if not done.refund_no:
        return None, None
    others = [b for b in env.orders.find_backs(refund_nos=[done.refund_no]) if b.back_no != done.back_no]
    backs = [b for b in [*others, done] if b.status == "success"]
    refund, lines = env.orders.refunds([done.refund_no])[done.refund_no]
    if refund.status == RefundStatus.DONE or sum(b.amount_minor for b in backs) < refund.amount_minor:
        return None, None
    change = RefundChange(
        refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason="paid_back",
        facts={"backs": [b.back_no for b in backs]}, set={"status": RefundStatus.DONE},
    )  # fmt: skip
    full = env.orders.load([refund.order_no])[refund.order_no]
    every = env.orders.refunds([r.refund_no for r in full.refunds])
    every[refund.refund_no] = (msgspec.structs.replace(refund, status=RefundStatus.DONE), lines)
    order = refunding.axis(full, every, env.clock.now())
    # A coupon that we bore comes back to us with its share of the refund.
    share = sum(b.amount_minor - b.settled_minor for b in backs)
    if order is not None and share:
        subsidy = full.order.subsidy_minor + share
        receivable = money.receivable(paid=full.order.paid_minor, subsidy=subsidy, refunded=order.set["refunded_minor"])
        order = msgspec.structs.replace(
            order, set={**order.set, "subsidy_minor": subsidy, "receivable_minor": receivable}
        )
    return change, order


def tell(env: Env, back: Back, reason: str, said: str) -> None:
    from jobs.alerts import tell as raise_alert

    now = env.clock.now()
    severity = "critical" if reason.startswith("success_after") else "warning"
    raise_alert(
        env,
        Alert(
            key=f"payment_back:{back.back_no}:{reason}", kind="payment_back", severity=severity,
            title=f"money back {back.back_no} of payment {back.payment_no}: {reason}", facts={**_facts(back), "said": said},
            hint="oms refund pay" if back.refund_no else "oms pay late", first_at=now, last_at=now,
        ),
    )  # fmt: skip
