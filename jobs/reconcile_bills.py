"""reconcile bills: each channel's trade bill of a day against our payments, and its fund flow against that bill.

A bill is imported once, whole, with its hash, account and day. What differs stands open in the settlement's books and
is looked at again: a payment near midnight may be on the next day's bill. A bill that is not made yet is left for the
next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from adapters.errors import AdapterError, NotYet
from jobs.batches import chunks
from jobs.bill_expectations import fee_e4, funds_account, refresh, trade_account
from jobs.bill_lines import NET, RAW_COLUMNS, Told, fund_lines, trade_lines
from jobs.bill_matching import ZONE, Account, match_day
from jobs.env import Env, RunHandle
from jobs.errors import BadFile, BadRequest, Busy, JobError, UnknownThing
from jobs.results import Item, Result
from jobs.rules.bill_expecting import FEE, PAYMENT, REFUND
from jobs.settling import holding
from stores.records import Lease
from stores.records.settlement import StatementFile, StatementLine, Suspense

if TYPE_CHECKING:
    from adapters.payments.base import Channel
    from adapters.payments.documents import Bill

JOB = "reconcile bills"
#: days before yesterday that are looked after without being named: weekends, and a machine that stood still
BACK_DAYS = 6


class Given(NamedTuple):
    """A bill that somebody downloaded by hand."""

    path: Path
    kind: str


def reconcile(
    env: Env, *, channels: Sequence[str] = (), since: date | None = None, until: date | None = None, file: Given | None = None
) -> Result:  # fmt: skip
    """Fetch, import and match the days' bills that are not there yet.

    Args:
        channels: globs of aliases; none: all.
        since, until: days, both inside; none: the last week up to yesterday.
        file: one bill from a file instead, of the one channel and the one day that are named.

    Raises:
        UnknownThing: no channel of that name. BadRequest: days that do not fit together. BadFile: the file is no bill.
    """
    first, last = _days(env, since, until)
    aliases = _aliases(env, channels)
    if file is not None and (len(aliases) != 1 or first != last or since is None):
        raise BadRequest("a file is the bill of one channel and one day", hint="oms reconcile bills --help")
    with env.run(
        JOB, channels=list(channels), since=str(first), until=str(last), file=file.path.name if file else ""
    ) as run:
        refresh(env, run)
        for alias in aliases:
            if run.stopping:
                break
            try:
                _channel(env, run, alias, first, last, file)
            except (AdapterError, Busy, JobError) as error:
                if file is not None:
                    raise
                # one channel's trouble stays its own
                did = "skipped" if isinstance(error, Busy) else "failed"
                run.result.add(Item(ref=alias, did=did, reason=type(error).__name__, facts={"why": str(error)}))
        if run.result.outcome == "partial":
            run.result.hint = "oms settle show"
        return run.result


def _days(env: Env, since: date | None, until: date | None) -> tuple[date, date]:
    yesterday = env.clock.now().astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    last = until or yesterday
    first = since or last - timedelta(days=BACK_DAYS)
    if first > last or last > yesterday:
        raise BadRequest("days go forward and are over", hint="oms reconcile bills --help")
    return first, last


def _aliases(env: Env, globs: Sequence[str]) -> list[str]:
    known = env.channels.names()
    found = [a for a in known if not globs or any(fnmatchcase(a, g) for g in globs)]
    if globs and not found:
        raise UnknownThing(
            f"payment channel {', '.join(globs)}; known: {', '.join(known) or 'none'}", hint="oms doctor"
        )
    return found


def _channel(env: Env, run: RunHandle, alias: str, first: date, last: date, file: Given | None) -> None:
    channel = env.channels.get(alias)
    expects = {PAYMENT, REFUND} | ({FEE} if fee_e4(env, alias) else set())
    trade = Account(trade_account(alias), channel.name, expects, cut=True)
    funds = Account(funds_account(alias), channel.name, {NET}, cut=False)
    with holding(env, run, trade.name) as lease, holding(env, run, funds.name) as funds_lease:
        work = _Work(env, run, alias, channel)
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if run.stopping:
                return
            fresh = work.trade(trade, day, lease, file)
            if fresh:
                _tell(run, trade, day, match_day(env, run, trade, day, lease=lease))
            if work.funds(funds, trade, day, funds_lease, file):
                _tell(run, funds, day, match_day(env, run, funds, day, lease=funds_lease))
        _again(env, run, trade, lease)
        _again(env, run, funds, funds_lease)


def _again(env: Env, run: RunHandle, account: Account, lease: Lease) -> None:
    """What stands open is looked at again when it is due, or when our payment has changed."""
    if account.name not in env.settlement.due_accounts(env.clock.now()):
        return
    found = [p for p in env.settlement.periods(account=account.name) if p.state != "confirmed"]
    if found:
        newest = date.fromisoformat(max(p.period for p in found))
        _tell(run, account, newest, match_day(env, run, account, newest, lease=lease))


def _tell(run: RunHandle, account: Account, day: date, opened: Sequence[Suspense]) -> None:
    for s in opened:
        facts = {
            "account": account.name,
            "day": s.period or day.isoformat(),
            "kind": s.kind,
            "amount_minor": s.amount_minor,
            "currency": s.currency,
        }
        run.result.add(Item(ref=s.order_ref or s.ref, did="differs", reason=s.class_, facts=facts))


class _Work:
    """Fetching and importing for one channel."""

    def __init__(self, env: Env, run: RunHandle, alias: str, channel: Channel) -> None:
        self._env, self._run, self._alias, self._channel = env, run, alias, channel

    def trade(self, account: Account, day: date, lease: Lease, file: Given | None) -> bool:
        """Import a day's trade bill unless it is there; whether there is something new to match."""
        if file is not None and file.kind != "trade":
            return False
        if file is None and self._known(account, day):
            return False
        data = self._bytes(day, "trade", file)
        if data is None:
            return False
        bill = self._bill(data, day, "trade")
        return self._add(account, day, data, trade_lines(bill) if bill else [], lease)

    def funds(self, account: Account, trade: Account, day: date, lease: Lease, file: Given | None) -> bool:
        """Import a day's fund flow, once its trade bill is there, and what that bill says it should be."""
        if file is not None and file.kind != "funds":
            return False
        if not self._known(trade, day) or (file is None and self._known(account, day)):
            return False
        data = self._bytes(day, "funds", file)
        if data is None:
            return False
        bill = self._bill(data, day, "funds")
        told = Told(self._stored(trade, day))
        self._env.settlement.put_expectations(list(told.nets(account.name, day)), cursor=None)
        return self._add(account, day, data, fund_lines(bill, told) if bill else [], lease)

    def _stored(self, account: Account, day: date) -> Iterator[dict[str, Any]]:
        """The lines of a day's trade bill as they were imported."""
        for file in self._env.settlement.files(account=account.name, period=day.isoformat()):
            numbers = range(file.first_line, file.first_line + file.row_count)
            for part in chunks(numbers, 1000):
                yield from self._env.settlement.lines(part)

    def _known(self, account: Account, day: date) -> bool:
        return bool(self._env.settlement.files(account=account.name, period=day.isoformat()))

    def _bytes(self, day: date, kind: str, file: Given | None) -> bytes | None:
        """A bill's file; empty bytes: there is none and never will be. None: it is not made yet."""
        if file is not None:
            try:
                return file.path.read_bytes()
            except OSError as error:
                raise BadFile(f"{file.path}: {error.strerror or error}") from error
        try:
            return self._channel.bill(day, kind) or b""
        except NotYet:
            self._run.result.count("not_yet")
            return None

    def _bill(self, data: bytes, day: date, kind: str) -> Bill | None:
        if not data:
            return None
        bill = self._channel.read_bill(data, day=day, kind=kind)
        for problem in bill.problems:
            facts = {"day": day.isoformat(), "bill": kind, "problem": problem}
            self._run.result.add(Item(ref=self._alias, did="differs", reason="bill_problem", facts=facts))
        return bill

    def _add(self, account: Account, day: date, data: bytes, lines: Sequence[StatementLine], lease: Lease) -> bool:
        head = StatementFile(
            account=account.name, period=day.isoformat(), kind="api", hash=hashlib.sha256(data).hexdigest(),
            name=f"{account.name} {day}", layout=account.channel, layout_version=1, raw_columns=RAW_COLUMNS,
            at=self._env.clock.now(), run_id=self._run.id,
        )  # fmt: skip
        _, outcome = self._env.settlement.add_file(head, _batches(lines), list, token=lease.token)
        if outcome.result == "lost":
            raise Busy(f"{account.name}: another run took over")
        if outcome.result == "refused":
            raise BadRequest(f"{day} of {account.name} is {outcome.reason}", hint="oms settle show")
        self._run.result.count("bills" if outcome.result == "done" else "bills_known")
        self._run.result.count("rows", len(lines) if outcome.result == "done" else 0)
        return True


def _batches(lines: Sequence[StatementLine]) -> Iterator[Sequence[StatementLine]]:
    for at in range(0, len(lines), 5000):
        yield lines[at : at + 5000]
