"""Taobao: the Alipay ledger file (账务明细) of the shop's account, and `taobao.bill.bills.get`.

Source: the ledger's columns and its four lines before and after as public parsers read them; the bill download page
of open.alipay.com (zip, names in GBK, the summary beside the rows); the page of taobao.bill.bills.get. The file's
amounts are yuan, expenses with a minus in a column of their own; the method's are taken as fen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.money import split
from adapters.sandbox.pages import Call
from adapters.sandbox.statements.containers import csv_text, gbk_zip
from adapters.sandbox.statements.rows import Row, midnight, next_day, number
from adapters.sandbox.wire import beijing, digest, from_beijing, mask, yuan
from adapters.sandbox.writes.taobao import Refusal, argument, missing

if TYPE_CHECKING:
    from adapters.sandbox.world import World

COLUMNS = (
    "账务流水号",
    "业务流水号",
    "商户订单号",
    "商品名称",
    "发生时间",
    "对方账号",
    "收入金额（+元）",
    "支出金额（-元）",
    "账户余额（元）",
    "交易渠道",
    "业务类型",
    "备注",
    "业务描述",
    "业务账单来源",
    "业务基础订单号",
    "业务订单号",
)
ACCOUNT = "20880000000000010156"
#: kind → business type, remark, description, and where the order stands: columns of its own, a prefix, the remark
_WORDS: Mapping[str, tuple[str, str, str, str]] = {
    "goods": ("交易付款", "", "", "order"),
    "refund": ("交易退款", "售后退款-{refund}-T200P{order}", "", "prefix"),
    "subsidy": ("转账", "跨店满减平台补贴{{{order}}}", "平台补贴", "remark"),
    "commission": ("收费", "天猫佣金{{{order}}}", "天猫佣金", "remark"),
    "service_fee": ("收费", "代扣返点积分{order}", "返点积分", "remark"),
    "advertising": ("转账", "{title}", "推广充值", ""),
    "deposit": ("其它", "{title}", "保证金", ""),
    "adjustment": ("退费", "{title}", "返还", ""),
    "withdrawal": ("提现", "{title}", "提现", ""),
}
_TAB = "\t"
_RULE = "#-----------------------------------------账务明细列表{}"
_SUBJECTS = {"goods": 1000, "refund": 1001, "subsidy": 1002, "commission": 2001, "service_fee": 2002}
_DAY = 86400
_MOST = 5000


def ledger_csv(world: World, day: str) -> tuple[str, bytes]:
    """The bare ledger of a day, GBK."""
    return f"{ACCOUNT}_{_digits(day)}_账务明细.csv", _ledger(world, day).encode("gbk")


def ledger_zip(world: World, day: str) -> tuple[str, bytes]:
    """The zip as it is downloaded: the summary first, then the ledger."""
    name, data = ledger_csv(world, day)
    summary = _summary(world, day).encode("gbk")
    files = [(name.replace("明细.", "明细(汇总)."), summary), (name, data)]
    return f"{ACCOUNT}_{_digits(day)}.csv.zip", gbk_zip(files, midnight(next_day(day)) + 9 * 3600)


def _digits(day: str) -> str:
    return day.replace("-", "")


def _ledger(world: World, day: str) -> str:
    told = [r for r, _ in world.statements.balances("taobao", day)]
    head = [
        "#支付宝账务明细查询",
        f"#账号：[{ACCOUNT}]",
        f"#起始日期：[{_long(day)}]   终止日期：[{_long(next_day(day))}]",
        _RULE.format("----------------------------------------"),
    ]
    foot = [
        _RULE.format("结束------------------------------------"),
        f"#支出合计：{_count(told, -1)}笔，共{yuan(_total(told, -1))}元",
        f"#收入合计：{_count(told, 1)}笔，共{yuan(_total(told, 1))}元",
        f"#导出时间：[{_long(next_day(day))[:-8]}09:12:31]",
    ]
    body = csv_text([COLUMNS, *(_row(r, left) for r, left in world.statements.balances("taobao", day))])
    return "".join(f"{line}\r\n" for line in head) + body + "".join(f"{line}\r\n" for line in foot)


def _long(day: str) -> str:
    year, month, of_month = day.split("-")
    return f"{year}年{month}月{of_month}日 00:00:00"


def _count(rows: list[Row], sign: int) -> int:
    return sum(1 for r in rows if r.amount * sign > 0)


def _total(rows: list[Row], sign: int) -> int:
    return sum(r.amount for r in rows if r.amount * sign > 0)


def _row(row: Row, left: int) -> list[str]:
    """One line of the ledger. Where the order's number stands depends on the kind: a column, a prefix, the remark."""
    kind, remark, described, where = _WORDS[row.kind]
    base = row.order if where == "order" else ""
    return [
        row.ref + _TAB,
        number(28, "business", row.ref) + _TAB,
        _out_trade_no(row, where) + _TAB,
        row.title if where else "",
        beijing(row.at),
        (mask(number(11, "payer", row.order), 3, 4) if where in ("order", "prefix") else "支付宝") + _TAB,
        yuan(row.amount) if row.amount > 0 else " ",
        yuan(row.amount) if row.amount < 0 else " ",
        yuan(left),
        "支付宝",
        kind,
        remark.format(order=row.order, refund=row.refund, title=row.title),
        described,
        "天猫" if where else "支付宝",
        base + _TAB,
        (row.line or base) + _TAB,
    ]


