"""Money that goes back: intent (the back, written and promised) → sent → success, processing, refused or unknown.

An unknown one is read back before it is sent again, and always under the same number, so that a channel pays it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapters.errors import AdapterError, NotAuthorised, Refused, Uncertain
from adapters.payments.base import Channel
from adapters.payments.documents import ASK_AGAIN, BackAsk, BackDocument
from jobs import backs_told, gaps
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.results import Item
from jobs.rules.numbers import back_no
from stores.contracts import BackChange
from stores.records import Back, Payment, replace

PROMISED = gaps.declare(
    "back.promised",
    before="money is promised back here",
    after="the channel is asked for it",
    sweep="reconcile payments: it is due after its lease, read back, and sent under the same number",
)
SENDING = gaps.declare(
    "back.sending",
    before="that a back is in hand is booked",
    after="the channel is called",
    sweep="reconcile payments: it is due after its lease, read back, and sent under the same number",
)
ANSWERED = gaps.declare(
    "back.answered",
    before="the channel has taken the refund",
    after="its answer is written here",
    sweep="reconcile payments: it is due after its lease and read back",
)


def make(env: Env, payment: Payment, amount_minor: int, *, refund_no: str, reason: str, attempt: int) -> Back:
    """A back that is in our hand for as long as a lease."""
    now = env.clock.now()
    return Back(
        back_no=back_no(refund_no or f"late:{payment.late}", payment.payment_no, attempt),
        payment_no=payment.payment_no, order_no=payment.order_no, refund_no=refund_no, amount_minor=amount_minor,
        currency=payment.currency, reason=reason, asked_at=now,
        next_check_at=now + timedelta(seconds=env.settings.payments.lease), created_at=now, changed_at=now,
    )  # fmt: skip


def promise(env: Env, run: RunHandle, backs: Sequence[Back], *, by: str) -> list[Back]:
    """Write backs, and send those that are ours to send; what may not go is an item with its reason.

    Returns:
        Those that were written by this call.
    """
    outcomes = {o.key: o for o in env.orders.add_backs(backs, run_id=run.id, reason=f"back.asked by {by}"[:60])}
    for back in backs:
        outcome = outcomes[back.back_no]
        if outcome.result == "refused":
            facts = {"back_no": back.back_no, "amount_minor": back.amount_minor}
            run.result.add(
                Item(ref=back.refund_no or back.payment_no, did="refused", reason=outcome.reason, facts=facts)
            )
        elif outcome.result == "already":
            run.result.count("passed_over")  # another run has it in hand
    fresh = [b for b in backs if outcomes[b.back_no].result == "done"]
    if fresh:
        gaps.gap(PROMISED)
        send(env, run, fresh)
    return fresh


def send(env: Env, run: RunHandle, backs: Sequence[Back]) -> None:
    """Ask channels for backs that are in our hand; one in trouble does not stop the others."""
    payments = env.orders.payments(sorted({b.payment_no for b in backs}))
    for back in backs:
        payment = payments[back.payment_no]
        try:
            channel = env.channels.get(payment.channel)
        except (AdapterError, JobError) as error:
            _waits(run, back, error)
            continue
        gaps.gap(SENDING)
        _send(env, run, channel, payment, back)


def _send(env: Env, run: RunHandle, channel: Channel, payment: Payment, back: Back) -> None:
    ask = BackAsk(
        back_no=back.back_no, payment_no=back.payment_no, amount_minor=back.amount_minor, total_minor=payment.paid_minor,
        currency=back.currency, reason=back.reason,
    )  # fmt: skip
    try:
        document = channel.refund(ask)
    except Refused as error:
        gaps.gap(ANSWERED)
        _refused(env, run, back, error)
        return
    except (AdapterError, JobError) as error:
        # Not done, or nobody knows: it stays as it is, is due after its lease, and is read back then.
        _waits(run, back, error)
        return
    gaps.gap(ANSWERED)
    _apply(env, run, document)


def _apply(env: Env, run: RunHandle, document: BackDocument) -> None:
    verdict = backs_told.apply(env, run, [document], asked=True)[document.back_no]
    if verdict.act == "changed":
        run.result.count("passed_over")


def _refused(env: Env, run: RunHandle, back: Back, error: Refused) -> None:
    """Surely not done: the promise ends, and a new number is a person's decision."""
    code = error.code[:60]
    backs_told.tell(env, back, "refused", code)
    kept = env.orders.backs([back.back_no])[back.back_no]
    change = BackChange(
        back_no=back.back_no, order_no=back.order_no, expect=kept.version, reason="back.refused",
        facts={"code": code}, set={"status": "refused", "channel_status": code, "next_check_at": None},
    )  # fmt: skip
    if kept.status in ("asked", "processing") and env.orders.apply_backs([change], run_id=run.id)[0].ok:
        facts = {"code": code, "refund_no": back.refund_no, "amount_minor": back.amount_minor}
        run.result.add(Item(ref=back.back_no, did="refused", reason="channel_refused", facts=facts))


def _waits(run: RunHandle, back: Back, error: Exception) -> None:
    did = "failed" if isinstance(error, (NotAuthorised, JobError)) else "waiting"
    reason = "unknown" if isinstance(error, Uncertain) else type(error).__name__
    facts = {"refund_no": back.refund_no, "error": str(error)[:200]}
    run.result.add(Item(ref=back.back_no, did=did, reason=reason, facts=facts))


# ------------------------------------------------------------------ reading back


def read_back(env: Env, run: RunHandle, backs: Sequence[Back]) -> None:
    """Ask what became of backs that are due; what the channel surely does not have is sent again under the same number."""
    mine = _booked(env, run, backs)
    payments = env.orders.payments(sorted({b.payment_no for b in mine}))
    for back in mine:
        if run.stopping:
            return
        if back.status == "success":
            backs_told.finish(env, run, back)
            continue
        try:
            _read_back(env, run, env.channels.get(payments[back.payment_no].channel), back)
        except (AdapterError, JobError) as error:
            _waits(run, back, error)


def _read_back(env: Env, run: RunHandle, channel: Channel, back: Back) -> None:
    document = channel.refund_query(back.back_no, back.payment_no)
    run.result.count("asked")
    missing = document is None or document.status_raw == ASK_AGAIN
    if not missing and document is not None:
        _apply(env, run, document)
    elif back.status in ("asked", "processing"):
        send(env, run, [back])
    else:
        env.orders.apply_backs([backs_told.booking(env, back)], run_id=run.id)


def _booked(env: Env, run: RunHandle, backs: Sequence[Back]) -> list[Back]:
    """Those that are in our hand now; another run has the others."""
    until = env.clock.now() + timedelta(seconds=env.settings.payments.lease)
    changes = [
        BackChange(
            back_no=b.back_no, order_no=b.order_no, expect=b.version, reason="back.asked", recorded=False,
            set={"next_check_at": until, "checks": b.checks + 1},
        )
        for b in backs
    ]  # fmt: skip
    ok = {o.key for o in env.orders.apply_backs(changes, run_id=run.id) if o.ok}
    run.result.count("passed_over", len(backs) - len(ok))
    return [
        replace(b, version=b.version + 1, checks=b.checks + 1, next_check_at=until) for b in backs if b.back_no in ok
    ]
