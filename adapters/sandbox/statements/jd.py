"""JD: the settlement sheet and the fund sheet of the merchant's wallet, and the wallet's bill detail by interface.

Source: the columns of both sheets, the names of the combined workbook's sheets, the row fields and the result codes
10011 and 10012 as public code reads them; `store.qianbao.bill.detail.query` is the name known for the interface. Yuan;
what goes out is negative in the settlement sheet and positive in a column of its own in the fund sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.pages import Call
from adapters.sandbox.statements.containers import Cell, csv_text, workbook
from adapters.sandbox.statements.rows import Row, day_of, midnight, next_day
from adapters.sandbox.wire import beijing, from_beijing, yuan
from adapters.sandbox.writes.jd import Refusal, need

if TYPE_CHECKING:
    from adapters.sandbox.world import World

COLUMNS = (
    "订单编号",
    "单据编号",
    "单据类型",
    "商品编号",
    "商户订单号",
    "商品名称",
    "结算状态",
    "费用发生时间",
    "费用计费时间",
    "费用结算时间",
    "费用项",
    "金额",
    "币种",
    "商家应收/应付",
    "钱包结算备注",
    "店铺号",
    "京东门店编号",
    "品牌门店编号",
    "门店名称",
    "备注",
    "收支方向",
    "商品数量",
    "对账日期",
)
FUND_COLUMNS = (
    "商户号",
    "账户代码",
    "账户名称",
    "日期",
    "商户订单号",
    "账户余额(元)",
    "收入金额(元)",
    "支出金额(元)",
    "交易备注",
    "账单日期",
)
#: the number of the wallet's second-level merchant
MEMBER = "110960260003"
_ITEMS = {"goods": "货款", "refund": "货款", "subsidy": "货款", "freight": "代收配送费", "commission": "佣金"}
_TYPES = {"1001": "订单", "1002": "售后服务单", "1003": "取消退款单", "1102": "非销售单"}
#: the settlement sheet's columns that are numbers dressed as text
_IDS = ("订单编号", "单据编号", "商品编号", "商户订单号")
_RAW = frozenset(COLUMNS.index(c) for c in _IDS)
_PAGE = 100


def settlement_csv(world: World, day: str) -> tuple[str, bytes]:
    """The settlement sheet of a day: CSV in GBK, numbers as ="123"."""
    rows = []
    for row in world.statements.rows("jd", day):
        cells = _cells(row)
        rows.append([f'="{v}"' if c in _IDS and v else v for c, v in cells.items()])
    return f"{_digits(day)}_结算表.csv", csv_text([COLUMNS, *rows], _RAW).encode("gbk")


def fund_csv(world: World, day: str) -> tuple[str, bytes]:
    """The fund sheet of a day: CSV in GBK."""
    rows = [[yuan(v) if isinstance(v, int) else v for v in r] for r in _funds(world, day)]
    return f"{_digits(day)}_资金表.csv", csv_text([FUND_COLUMNS, *rows]).encode("gbk")


def combined(world: World, day: str) -> tuple[str, bytes]:
    """The workbook with both sheets; its settlement sheet has no state and calls the day 账单日期."""
    names = ["账单日期" if c == "对账日期" else c for c in COLUMNS if c != "结算状态"]
    settled: list[list[Cell]] = [list(names)]
    for row in world.statements.rows("jd", day):
        cells: dict[str, Cell] = {k: v for k, v in _cells(row).items() if k != "结算状态"}
        settled.append(list({**cells, "金额": row.amount / 100}.values()))
    funds: list[list[Cell]] = [[v / 100 if isinstance(v, int) else v for v in r] for r in _funds(world, day)]
    sheets: list[tuple[str, list[list[Cell]]]] = [("结算表", settled), ("资金表", [list(FUND_COLUMNS), *funds])]
    return f"{_digits(day)}_京东钱包.xlsx", workbook(sheets, midnight(next_day(day)) + 8 * 3600)


def _digits(day: str) -> str:
    return day.replace("-", "")


def _cells(row: Row) -> dict[str, str]:
    """One line of the settlement sheet by column."""
    tree = bill(row)
    settled = beijing(row.at) if not row.failed else ""
    values = (
        row.order,
        row.ref,
        _TYPES[tree["rfBusiType"]],
        tree["skuId"],
        tree["outTradeNo"],
        row.title if row.order else "",
        "付款失败" if row.failed else "结算完成",
        beijing(row.at),
        beijing(row.at),
        settled,
        tree["feeName"],
        tree["bal"],
        "人民币",
        "应收" if row.amount > 0 else "应付",
        tree["remark"],
        tree["venderId"],
        "",
        "",
        "",
        "",
        "收入" if row.amount > 0 else "支出",
        str(row.qty),
        tree["billDate"],
    )
    return dict(zip(COLUMNS, values, strict=True))


def _funds(world: World, day: str) -> list[list[str | int]]:
    """The fund sheet's lines; amounts in fen as numbers. What failed moved no money."""
    return [
        [
            MEMBER,
            "1001",
            "货款账户",
            beijing(row.at),
            f"8{row.ref}",
            left,
            max(row.amount, 0),
            max(-row.amount, 0),
            _fund_remark(row),
            _digits(row.day),
        ]
        for row, left in world.statements.balances("jd", day)
        if not row.failed
    ]


