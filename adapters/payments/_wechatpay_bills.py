"""Trade and fund-flow bills of WeChat Pay: text with a back-tick before every value, and a summary below.

Rows and sums are read by column name, since orders differ by type and old merchants have other names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, cast

from adapters.core.fields import CHINA, FieldError, text_time
from adapters.errors import Unreadable
from adapters.payments import _bills
from adapters.payments._bills import Columns, Problems, e5, minor
from adapters.payments.documents import Bill, BillRow

#: column → its names, ours first
NAMES: Mapping[str, tuple[str, ...]] = {
    "应结订单金额": ("应结订单金额", "总金额"),
    "代金券金额": ("代金券金额", "企业红包金额"),
    "充值券退款金额": ("充值券退款金额", "企业红包退款金额"),
}
#: without these columns it is no bill of that kind
NEEDED: Mapping[str, tuple[str, ...]] = {
    "trade": ("交易时间", "商户号", "微信订单号", "商户订单号", "交易状态", "货币种类", "应结订单金额", "手续费"),
    "funds": ("记账时间", "微信支付业务单号", "资金流水单号", "业务类型", "收支类型", "收支金额(元)", "账户结余(元)"),
}
#: summary column → the detail column it adds up
SUMS: Mapping[str, str] = {
    "应结订单总金额": "应结订单金额",
    "总交易额": "应结订单金额",
    "退款总金额": "退款金额",
    "总退款金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "总企业红包退款金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
#: summary column of a fund-flow bill → our total, and whether it is money
FUND_SUMS: Mapping[str, tuple[str, bool]] = {
    "资金流水总笔数": ("rows", False),
    "收入笔数": ("in_rows", False),
    "收入金额": ("in_minor", True),
    "支出笔数": ("out_rows", False),
    "支出金额": ("out_minor", True),
}
#: 业务类型 → kind; other words are ``other``
FLOWS: Mapping[str, str] = {
    "交易": "payment",
    "退款": "refund",
    "扣除交易手续费": "fee",
    "提现": "transfer",
    "充值": "transfer",
    "转账": "transfer",
}
WAYS: Mapping[str, Literal["in", "out"]] = {"收入": "in", "支出": "out"}


def read(text: str, *, day: date, kind: str, merchant_id: str) -> Bill:
    """Read an unpacked bill.

    Raises:
        Unreadable: layout, other_kind, other_merchant.
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    try:
        reader = _Reader(lines[0].split(",") if lines else [], kind, merchant_id)
    except FieldError as error:
        raise Unreadable(error.code, str(error)) from None
    end = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith("`")), len(lines))
    problems = Problems()
    rows = _bills.read_rows(_cells(lines[1:end]), reader.row, problems, day)
    if end > 1 and not rows and set(problems.codes) == {"other_merchant"}:
        raise Unreadable("other_merchant", "every row is of another merchant")
    reader.compare(lines[end:], rows, problems)
    return Bill(
        channel="wechatpay", merchant_id=merchant_id, day=day, kind=cast("Literal['trade', 'funds']", kind), rows=rows,
        totals=_totals(rows, kind), problems=problems.all(),
    )  # fmt: skip


