"""A payment channel's bills as statement lines: the trade bill against our books, the fund flow against the trade bill."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters.payments.documents import Bill, BillRow
from jobs.rules.bill_expecting import FEE, PAYMENT, REFUND
from stores.records.settlement import Expectation, StatementLine

#: kind of everything that moves money of a payment, in the fund flow
NET = "net"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: what of a row is kept beside the line: numbers, never a buyer
RAW_COLUMNS = ("flow_no", "status", "fee_e5", "amount_minor", "refund_no")


def trade_lines(bill: Bill) -> list[StatementLine]:
    """Two lines of each row: what moved, and the fee. What comes to us is positive."""
    lines = []
    for row in bill.rows:
        if row.kind not in (PAYMENT, REFUND):
            # taken back or unknown: it names a payment, and moved what it says
            lines.append(_line(row, row.kind, 0, row.payment_no, row.back_no))
            continue
        back = row.kind == REFUND
        lines.append(
            _line(row, row.kind, -row.settled_minor if back else row.settled_minor, row.payment_no, row.back_no)
        )
        if fee := _fee(row):
            lines.append(_line(row, FEE, fee, row.payment_no, row.back_no))
    return lines


def _fee(row: BillRow) -> int:
    """What the fee does to our account, minor units: taken with a payment, given back with a refund, however it is signed."""
    minor = (2 * abs(row.fee_e5) + 1000) // 2000
    return minor if row.kind == REFUND else -minor


class Told:
    """What a day's trade bill told, from its lines as they were imported."""

    def __init__(self, lines: Iterable[Mapping[str, Any]]) -> None:
        #: the channel's number → payment, and refund
        self.payments: dict[str, str] = {}
        self.refunds: dict[str, tuple[str, str]] = {}
        #: by the bill's row: payment, refund, net, currency, time
        self._rows: dict[tuple[int, int], tuple[str, str, int, str, datetime]] = {}
        for line in lines:
            # a file that was imported twice with other bytes repeats its rows
            if line["kind"] in (PAYMENT, REFUND, FEE) and not line["doubled_of"]:
                self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        key = (line["order_ref"], line["refund_ref"])
        self.payments[line["trade_ref"]] = key[0]
        if line["raw"].get("refund_no"):
            self.refunds[line["raw"]["refund_no"]] = key
        row = (line["file_id"], line["row_no"])
        before = self._rows[row][2] if row in self._rows else 0
        self._rows[row] = (*key, before + line["amount_minor"], line["currency"], line["at"])

    def nets(self, account: str, day: date) -> Iterator[Expectation]:
        """What the fund flow should move for each row: settled less fee, refund less the fee given back."""
        seen: dict[tuple[str, str], int] = {}
        for _, (payment_no, back_no, net, currency, at) in sorted(self._rows.items()):
            n = seen[payment_no, back_no] = seen.get((payment_no, back_no), 0) + 1
            yield Expectation(
                key=f"net:{day:%y%m%d}:{payment_no}:{back_no}:{n}", account=account, kind=NET, order_no="",
                order_ref=payment_no, refund_ref=back_no, amount_minor=net, currency=currency, at=at,
            )  # fmt: skip


def fund_lines(bill: Bill, told: Told) -> list[StatementLine]:
    """Movements of the account, named after the payment and refund that the trade bill says they are of."""
    lines = []
    for row in bill.rows:
        known = told.refunds.get(row.channel_refund_no)
        payment_no, back_no = known or (told.payments.get(row.trade_no, row.payment_no), row.back_no)
        amount = -row.amount_minor if row.direction == "out" else row.amount_minor
        kind = NET if row.kind in (PAYMENT, REFUND, FEE) else row.kind
        # a movement of a payment that is on no trade bill is theirs alone, under the channel's own number
        lines.append(_line(row, kind, amount, payment_no or row.channel_refund_no or row.trade_no, back_no))
    return lines


def _line(row: BillRow, kind: str, amount: int, payment_no: str, back_no: str) -> StatementLine:
    raw = [row.flow_no, row.status_raw, row.fee_e5, row.amount_minor, row.channel_refund_no]
    told = json.dumps([kind, payment_no, back_no, row.trade_no, amount, _ms(row.at), *raw], ensure_ascii=False)
    return StatementLine(
        row_no=row.row_no, kind=kind, order_ref=payment_no[:64], refund_ref=back_no[:64], trade_ref=(row.flow_no or row.trade_no)[:64],
        amount_minor=amount, currency=row.currency, at=_ms(row.at), status="settled", raw=json.dumps(raw, ensure_ascii=False),
        fingerprint=hashlib.blake2b(told.encode(), digest_size=16).digest(),
    )  # fmt: skip


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
