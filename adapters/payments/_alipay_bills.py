"""Trade bills (业务明细) and account ledgers (账务明细) of Alipay: CSV in GBK inside a zip, comments around the rows.

Lines with ``#`` before the header tell account and days, those after the rows tell sums. Values may end in a TAB.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, cast

from adapters.core.fields import CHINA, FieldError, text_time
from adapters.errors import Unreadable
from adapters.payments import _bills
from adapters.payments._bills import Columns, Problems, e5, minor
from adapters.payments.documents import Bill, BillRow

#: word in the name of a detail file, by kind; files of sums are left out by `SUMMARY`
DETAILS: Mapping[str, str] = {"trade": "业务明细", "funds": "账务明细"}
SUMMARY = "汇总"
#: without these columns it is no bill of that kind
NEEDED: Mapping[str, tuple[str, ...]] = {
    "trade": ("支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额(元)", "商家实收(元)", "服务费(元)"),
    "funds": ("账务流水号", "业务流水号", "发生时间", "收入金额(+元)", "支出金额(-元)", "业务类型"),
}
TYPES: Mapping[str, Literal["payment", "refund"]] = {"交易": "payment", "退款": "refund"}
#: words in 业务类型 of a ledger → kind, the first that is in it; others are ``other``
FLOWS: Mapping[str, str] = {
    "退款": "refund",
    "收费": "fee",
    "服务费": "fee",
    "提现": "transfer",
    "转账": "transfer",
    "充值": "transfer",
    "交易": "payment",
    "在线支付": "payment",
}
_ACCOUNT = re.compile(r"#账号:\[(\d+)\]")
_FROM = re.compile(r"#起始日期:\[(\d{4})年(\d\d)月(\d\d)日")
_TRADE_SUM = re.compile(r"#(交易|退款)合计:(\d+)笔,商家实收(?:退款)?共(-?[\d.]+)元,商家优惠(?:退款)?共(-?[\d.]+)元")
_FUND_SUM = re.compile(r"#(收入|支出)合计:(\d+)笔,共(-?[\d.]+)元")


def choose(files: Mapping[str, bytes], kind: str) -> bytes:
    """The detail file of an archive, by name.

    Raises:
        Unreadable: none, or several.
    """
    found = [n for n in files if n.lower().endswith(".csv") and DETAILS[kind] in n and SUMMARY not in n]
    if len(found) != 1:
        raise Unreadable("layout", f"{len(found)} detail files in the archive")
    return files[found[0]]


def read(text: str, *, day: date, kind: str, merchant_id: str) -> Bill:
    """Read a detail file.

    Raises:
        Unreadable: layout, other_merchant.
    """
    comments: list[str] = []
    problems = Problems()
    try:
        lines = _lines(text, comments)
        reader = _Reader(next(lines, []), kind)
        rows = _bills.read_rows(enumerate(lines, 1), reader.row, problems, day)
    except csv.Error as error:
        raise Unreadable("layout", f"not CSV: {error}") from None
    except FieldError as error:
        raise Unreadable(error.code, str(error)) from None
    told = unicodedata.normalize("NFKC", "\n".join(comments))
    _check_head(told, day, merchant_id, problems)
    reader.compare(told, rows, problems)
    totals = _bills.fund_totals(rows) if kind == "funds" else _bills.trade_totals(rows)
    return Bill(
        channel="alipay", merchant_id=merchant_id, day=day, kind=cast("Literal['trade', 'funds']", kind), rows=rows,
        totals=totals, problems=problems.all(),
    )  # fmt: skip


def _lines(text: str, comments: list[str]) -> Iterator[list[str]]:
    """Rows without comments, which are collected; a comma in a comment is given back."""
    for cells in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
        if cells and cells[0].startswith("#"):
            comments.append(",".join(cells))
        elif any(cell.strip() for cell in cells):
            yield [cell.strip() for cell in cells]


def _check_head(told: str, day: date, merchant_id: str, problems: Problems) -> None:
    account = _ACCOUNT.search(told)
    if account is None:
        problems.tell("the file does not say whose it is")
    elif not account[1].startswith(merchant_id):
        # its account is the merchant's id and 0156
        raise Unreadable("other_merchant", "the file is of another merchant")
    start = _FROM.search(told)
    if start is None or tuple(map(int, start.groups())) != (day.year, day.month, day.day):
        problems.tell(f"the file does not say that it begins with {day}")


class _Reader:
    """Reads the rows of one file by its header, and adds up what its last lines will tell."""

    def __init__(self, header: Sequence[str], kind: str) -> None:
        self._columns = Columns(header)
        for name in NEEDED[kind]:
            self._columns.require(name)
        self._kind = kind
        #: merchant's discounts by kind of row, in 1/100000
        self._discounts = {"payment": 0, "refund": 0}
        self.row: Callable[[int, Sequence[str]], BillRow] = self._trade if kind == "trade" else self._flow

    def _raw(self, cells: Sequence[str]) -> dict[str, str]:
        width = len(self._columns.names)
        extra = cells[width:]
        return self._columns.row(cells if any(extra) else cells[:width])

    def _trade(self, number: int, cells: Sequence[str]) -> BillRow:
        raw = self._raw(cells)
        kind = TYPES.get(raw["业务类型"])
        if kind is None:
            raise FieldError("业务类型", "unknown_status", "neither payment nor refund")
        discount = abs(e5(raw.get("商家优惠(元)") or "0", "商家优惠(元)"))
        # refunds are negative in most files, positive in some: the kind of row decides
        amount, settled = (abs(minor(raw[n], n)) for n in ("订单金额(元)", "商家实收(元)"))
        if settled > amount:
            raise FieldError("商家实收(元)", "contradiction", "more than the order")
        row = BillRow(
            kind=kind, at=text_time(raw["完成时间"], "完成时间", CHINA), trade_no=raw["支付宝交易号"],
            payment_no=raw["商户订单号"], back_no=raw.get("退款批次号/请求号", "") if kind == "refund" else "",
            amount_minor=amount, settled_minor=settled, fee_e5=e5(raw["服务费(元)"], "服务费(元)"),
            status_raw=raw["业务类型"], raw=raw, row_no=number,
        )  # fmt: skip
        self._discounts[kind] += discount
        return row

    def _flow(self, number: int, cells: Sequence[str]) -> BillRow:
        raw = self._raw(cells)
        into, out = (abs(minor(raw[n] or "0", n)) for n in ("收入金额(+元)", "支出金额(-元)"))
        if into and out:
            raise FieldError("收入金额(+元)", "bad_money", "in and out in one row")
        kind = cast(
            "Literal['payment', 'refund', 'fee', 'transfer', 'other']", _bills.by_word(FLOWS, raw["业务类型"], "other")
        )
        return BillRow(
            kind=kind, at=text_time(raw["发生时间"], "发生时间", CHINA), trade_no=raw["业务流水号"],
            payment_no=raw.get("业务基础订单号") or raw.get("商户订单号", ""), amount_minor=into or out,
            settled_minor=into or out, status_raw=raw["业务类型"], flow_no=raw["账务流水号"],
            direction="in" if into else "out" if out else "",
            balance_minor=minor(raw["账户余额(元)"], "账户余额(元)") if raw.get("账户余额(元)") else None, raw=raw, row_no=number,
        )  # fmt: skip

    # ---- last lines
    def compare(self, told: str, rows: Sequence[BillRow], problems: Problems) -> None:
        """Compare the sums in the file's last lines with its rows."""
        found = {m[1]: m for m in (_TRADE_SUM if self._kind == "trade" else _FUND_SUM).finditer(told)}
        for word in ("交易", "退款") if self._kind == "trade" else ("收入", "支出"):
            match = found.get(word)
            if match is None:
                problems.tell(f"the line of sums {word}合计 is missing: the file may be cut off")
                continue
            try:
                self._compare(match, rows, problems)
            except FieldError as error:
                problems.tell(f"{word}合计: {error}")

    def _compare(self, match: re.Match[str], rows: Sequence[BillRow], problems: Problems) -> None:
        word = match[1]
        if self._kind == "funds":
            mine = [r for r in rows if r.direction == ("in" if word == "收入" else "out")]
        else:
            mine = [r for r in rows if r.kind == TYPES[word]]
        problems.compare(f"{word}合计 笔数", int(match[2]), len(mine))
        total = sum(r.settled_minor for r in mine) * 1000
        problems.compare(f"{word}合计", abs(e5(match[3], "合计")), total, 100000)
        if self._kind == "trade":
            problems.compare(f"{word}合计 商家优惠", abs(e5(match[4], "合计")), self._discounts[TYPES[word]], 100000)