def _cells(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Cut at comma and back-tick: a comma or a back-tick inside a value survives."""
    for number, line in enumerate(lines, 1):
        yield number, line[1:].split(",`")


def _totals(rows: Sequence[BillRow], kind: str) -> dict[str, int]:
    if kind == "funds":
        return _bills.fund_totals(rows)
    found = _bills.trade_totals(rows)
    net = (found["settled_minor"] - found["refund_settled_minor"]) * 1000 - found["fee_e5"]
    return found | {"net_minor": _bills.half_up(net, 1000)}


class _Reader:
    """Reads the rows of one file by its header, and adds up the columns that the summary will name."""

    def __init__(self, header: Sequence[str], kind: str, merchant_id: str) -> None:
        self._columns = Columns(header)
        other = {"trade": "记账时间", "funds": "交易时间"}[kind]
        if self._columns.place(other) is not None:
            raise FieldError(other, "other_kind", f"not a bill of kind {kind}")
        for name in NEEDED[kind]:
            self._columns.require(*NAMES.get(name, (name,)))
        self._merchant_id = merchant_id
        self._kind = kind
        self._sums = dict.fromkeys(SUMS.values(), 0)
        self.row: Callable[[int, Sequence[str]], BillRow] = self._trade if kind == "trade" else self._flow

    # ---- details
    def _trade(self, number: int, cells: Sequence[str]) -> BillRow:
        raw = self._columns.row(cells)
        if raw["商户号"] != self._merchant_id:
            raise FieldError("商户号", "other_merchant", "of another merchant")
        if raw["货币种类"] != "CNY":
            raise FieldError("货币种类", "unknown_currency", "not CNY")
        amounts = {name: e5(_pick(raw, name, "0"), name) for name in self._sums}
        row = _trade_row(number, raw)
        for name, value in amounts.items():
            self._sums[name] += value
        return row

    def _flow(self, number: int, cells: Sequence[str]) -> BillRow:
        raw = self._columns.row(cells)
        way = WAYS.get(raw["收支类型"])
        if way is None:
            raise FieldError("收支类型", "unknown_status", "neither in nor out")
        amount = minor(raw["收支金额(元)"], "收支金额(元)")
        if amount < 0:
            raise FieldError("收支金额(元)", "bad_money", "negative")
        kind = FLOWS.get(raw["业务类型"]) or FLOWS.get(raw.get("业务名称", ""), "other")
        number_at_channel = raw["微信支付业务单号"]
        is_back = kind == "refund"
        return BillRow(
            kind=cast("Literal['payment', 'refund', 'fee', 'transfer', 'other']", kind),
            at=text_time(raw["记账时间"], "记账时间", CHINA),
            trade_no="" if is_back else number_at_channel, channel_refund_no=number_at_channel if is_back else "",
            amount_minor=amount, settled_minor=amount, status_raw=raw["业务类型"], flow_no=raw["资金流水单号"], direction=way,
            balance_minor=minor(raw["账户结余(元)"], "账户结余(元)"), raw=raw, row_no=number,
        )  # fmt: skip

    # ---- summary
    def compare(self, summary: Sequence[str], rows: Sequence[BillRow], problems: Problems) -> None:
        """Compare what the file says below its rows with what they add up to."""
        if len(summary) != 2 or not summary[1].startswith("`"):
            problems.tell("the summary is missing: the file may be cut off")
            return
        try:
            told = Columns(summary[0].split(",")).row(summary[1][1:].split(",`"))
            self._compare(told, rows, problems)
        except FieldError as error:
            problems.tell(f"summary: {error}")

    def _compare(self, told: Mapping[str, str], rows: Sequence[BillRow], problems: Problems) -> None:
        if self._kind == "funds":
            counted = _bills.fund_totals(rows)
            for name, (total, is_money) in FUND_SUMS.items():
                value = e5(told.get(name, ""), name)
                scale = 1000 if is_money else 100000
                problems.compare(name, value, counted[total] * scale, 100000 if is_money else 1)
            return
        problems.compare("总交易单数", e5(told.get("总交易单数", ""), "总交易单数") // 100000, len(rows))
        known = [name for name in SUMS if name in told]
        if not known:
            problems.tell("summary: no column that is known")
        for name in known:
            problems.compare(name, e5(told[name], name), self._sums[SUMS[name]], 100000)


def _pick(raw: Mapping[str, str], name: str, default: str) -> str:
    """A cell by any of its column's names; a column that this type of bill has not is the default."""
    return next((raw[n] for n in NAMES.get(name, (name,)) if n in raw), default)


def _trade_row(number: int, raw: dict[str, str]) -> BillRow:
    state = raw["交易状态"]
    asked = minor(_pick(raw, "申请退款金额", _pick(raw, "退款金额", "0")), "申请退款金额")
    is_back = state == "REFUND" or (state == "REVOKED" and asked > 0)
    if not is_back and state not in ("SUCCESS", "REVOKED"):
        raise FieldError("交易状态", "unknown_status", "a state that is in no table")
    paid, given = minor(_pick(raw, "应结订单金额", ""), "应结订单金额"), minor(_pick(raw, "退款金额", "0"), "退款金额")
    amount, settled = (asked, given) if is_back else (_ordered(raw, paid), paid)
    # a payment's row has no refund in it, a refund's no payment
    contradicts = (asked <= 0 or (state == "REFUND" and paid != 0)) if is_back else (asked != 0 or given != 0)
    if contradicts or not 0 <= settled <= amount:
        raise FieldError("交易状态", "contradiction", "another state than the amounts")
    time = "退款申请时间" if is_back and raw.get("退款申请时间") else "交易时间"
    return BillRow(
        kind="refund" if is_back else "payment" if state == "SUCCESS" else "other",
        at=text_time(raw[time], time, CHINA), trade_no=raw["微信订单号"], payment_no=raw["商户订单号"],
        channel_refund_no=_number(raw.get("微信退款单号", "")), back_no=_number(raw.get("商户退款单号", "")),
        amount_minor=amount, settled_minor=settled, fee_e5=e5(raw["手续费"], "手续费"), status_raw=state,
        raw=raw, row_no=number,
    )  # fmt: skip


def _ordered(raw: Mapping[str, str], settled: int) -> int:
    """The order's amount; old files have no column for it, there it is what is settled and the coupons."""
    if "订单金额" in raw:
        return minor(raw["订单金额"], "订单金额")
    return settled + minor(_pick(raw, "代金券金额", "0"), "代金券金额")


def _number(value: str) -> str:
    """A refund's number; payment rows have a zero there."""
    return "" if value == "0" else value
