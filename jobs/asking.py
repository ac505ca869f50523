"""Asking channels about payments: who asks books it first, so that two never ask at once; the answer is the channel's word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from adapters.errors import AdapterError
from adapters.payments.documents import NOT_FOUND, PaymentDocument
from jobs import gaps, payments_told
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.payments_told import Heard
from jobs.results import Item
from stores.contracts import PaymentChange
from stores.records import Order, Payment, Progress, replace

if TYPE_CHECKING:
    from adapters.payments.base import Channel

ASKED = gaps.declare(
    "payment.asked",
    before="that a channel is asked about payments is booked",
    after="its answers are applied",
    sweep="reconcile payments: they are due again when the booking ends",
)
CLOSED = gaps.declare(
    "payment.closed",
    before="the channel has closed a payment that nobody may pay any more",
    after="it is closed here",
    sweep="reconcile payments: it is due again when the booking ends, and the channel says that it is closed",
)


def ask(env: Env, run: RunHandle, payments: Sequence[Payment]) -> None:
    """Ask about payments and apply the answers; what expired unpaid, or whose order is not unpaid any more, is closed.

    A channel in trouble does not stop the others; what it was not asked about is due again after the lease.
    """
    by_channel: dict[str, list[Payment]] = {}
    for payment in booked(env, run, payments):
        by_channel.setdefault(payment.channel, []).append(payment)
    gaps.gap(ASKED)
    for alias, some in by_channel.items():
        if run.stopping:
            return
        try:
            channel = env.channels.get(alias)
            _ask(env, run, channel, some)
        except (AdapterError, JobError) as error:
            facts = {"error": str(error)[:200], "payments": len(some)}
            run.result.add(Item(ref=alias, did="failed", reason=type(error).__name__, shop=alias, facts=facts))


def booked(env: Env, run: RunHandle, payments: Sequence[Payment]) -> list[Payment]:
    """Those that we may ask about: as they are after the booking. Another run has the others in hand."""
    until = env.clock.now() + timedelta(seconds=env.settings.payments.lease)
    changes = [
        PaymentChange(
            payment_no=p.payment_no, order_no=p.order_no, expect=p.version, reason="payment.asked",
            set={"next_check_at": until, "checks": p.checks + 1}, recorded=False,
        )
        for p in payments
    ]  # fmt: skip
    ok = {o.key for o in env.orders.apply_payments(changes, run_id=run.id) if o.ok}
    mine = [p for p in payments if p.payment_no in ok]
    if len(mine) < len(payments):
        run.result.count("passed_over", len(payments) - len(mine))
    return [replace(p, version=p.version + 1, checks=p.checks + 1, next_check_at=until) for p in mine]


def _ask(env: Env, run: RunHandle, channel: Channel, payments: Sequence[Payment]) -> None:
    done = [p for p in payments if p.status == "paid"]
    if done:
        # What is still open of a paid one is only ours: the demand of its order.
        payments_told.confirm(env, run, [p.payment_no for p in done])
    heads = env.orders.heads(sorted({p.order_no for p in payments}))
    heard: list[Heard] = []
    try:
        for payment in (p for p in payments if p.status != "paid"):
            if run.stopping:
                break
            document = channel.query(payment.payment_no)
            run.result.count("asked")
            if _is_over(env, payment, heads.get(payment.order_no), document):
                document = _close(channel, payment, document)
            heard.append(Heard(payment.payment_no, document, asked=True))
    finally:
        # What was answered before the channel failed is true all the same.
        payments_told.apply(env, run, heard)


def _is_over(env: Env, payment: Payment, order: Order | None, document: PaymentDocument) -> bool:
    """Nobody may pay it any more, and the channel says that nobody has."""
    if payment.status != "open" or document.status != "unpaid":
        return False
    return env.clock.now() >= payment.expires_at or order is None or order.progress != Progress.UNPAID


def _close(channel: Channel, payment: Payment, document: PaymentDocument) -> PaymentDocument:
    """Close it at the channel; returns what is true then."""
    answer = channel.close(payment.payment_no)
    gaps.gap(CLOSED)
    if answer == "paid":
        return channel.query(payment.payment_no)
    if answer == "closed":
        return msgspec.structs.replace(document, status="closed", status_raw="CLOSED")
    # What the channel does not know it does not close; it is asked about for a while yet.
    return msgspec.structs.replace(document, status="closed") if document.status_raw == NOT_FOUND else document


def due(env: Env, run: RunHandle, *, channels: Sequence[str] = (), limit: int = 0) -> Iterable[list[Payment]]:
    """Payments whose channel is to be asked by now, batch by batch; each once in a run."""
    after, left = "", limit or 1 << 60
    while left > 0 and not run.stopping:
        found = env.orders.find_payments(
            channels=channels, due=True, limit=min(env.settings.payments.batch, left), after=after
        )
        if not found:
            return
        after, left = found[-1].payment_no, left - len(found)
        yield found
