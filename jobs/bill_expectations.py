"""What the channels' bills should say, kept from the order feed: each batch and its cursor in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from adapters.errors import AdapterError
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.rules import bill_expecting as rules
from stores.errors import FeedGone
from stores.records import Back, Payment
from stores.records.settlement import Expectation

R = TypeVar("R")
NAME = "bills"
SIZE = 500


def trade_account(alias: str) -> str:
    """The account of a channel's trade bills; no shop's alias has a colon."""
    return f"pay:{alias}"


def funds_account(alias: str) -> str:
    """The account of a channel's fund flow."""
    return f"funds:{alias}"


def fee_e4(env: Env, alias: str) -> int | None:
    """The fee of a channel, None where the settings do not say."""
    return next((fee for glob, fee in env.settings.payments.fees.items() if fnmatchcase(alias, glob)), None)


def refresh(env: Env, run: RunHandle) -> None:
    """Bring the expectations up to the payments of now. The first time, and after the feed was trimmed, all are read."""
    cursor = env.settlement.cursor(NAME)
    if cursor:
        try:
            return _follow(env, run, cursor)
        except FeedGone:
            run.result.facts["feed"] = "read anew"
    end = env.orders.feed_end()
    for found in _all(env):
        env.settlement.put_expectations(_made(env, found), cursor=None)
        run.beat()
    env.settlement.put_expectations([], cursor=(NAME, end))
    return None


def _all(env: Env) -> Iterator[Sequence[Payment]]:
    after = ""
    while found := env.orders.find_payments(statuses=["paid"], limit=SIZE, after=after):
        after = found[-1].payment_no
        yield found


def _follow(env: Env, run: RunHandle, cursor: str) -> None:
    while not run.stopping:
        batches, after = env.orders.feed(cursor, limit=20)
        if not batches:
            return
        numbers = list(dict.fromkeys(no for _, nos in batches for no in nos))
        made = [e for part in chunks(numbers, SIZE) for e in _made(env, _of_orders(env, part))]
        env.settlement.put_expectations(made, cursor=(NAME, after))
        run.beat()
        cursor = after


def _of_orders(env: Env, order_nos: Sequence[str]) -> list[Payment]:
    return _paged(
        lambda after: env.orders.find_payments(statuses=["paid"], order_nos=order_nos, limit=SIZE, after=after),
        lambda payment: payment.payment_no,
    )


def _backs(env: Env, payment_nos: Sequence[str]) -> list[Back]:
    return _paged(
        lambda after: env.orders.find_backs(payment_nos=payment_nos, limit=SIZE, after=after), lambda back: back.back_no
    )


def _made(env: Env, payments: Sequence[Payment]) -> list[Expectation]:
    backs: dict[str, list[Back]] = defaultdict(list)
    for part in chunks([p.payment_no for p in payments], SIZE):
        for back in _backs(env, part):
            backs[back.payment_no].append(back)
    return [
        e
        for p in payments
        for e in rules.expected_of(
            p, backs[p.payment_no], account=trade_account(p.channel), fee_e4=fee_e4(env, p.channel),
            gives_back=_gives_back(env, p.channel),
        )
    ]  # fmt: skip


def _paged(read: Callable[[str], list[R]], number: Callable[[R], str]) -> list[R]:
    """Every page of a question, one after the other."""
    out: list[R] = []
    after = ""
    while found := read(after):
        out += found
        after = number(found[-1])
    return out


def _gives_back(env: Env, alias: str) -> bool:
    try:
        return env.channels.get(alias).name in rules.GIVES_FEE_BACK
    except (JobError, AdapterError):
        # a channel that is gone or broken keeps what was expected of it; its bills cannot be fetched either
        return True
