"""parcel import: what the warehouse answers. Waybills, and whether a parcel it was asked to stop has stopped.

Each row stands for itself; what cannot be taken goes to FILE.errors.csv with its reason, to be corrected and imported
again. Importing the same row twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from adapters.warehouses import FileWarehouse, Reply, UnreadableReply
from jobs import gaps, sheets, stopped_members
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from jobs.sheets import Row, Sheet
from jobs.stopped_members import STOP_HOLD
from stores.contracts import Change, ParcelChange
from stores.records import Parcel, ParcelState

STOPPED = gaps.declare(
    "waybills.stopped",
    before="a parcel that the warehouse stopped is stopped, its orders are sourced again",
    after="the orders that asked for the stop move on",
    sweep="parcel import of the same answers: orders of a stopped parcel that still wait are moved on",
)
WENT_ON = gaps.declare(
    "waybills.went_on",
    before="a parcel that could not be stopped goes on",
    after="the holds that waited for the warehouse are released",
    sweep="parcel import of the same answers: the holds are released when the parcel has gone on already",
)
_LAYOUT = FileWarehouse()
#: may get a waybill, or another one
_LABELS = (ParcelState.HANDED_OVER, ParcelState.LABELLED)
#: what a parcel that could not be stopped is again, with and without a waybill
_ON = {True: ParcelState.LABELLED, False: ParcelState.HANDED_OVER}


class Heard(NamedTuple):
    """A row that says something about a parcel we know."""

    row: Row
    reply: Reply
    parcel: Parcel


def take(env: Env, path: Path, *, by: str, dry_run: bool = False) -> Result:
    """Read waybills and stop answers.

    Raises:
        BadFile: not there, no table, or without a column parcel_no.
    """
    with env.run("parcel import", dry_run=dry_run, file=path.name, by=by) as run:
        sheet = sheets.read(path, _LAYOUT.reply_columns, need=_LAYOUT.reply_needs)
        taker = _Taker(env, run, by)
        for part in chunks(sheet.rows, 500):
            taker.batch(part)
            run.beat()
        if not dry_run:
            _write_errors(run.result, path, sheet, taker.bad)
        return run.result


def _write_errors(result: Result, path: Path, sheet: Sheet, bad: Sequence[tuple[Row, str]]) -> None:
    written = sheets.write_errors(path, sheet, bad)
    if written:
        result.facts["errors"] = str(written)
        result.hint = f"correct {written.name} and import it again"


class _Taker:
    """One run over a file."""

    def __init__(self, env: Env, run: RunHandle, by: str) -> None:
        self._env, self._run, self._by = env, run, by
        self.bad: list[tuple[Row, str]] = []
        #: parcel → its reply in this file
        self._said: dict[str, Reply] = {}
        #: waybill → parcel that has it, in this file or before
        self._bills: dict[str, str] = {}

    def batch(self, rows: Sequence[Row]) -> None:
        heard = self._heard(rows)
        self._labels([h for h in heard if not h.reply.answer])
        self._stops([h for h in heard if h.reply.answer == "stopped"])
        self._late([h for h in heard if h.reply.answer == "too_late"])

    def _refuse(self, row: Row, reason: str) -> None:
        self.bad.append((row, reason))
        ref = row.cells.get("parcel_no") or f"line {row.line}"
        self._run.result.add(Item(ref=ref, did="refused", reason=reason, facts={"line": row.line}))

    def _heard(self, rows: Sequence[Row]) -> list[Heard]:
        """Rows that can be read and name a parcel; the same words twice are one."""
        read: list[tuple[Row, Reply]] = []
        for row in rows:
            try:
                reply = _read(row)
            except UnreadableReply as error:
                self._refuse(row, str(error))
                continue
            before = self._said.setdefault(reply.parcel_no, reply)
            if before is not reply:
                if before == reply:
                    self._run.result.count("same")
                else:
                    self._refuse(row, "twice_in_file")
                continue
            read.append((row, reply))
        known = self._env.orders.parcels([reply.parcel_no for _, reply in read])
        heard = []
        for row, reply in read:
            if reply.parcel_no in known:
                heard.append(Heard(row, reply, known[reply.parcel_no]))
            else:
                self._refuse(row, "unknown_parcel")
        return heard

    # ---- waybills
    def _labels(self, heard: Sequence[Heard]) -> None:
        self._look_up(h.reply.waybill for h in heard)
        changes: dict[str, tuple[Heard, ParcelChange]] = {}
        for h in heard:
            reason = _label_problem(h, self._bills)
            if reason == "same":
                self._run.result.count("same")
            elif reason:
                self._refuse(h.row, reason)
            else:
                self._bills[h.reply.waybill] = h.parcel.parcel_no
                changes[h.parcel.parcel_no] = (h, _label(h, self._by))
        self._apply(changes, "labelled")

    def _look_up(self, waybills: Iterable[str]) -> None:
        """Learn which parcel has each of these waybills. The store answers for one waybill at a time, by its index."""
        for waybill in dict.fromkeys(waybills):
            if waybill not in self._bills:
                found = self._env.orders.find_parcels(waybill=waybill, limit=2)
                live = [p for p in found if p.state not in (ParcelState.VOID, ParcelState.STOPPED)]
                if live:
                    self._bills[waybill] = live[0].parcel_no

    def _apply(self, changes: Mapping[str, tuple[Heard, ParcelChange]], did: str) -> set[str]:
        """Write changes; returns the parcels that were changed (all of them in a dry run)."""
        if self._run.result.dry_run:
            for number, (h, change) in changes.items():
                self._run.result.add(Item(ref=number, did=did, shop=h.parcel.shop, facts=dict(change.facts)))
            return set()
        outcomes = self._env.orders.apply_parcels([c for _, c in changes.values()], run_id=self._run.id)
        for outcome in outcomes:
            h, _ = changes[outcome.key]
            if outcome.ok:
                self._run.result.add(Item(ref=outcome.key, did=did, shop=h.parcel.shop))
            else:
                self._refuse(h.row, outcome.reason or outcome.result)
        return {o.key for o in outcomes if o.ok}

    # ---- answers to stop requests
    def _stops(self, heard: Sequence[Heard]) -> None:
        """The warehouse did not ship these: their orders are sourced again, with their stock still held."""
        from jobs.parcel_stop import stopped

        asked = [h for h in heard if self._may_answer(h, (ParcelState.STOPPED, ParcelState.VOIDING))]
        asked = [h for h in asked if self._not_committed(h)]
        if self._run.result.dry_run:
            for h in asked:
                self._run.result.add(Item(ref=h.parcel.parcel_no, did="stopped", shop=h.parcel.shop))
            return
        fresh = [h for h in asked if h.parcel.state == ParcelState.STOP_ASKED]
        done = stopped(self._env, self._run, [h.parcel.parcel_no for h in fresh]) if fresh else set()
        gaps.gap(STOPPED)
        for h in asked:
            if h in fresh and h.parcel.parcel_no not in done:
                self._refuse(h.row, "order_has_another_parcel_there")
            else:
                did = "stopped" if h in fresh else "same"
                self._run.result.add(Item(ref=h.parcel.parcel_no, did=did, shop=h.parcel.shop))
        over = [h.parcel for h in asked if h not in fresh or h.parcel.parcel_no in done]
        stopped_members.settle(self._env, self._run, over)

    def _late(self, heard: Sequence[Heard]) -> None:
        """The warehouse could not stop these: they go on where they were."""
        asked = [h for h in heard if self._may_answer(h, (*_LABELS, ParcelState.SHIPPED))]
        changes = {}
        for h in asked:
            if h.parcel.state == ParcelState.STOP_ASKED:
                bill = h.reply.waybill or h.parcel.waybill
                fields = {"carrier": h.reply.carrier or h.parcel.carrier, "waybill": bill}
                changes[h.parcel.parcel_no] = (
                    h,
                    ParcelChange(
                        parcel_no=h.parcel.parcel_no, expect=h.parcel.version, to=_ON[bool(bill)], reason="stop.too_late",
                        facts={"by": self._by}, set=fields,
                    ),
                )  # fmt: skip
            else:
                self._run.result.count("same")
        done = self._apply(changes, "went_on")
        gaps.gap(WENT_ON)
        if not self._run.result.dry_run:
            over = [h.parcel for h in asked if h.parcel.parcel_no in done or h.parcel.parcel_no not in changes]
            self._release(over, "stop.too_late")

    def _may_answer(self, h: Heard, already: Sequence[ParcelState]) -> bool:
        if h.parcel.state == ParcelState.STOP_ASKED or h.parcel.state in already:
            return True
        self._refuse(h.row, "stop_not_asked" if h.parcel.state in _LABELS else f"is_{h.parcel.state}")
        return False

    def _not_committed(self, h: Heard) -> bool:
        """A parcel whose pieces have left our stock (a `parcel ship` that was killed on its way) cannot be stopped."""
        held = self._env.stock.reservations(list(h.parcel.members))
        gone = any(
            r.shipped or r.state == "shipped"
            for rs in held.values()
            for r in rs
            if r.warehouse == h.parcel.warehouse and r.state in ("open", "shipped")
        )
        if gone and h.parcel.state == ParcelState.STOP_ASKED:
            self._refuse(h.row, "already_committed")
            return False
        return True

    def _release(self, parcels: Sequence[Parcel], reason: str) -> None:
        """Release the holds that waited for the warehouse."""
        numbers = sorted({no for p in parcels for no in p.members})
        for part in chunks(numbers, 500):
            fulls = self._env.orders.load(part)
            changes = [
                Change(
                    order_no=no, expect=full.order.version, reason=reason, release=(STOP_HOLD,),
                    facts={"parcels": sorted(p.parcel_no for p in parcels if no in p.members)},
                )
                for no, full in fulls.items()
                if any(h.code == STOP_HOLD and h.released_at is None for h in full.holds)
            ]  # fmt: skip
            self._env.orders.apply(changes, run_id=self._run.id)


def _read(row: Row) -> Reply:
    if "waybill" in row.bad:
        raise UnreadableReply(row.bad["waybill"])
    return _LAYOUT.reply(row.cells)


def _label_problem(h: Heard, bills: Mapping[str, str]) -> str:
    parcel, reply = h.parcel, h.reply
    carrier = reply.carrier or parcel.carrier
    if not carrier:
        return "no_carrier"
    if parcel.waybill == reply.waybill and parcel.carrier == carrier and parcel.state != ParcelState.HANDED_OVER:
        return "same"
    if parcel.state not in _LABELS:
        return {ParcelState.PLANNED: "not_handed_over", ParcelState.STOP_ASKED: "stop_asked"}.get(
            parcel.state, f"is_{parcel.state}"
        )
    holder = bills.get(reply.waybill, parcel.parcel_no)
    return "" if holder == parcel.parcel_no else f"waybill_of_{holder}"


def _label(h: Heard, by: str) -> ParcelChange:
    carrier = h.reply.carrier or h.parcel.carrier
    return ParcelChange(
        parcel_no=h.parcel.parcel_no, expect=h.parcel.version, to=ParcelState.LABELLED,
        reason="waybill" if h.parcel.state == ParcelState.HANDED_OVER else "waybill_corrected",
        facts={"by": by, "waybill": h.reply.waybill, "carrier": carrier},
        set={"carrier": carrier, "waybill": h.reply.waybill},
    )  # fmt: skip
