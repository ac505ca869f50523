"""What a channel says of payments becomes true here: judged by `jobs/rules/payments.py`, applied once, in one step with the
order. Notifications and answers to our own questions come the same way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from adapters.errors import AdapterError
from adapters.payments.documents import NOT_FOUND, PaymentDocument
from jobs import gaps
from jobs.changing import make_sure
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.results import Item
from jobs.rules import money
from jobs.rules import payments as rules
from stores.contracts import Change, PaymentChange
from stores.records import Alert, Order, Payment, Progress

PAID = gaps.declare(
    "payment.paid",
    before="a payment is paid and its order is created",
    after="the order's demand is claimed",
    sweep="reconcile payments: a paid payment stays due until the demand of its order was made sure of",
)
SURE = gaps.declare(
    "payment.sure",
    before="the demand of a paid order is claimed",
    after="its payment is not due any more",
    sweep="reconcile payments: demand that is there already is not claimed twice",
)
#: in place of times that do not tell two words apart
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: a code that was shown and not scanned is unknown to its channel, and may stay valid there this long after its end
AFTER_END = timedelta(days=1)
#: another process changed the payment or its order: read again, so often
TRIES = 4
_STATUS = {"pay": "paid", "keep": "paid", "close": "closed", "fail": "failed"}


class Heard(NamedTuple):
    """What a channel said of one payment. `asked`: to a question of ours."""

    payment_no: str
    document: PaymentDocument
    asked: bool


def apply(env: Env, run: RunHandle, heard: Sequence[Heard]) -> dict[str, rules.Verdict]:
    """Apply what was heard, at most one word per payment.

    Returns:
        payment_no → what came of it; act ``changed``: somebody else was at it all the time, come again.
    """
    verdicts: dict[str, rules.Verdict] = {}
    left = list(heard)
    for _ in range(TRIES):
        if not left:
            break
        left = _once(env, run, left, verdicts)
    verdicts |= {h.payment_no: rules.Verdict("changed", "changed") for h in left}
    return verdicts


def _once(env: Env, run: RunHandle, heard: Sequence[Heard], verdicts: dict[str, rules.Verdict]) -> list[Heard]:
    """Judge and write; returns those that were not as they had been read."""
    kept = env.orders.payments([h.payment_no for h in heard])
    orders = env.orders.heads(sorted({p.order_no for p in kept.values()}))
    changes: list[PaymentChange] = []
    for h in heard:
        payment = kept.get(h.payment_no)
        if payment is None:
            verdicts[h.payment_no] = rules.Verdict("refuse", "unknown_payment")
            tell(env, h.payment_no, "unknown_payment", {"amount_minor": h.document.amount_minor})
            continue
        order = orders.get(payment.order_no)
        verdict = rules.judge(payment, order, told(h.document), app_id=_app_id(env, payment), asked=h.asked)
        verdicts[h.payment_no] = verdict
        # First: once the change is written, a second look finds nothing to tell.
        if verdict.act in ("refuse", "keep"):
            _tell(env, payment, verdict, h.document)
        change = _change(env, payment, order, verdict, h)
        if change is not None:
            changes.append(change)
    outcomes = {o.key: o for o in env.orders.apply_payments(changes, run_id=run.id)} if changes else {}
    done = [kept[x.payment_no] for x in changes if outcomes[x.payment_no].ok and verdicts[x.payment_no].act == "pay"]
    if done:
        gaps.gap(PAID)
        confirm(env, run, [p.payment_no for p in done])
    _count(run, kept, verdicts, {no for no, o in outcomes.items() if o.ok})
    again = {no for no, o in outcomes.items() if o.result == "changed"}
    return [h for h in heard if h.payment_no in again]


def _count(run: RunHandle, kept: dict[str, Payment], verdicts: dict[str, rules.Verdict], written: set[str]) -> None:
    for no, payment in kept.items():
        verdict = verdicts[no]
        facts: dict[str, Any] = {"order_no": payment.order_no, "channel": payment.channel}
        if verdict.act == "refuse":
            run.result.add(Item(ref=no, did="refused", reason=verdict.reason, shop=payment.shop, facts=facts))
        elif verdict.act in _STATUS and no in written:
            did = "differs" if verdict.act == "keep" else _STATUS[verdict.act]
            run.result.add(Item(ref=no, did=did, reason=verdict.reason, shop=payment.shop, facts=facts))


def told(document: PaymentDocument) -> rules.Told:
    """A document in the words of the rules."""
    return rules.Told(
        status=document.status, status_raw=document.status_raw, currency=document.currency,
        amount_minor=document.amount_minor, payer_minor=document.payer_minor, settled_minor=document.settled_minor,
        paid_at=document.paid_at, trade_no=document.trade_no, merchant_id=document.merchant_id, app_id=document.app_id,
    )  # fmt: skip


def _app_id(env: Env, payment: Payment) -> str:
    try:
        return env.channels.get(payment.channel).connection.app_id
    except (AdapterError, JobError):
        return ""  # the channel's file is gone or broken; whoever brought this word has verified it


def _change(
    env: Env, payment: Payment, order: Order | None, verdict: rules.Verdict, heard: Heard
) -> PaymentChange | None:
    document, now, lease_s = heard.document, env.clock.now(), env.settings.payments.lease
    facts = {"channel": payment.channel, "said": heard.document.status_raw}
    base: dict[str, Any] = {"payment_no": payment.payment_no, "order_no": payment.order_no, "expect": payment.version}
    if verdict.act in ("pay", "keep"):
        paid_at = document.paid_at or now
        fields: dict[str, Any] = {
            "status": "paid", "channel_status": document.status_raw, "trade_no": document.trade_no,
            "paid_minor": document.amount_minor, "payer_minor": document.payer_minor,
            "settled_minor": document.settled_minor, "paid_at": paid_at, "late": verdict.late,
            # due until the order's demand was made sure of
            "next_check_at": now + timedelta(seconds=lease_s) if verdict.act == "pay" else None,
        }  # fmt: skip
        paid = _order(payment, order, fields) if verdict.act == "pay" and order is not None else None
        return PaymentChange(**base, reason=f"payment.{verdict.reason}", facts=facts, set=fields, order=paid)
    if verdict.act in ("close", "fail"):
        fields = {
            "status": _STATUS[verdict.act], "channel_status": document.status_raw,
            "next_check_at": _after_end(payment, now) if document.status_raw == NOT_FOUND else None,
        }  # fmt: skip
        return PaymentChange(**base, reason=f"payment.{verdict.reason}", facts=facts, set=fields)
    return _booked(env, payment, verdict, heard, now, base)


def _booked(
    env: Env, payment: Payment, verdict: rules.Verdict, heard: Heard, now: datetime, base: dict[str, Any]
) -> PaymentChange | None:
    """Nothing changes but when the channel is asked next."""
    if heard.asked:
        if payment.status == "paid" or (payment.status != "open" and payment.next_check_at is None):
            return None
        at = _next(payment, now)
        if at is None and payment.status == "open":
            tell(env, payment.payment_no, "unresolved", {"order_no": payment.order_no, "channel": payment.channel})
    elif verdict.act in ("refuse", "ask") and payment.status == "open":
        at = now  # a notification that does not fit, or may be out of order: the channel is asked what is true
    else:
        return None
    return PaymentChange(**base, reason="payment.booked", set={"next_check_at": at}, recorded=False)


def _next(payment: Payment, now: datetime) -> datetime | None:
    """When the channel is asked next about a payment that is not paid."""
    if payment.status != "open":
        return _after_end(payment, now)
    return rules.next_check(payment.asked_at, now, until=payment.expires_at)


def _after_end(payment: Payment, now: datetime) -> datetime | None:
    """A payment that the channel did not know when it ended may still begin there for a while."""
    return rules.next_check(payment.asked_at, now) if now < payment.expires_at + AFTER_END else None


def _order(payment: Payment, order: Order, fields: dict[str, Any]) -> Change:
    """The order is paid: unpaid → created. Coupons that we bear make what reaches us less than what was paid."""
    paid, subsidy = fields["paid_minor"], fields["settled_minor"] - fields["paid_minor"]
    return Change(
        order_no=order.order_no, expect=order.version, to=Progress.CREATED, reason="paid", was=order.progress,
        facts={"payment_no": payment.payment_no, "channel": payment.channel},
        set={
            "paid_minor": paid, "paid_at": fields["paid_at"], "subsidy_minor": subsidy,
            "receivable_minor": money.receivable(paid=paid, subsidy=subsidy, refunded=order.refunded_minor),
        },
    )  # fmt: skip


def confirm(env: Env, run: RunHandle, payment_nos: Sequence[str]) -> None:
    """Make sure of the demand of paid orders, and end that their payments are due."""
    kept = env.orders.payments(payment_nos)
    make_sure(env, list(env.orders.load(sorted({p.order_no for p in kept.values()})).values()))
    gaps.gap(SURE)
    env.orders.apply_payments(
        [
            PaymentChange(
                payment_no=p.payment_no, order_no=p.order_no, expect=p.version, reason="payment.sure",
                set={"next_check_at": None}, recorded=False,
            )
            for p in kept.values()
            if p.status == "paid"
        ],
        run_id=run.id,
    )  # fmt: skip


# ------------------------------------------------------------------ telling


def _tell(env: Env, payment: Payment, verdict: rules.Verdict, document: PaymentDocument) -> None:
    facts = {
        "order_no": payment.order_no, "channel": payment.channel, "amount_minor": payment.amount_minor,
        "told_minor": document.amount_minor, "trade_no": document.trade_no,
    }  # fmt: skip
    tell(env, payment.payment_no, verdict.reason, facts, late=bool(verdict.late))


def tell(env: Env, ref: str, reason: str, facts: dict[str, Any], *, late: bool = False) -> None:
    """Raise an alert about money that does not fit; it is counted while it is open."""
    from jobs.alerts import tell as raise_alert

    now = env.clock.now()
    kind, hint = ("payment_late", "oms pay late") if late else ("payment_refused", "oms jobs parked")
    title = f"money that does not fit its order: {ref}: {reason}" if late else f"not applied: {ref}: {reason}"
    raise_alert(
        env,
        Alert(key=f"{kind}:{ref}:{reason}", kind=kind, title=title, facts=facts, hint=hint, first_at=now, last_at=now),
    )
