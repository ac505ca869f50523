"""pay create, query, close and list: collecting the money of our own orders.

The intent — a payment with its number — is written before the channel is called. The number follows from the order and the
attempt, so that whoever is cut off and asks again gets the same payment at the channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapters.errors import AdapterError, Refused
from adapters.payments.documents import PayAsk
from jobs import asking, gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, JobError, UnknownThing
from jobs.orders import numbers_of
from jobs.results import Item, Result
from jobs.rules import payments as rules
from jobs.rules.numbers import payment_no, platform_number
from jobs.schema import OWN
from stores.contracts import PaymentChange
from stores.records import Order, Payment, Progress

if TYPE_CHECKING:
    from adapters.payments.base import Channel

INTENDED = gaps.declare(
    "pay.intended",
    before="a payment is written",
    after="the channel is asked to start it",
    sweep="pay create again gives the same payment; reconcile payments closes what nobody started",
)
STARTED = gaps.declare(
    "pay.started",
    before="the channel has started a payment",
    after="what the buyer needs is shown",
    sweep="pay create again gives the same payment",
)
STATUSES = ("open", "paid", "closed", "failed")


def create(
    env: Env, numbers: Sequence[str], *, channel: str = "", method: str = "", payer: str = "", client_ip: str = "",
    dry_run: bool = False,
) -> Result:  # fmt: skip
    """Start collecting unpaid orders of our own; each item's facts have what the buyer's device needs.

    Args:
        channel: alias; empty: the only one there is. method: empty: the channel's first one.
        payer, client_ip: of the buyer, where the method needs them; for one order at a time.

    Raises:
        UnknownThing: no such order or channel. BadSettings: the channel's file cannot be used. BadRequest: no such method.
    """
    alias = channel or _only_channel(env)
    if len(numbers) != 1 and (payer or client_ip):
        raise BadRequest("a buyer's id and address belong to one order", hint="oms pay create --help")
    with env.run("pay create", dry_run=dry_run, channel=alias, method=method, orders=list(numbers)) as run:
        found = env.channels.get(alias)
        chosen = method or found.methods[0]
        if chosen not in found.methods:
            raise BadRequest(f"method {chosen!r}; {alias} has {', '.join(found.methods)}", hint="oms pay create --help")
        for part in chunks(numbers_of(env, numbers), env.settings.payments.batch):
            _create(env, run, part, found, chosen, payer, client_ip)
        return run.result


def _only_channel(env: Env) -> str:
    names = env.channels.names()
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise BadRequest(f"say which channel; known: {known}", hint="oms pay create ORDER --channel ALIAS")
    return names[0]


def _create(
    env: Env, run: RunHandle, numbers: Sequence[str], channel: Channel, method: str, payer: str, client_ip: str
) -> None:
    orders = env.orders.heads(numbers)
    gone = [n for n in numbers if n not in orders]
    if gone:
        raise UnknownThing(f"order {gone[0]!r}", hint="oms order search --help")
    kept: dict[str, list[Payment]] = {}
    for payment in env.orders.find_payments(order_nos=numbers, limit=1 << 30):
        kept.setdefault(payment.order_no, []).append(payment)
    made, going = [], []
    for no in numbers:
        open_ = next((p for p in kept.get(no, ()) if p.status == "open"), None)
        problem = _problem(orders[no], kept.get(no, ()), channel)
        if problem:
            run.result.add(Item(ref=no, did="refused", reason=problem, shop=orders[no].shop))
        elif open_ is not None:
            going.append(open_)
        else:
            made.append(_payment(env, orders[no], 1 + len(kept.get(no, ())), channel, method))
    if run.result.dry_run:
        for payment in [*made, *going]:
            _show(run, payment, {})
        return
    for outcome in env.orders.add_payments(made, run_id=run.id, reason="payment.asked") if made else []:
        if outcome.result == "refused":
            order = next(p.order_no for p in made if p.payment_no == outcome.key)
            run.result.add(Item(ref=order, did="refused", reason=outcome.reason, shop=orders[order].shop))
    if made:
        gaps.gap(INTENDED)
    written = env.orders.payments([p.payment_no for p in (*made, *going)])
    for payment in written.values():
        _start(env, run, orders[payment.order_no], payment, payer, client_ip)


def _problem(order: Order, payments: Sequence[Payment], channel: Channel) -> str:
    if order.platform != OWN:
        return "not_ours"
    if order.progress != Progress.UNPAID:
        return f"is_{order.progress}"
    if any(p.status == "paid" and p.backed_minor < p.paid_minor for p in payments):
        return "money_is_late"
    if order.payable_minor <= 0:
        return "nothing_to_pay"
    if order.paid_minor:
        return "part_paid"  # a deposit was taken in another way: the whole sum must not be asked for again
    return "" if order.currency == channel.currency else "other_currency"


def _payment(env: Env, order: Order, attempt: int, channel: Channel, method: str) -> Payment:
    now = env.clock.now()
    ends = now + timedelta(seconds=env.settings.payments.expires)
    return Payment(
        payment_no=payment_no(order.order_no, attempt), order_no=order.order_no, shop=order.shop, channel=channel.alias,
        merchant_id=channel.connection.merchant_id, method=method, attempt=attempt, currency=order.currency,
        amount_minor=order.payable_minor, asked_at=now, expires_at=ends,
        next_check_at=rules.next_check(now, now, until=ends), created_at=now, changed_at=now,
    )  # fmt: skip


def _start(env: Env, run: RunHandle, order: Order, payment: Payment, payer: str, client_ip: str) -> None:
    """Start a payment at its own channel, or once more: that starts nothing new there."""
    if payment.status != "open":
        run.result.add(Item(ref=payment.order_no, did="refused", reason=f"is_{payment.status}", shop=payment.shop))
        return
    title = env.settings.payments.title.replace("{number}", platform_number(order.order_no))
    ask = PayAsk(
        payment_no=payment.payment_no, amount_minor=payment.amount_minor, currency=payment.currency, title=title,
        method=payment.method, payer=payer, expires_at=payment.expires_at, client_ip=client_ip,
    )  # fmt: skip
    try:
        started = env.channels.get(payment.channel).start(ask)
    except Refused as error:
        _refused(env, run, payment, error)
        return
    except (AdapterError, JobError) as error:
        facts = {"payment_no": payment.payment_no, "error": str(error)[:200]}
        run.result.add(
            Item(ref=payment.order_no, did="failed", reason=type(error).__name__, shop=payment.shop, facts=facts)
        )
        return
    gaps.gap(STARTED)
    names = [n for n in ("code_url", "url", "form", "params") if getattr(started, n)]
    _show(run, payment, {n: getattr(started, n) for n in names})


def _show(run: RunHandle, payment: Payment, needed: dict[str, Any]) -> None:
    facts = {
        "payment_no": payment.payment_no, "channel": payment.channel, "method": payment.method,
        "amount_minor": payment.amount_minor, "currency": payment.currency,
        "expires_at": payment.expires_at.isoformat(), **needed,
    }  # fmt: skip
    run.result.count("started")
    run.result.items.append(Item(ref=payment.order_no, did="started", shop=payment.shop, facts=facts))


def _refused(env: Env, run: RunHandle, payment: Payment, error: Refused) -> None:
    """The channel does not start it: either it knows it already in another state, or it was never possible."""
    asking.ask(env, run, [payment])
    kept = env.orders.payments([payment.payment_no])[payment.payment_no]
    if kept.status == "open" and kept.trade_no == "":
        change = PaymentChange(
            payment_no=kept.payment_no, order_no=kept.order_no, expect=kept.version, reason="payment.not_started",
            facts={"code": error.code[:60]},
            set={"status": "failed", "channel_status": error.code[:60], "next_check_at": None},
        )  # fmt: skip
        env.orders.apply_payments([change], run_id=run.id)
    facts = {"payment_no": payment.payment_no, "code": error.code}
    run.result.add(Item(ref=payment.order_no, did="refused", reason="channel_refused", shop=payment.shop, facts=facts))


# ------------------------------------------------------------------ asking


def query(env: Env, numbers: Sequence[str] = (), *, open_only: bool = False, limit: int = 0) -> Result:
    """Ask the channel about payments now, due or not; `open_only`: about all that are open.

    Raises:
        UnknownThing: no such payment. BadRequest: none named.
    """
    if bool(numbers) == open_only:
        raise BadRequest("name payments, or --open for all that are open", hint="oms pay query --help")
    with env.run("pay query", payments=list(numbers), open=open_only) as run:
        found = _named(env, numbers) if numbers else _open(env, limit)
        for part in chunks(found, env.settings.payments.batch):
            asking.ask(env, run, [p for p in part if p.status != "paid"])
            for payment in env.orders.payments([p.payment_no for p in part]).values():
                facts = {"order_no": payment.order_no, "channel_status": payment.channel_status, "late": payment.late}
                item = Item(ref=payment.payment_no, did=payment.status, shop=payment.shop, facts={k: v for k, v in facts.items() if v})  # fmt: skip
                run.result.items.append(item)
        return run.result


def _named(env: Env, numbers: Sequence[str]) -> list[Payment]:
    found = {no: p for part in chunks(list(numbers), 500) for no, p in env.orders.payments(part).items()}
    gone = [n for n in numbers if n not in found]
    if gone:
        raise UnknownThing(f"payment {gone[0]!r}", hint="oms pay list")
    return list(found.values())


def _open(env: Env, limit: int) -> list[Payment]:
    found: list[Payment] = []
    while page := env.orders.find_payments(
        statuses=("open",), limit=min(500, (limit or 1 << 60) - len(found)), after=found[-1].payment_no if found else ""
    ):
        found += page
        if limit and len(found) >= limit:
            break
    return found


def listing(
    env: Env, *, statuses: Sequence[str] = (), shops: Sequence[str] = (), orders: Sequence[str] = (),
    channels: Sequence[str] = (), late: bool = False, limit: int = 50,
) -> list[Payment]:  # fmt: skip
    """Payments by number."""
    for word in statuses:
        if word not in STATUSES:
            raise BadRequest(f"status {word!r}; one of {', '.join(STATUSES)}", hint="oms pay list --help")
    names = tuple(env.shops(shops)) if shops else ()
    return list(
        env.orders.find_payments(
            statuses=statuses, shops=names, order_nos=numbers_of(env, orders), channels=channels, late=late, limit=limit
        )
    )