def _out_trade_no(row: Row, where: str) -> str:
    if where in ("order", "prefix"):
        return f"T200P{row.order}"
    if row.kind == "commission":
        return f"HJCOM==2200000000001==1=={row.order}"
    if row.kind == "service_fee":
        return f"CAE_POINT_{row.order}_1"
    return f"CAE{row.ref}"


def _summary(world: World, day: str) -> str:
    told = world.statements.rows("taobao", day)
    rows: list[list[str | int]] = [["业务类型", "收入笔数", "收入金额（+元）", "支出笔数", "支出金额（-元）"]]
    for kind in sorted({_WORDS[r.kind][0] for r in told}):
        of = [r for r in told if _WORDS[r.kind][0] == kind]
        rows.append([kind, _count(of, 1), yuan(_total(of, 1)), _count(of, -1), yuan(_total(of, -1))])
    rows.append(["合计", _count(told, 1), yuan(_total(told, 1)), _count(told, -1), yuan(_total(told, -1))])
    return f"#支付宝账务汇总查询\r\n#账号：[{ACCOUNT}]\r\n{csv_text(rows)}"


# --- the interface


def bills(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.bill.bills.get: the ledger's rows of orders, one per sub-order."""
    if not form.get("fields"):
        raise missing("fields")
    start, end = _span(form)
    page, size = _whole(form, "page_no", 1), _whole(form, "page_size", 40)
    if page < 1 or not 40 <= size <= 100:
        raise argument("page_size", "40 to 100; pages count from 1")
    world, by_paid = call.world, form.get("time_type", "2") == "2"
    found = [tree for row in _told(world) for tree in _trees(world, row, by_paid) if _within(tree, start, end, form)]
    if len(found) > _MOST:
        raise Refusal(15, "Remote service error", "isv.bill-too-many", "more than 5000 rows, cut the window")
    fields = {f.strip() for f in form["fields"].split(",")}
    cut = [{k: v for k, v in t.items() if k in fields} for t in found[(page - 1) * size : page * size]]
    listed: Any = cut if form.get("simplify") == "true" else {"bill_dto": cut}
    return {**({"bills": listed} if cut else {}), "total_results": len(found), "has_next": len(found) > page * size}


def _told(world: World) -> list[Row]:
    days = [d for d in world.statements.days if world.statements.ready(d)]
    return [r for d in days for r in world.statements.rows("taobao", d) if r.order]


def _span(form: Mapping[str, str]) -> tuple[int, int]:
    if form.get("order_id") or form.get("trade_id"):
        return 0, 2**62
    for name in ("start_time", "end_time"):
        if not form.get(name):
            raise missing(name)
    try:
        start, end = from_beijing(form["start_time"]), from_beijing(form["end_time"])
    except ValueError as error:
        raise argument("start_time", str(error)) from error
    if not 0 <= end - start <= _DAY:
        raise argument("end_time", "the span is at most one day")
    return start, end


def _whole(form: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(form.get(name) or default)
    except ValueError as error:
        raise argument(name, "not a number") from error


def _within(tree: dict[str, Any], start: int, end: int, form: Mapping[str, str]) -> bool:
    if form.get("trade_id") or form.get("order_id"):
        return str(tree["trade_id"]) == form.get("trade_id") or str(tree["order_id"]) == form.get("order_id")
    return start <= from_beijing(tree["biz_time"]) <= end


def _trees(world: World, row: Row, by_paid: bool) -> list[dict[str, Any]]:
    """One bill row per sub-order: a payment is split by what each line costs, the rest belongs to one."""
    order = world.find("taobao", row.order)
    lines, amounts = [row.line or row.order], [row.amount]
    if row.kind == "goods" and order is not None:
        lines = [x.no for x in order.lines]
        amounts = split(row.amount, [x.paid + x.freight for x in order.lines])
    paid_at = order.paid_at if order is not None and order.paid_at else row.at
    return [
        {
            "bid": digest("bid", row.ref, n) % 10**15,
            "account_id": _SUBJECTS[row.kind],
            "trade_id": int(row.order),
            "order_id": int(line),
            "total_amount": abs(amount),
            "amount": amount,
            "biz_time": beijing(paid_at if by_paid else row.at),
            "pay_time": beijing(paid_at),
            "book_time": beijing(row.at),
            "status": 1,
            "num_iid": int(order.lines[0].listing.product) if order is not None else 0,
            "alipay_outno": f"T200P{row.order}",
            "alipay_notice": row.refund,
            "obj_alipay_mail": "",
        }
        for n, (line, amount) in enumerate(zip(lines, amounts, strict=True))
        if amount
    ]


METHODS: dict[str, Callable[[Call, Mapping[str, str]], dict[str, Any]]] = {"taobao.bill.bills.get": bills}