def _fund_remark(row: Row) -> str:
    if row.kind == "refund":
        return f"售后服务单号{row.refund}，对应订单号{row.order}"
    return f"{_item(row)}，订单号{row.order}" if row.order else row.title


def _item(row: Row) -> str:
    if not row.order:
        return row.title
    return _ITEMS.get(row.kind, "交易服务费")


def _remark(row: Row) -> str:
    if row.kind == "refund":
        return f"退货金额，售后服务单号{row.refund}，对应订单号{row.order}"
    return "平台优惠补贴" if row.kind == "subsidy" else "" if row.order else row.title


# --- the interface


def bill(row: Row) -> dict[str, Any]:
    """One row as the interface tells it; times in milliseconds, no finish time when it failed."""
    kind = "1102" if not row.order else "1002" if row.kind == "refund" else "1001"
    tree = {
        "orderId": row.order,
        "detailNo": row.ref,
        "rfBusiType": kind,
        "skuId": row.listing,
        "skuName": row.title if row.order else "",
        "outTradeNo": f"8{row.ref}",
        "detailStatus": "17" if row.failed else "15",
        "happenTime": row.at * 1000,
        "billingTime": row.at * 1000,
        "finishTime": None if row.failed else row.at * 1000,
        "deliveredTime": row.at * 1000 if row.order else None,
        "feeName": _item(row),
        "bal": yuan(row.amount),
        "currency": "CNY",
        "direction": "1" if row.amount > 0 else "2",
        "remark": _remark(row),
        "venderId": "10000001",
        "billDate": _digits(row.day),
        "memo": "",
    }
    return {**tree, "refundSkuNum" if kind == "1002" else "skuNum": row.qty}


def wallet(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """store.qianbao.bill.detail.query: one day, page by page until there is none."""
    need(args, "start_date", "end_date", "member_id", "page")
    try:
        start, end, page = from_beijing(args["start_date"]), from_beijing(args["end_date"]), int(args["page"])
    except (TypeError, ValueError) as error:
        raise Refusal(61, "参数格式错误", str(error)) from error
    day = day_of(start)
    if start != midnight(day) or end != midnight(next_day(day)) - 1 or str(args.get("type")) != "2":
        raise Refusal(61, "参数格式错误", "one whole day, type 2")
    if str(args["member_id"]) != MEMBER or page < 1:
        raise Refusal(61, "参数格式错误", "member_id or page is wrong")
    rows = call.world.statements.rows("jd", day)
    cut = rows[(page - 1) * _PAGE : page * _PAGE]
    if not cut:
        code = 10012 if not rows else 10011
        return {"success": False, "resultCode": code, "resultMsg": "未拉取到数据" if not rows else "超出页数"}
    return {"success": True, "resultCode": 0, "resultMsg": "", "data": [bill(r) for r in cut]}


METHODS: Mapping[str, Callable[[Call, dict[str, Any]], dict[str, Any]]] = {"store.qianbao.bill.detail.query": wallet}
