"""Douyin: the fund file, and the interfaces for settlement rows, fund rows and the file's download.

Source: op.jinritemai.com pages of /order/getSettleBillDetailV3, /order/getShopAccountItem (scenes, units, fees with a
minus) and of the download calls as digested in public notes; the file's columns as public code reads them. In the file
amounts are yuan, 动账金额 has no sign (the direction does), and a settlement row is the sum of its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.pages import Call
from adapters.sandbox.statements.containers import csv_text
from adapters.sandbox.statements.rows import Row, day_of, number
from adapters.sandbox.wire import beijing, digest, from_beijing, yuan
from adapters.sandbox.writes.douyin import Refusal, invalid, need

if TYPE_CHECKING:
    from adapters.sandbox.world import World

#: part of a row → its column in the file, its field in fund rows, its field in settlement rows
_PARTS: Mapping[str, tuple[str, str, str]] = {
    "goods": ("订单实付应结", "pay_amount", "real_pay_amount"),
    "freight": ("运费实付", "post_amount", "post_amount"),
    "subsidy": ("实际平台补贴", "promotion_amount", "platform_coupon"),
    "subsidy.talent": ("实际达人补贴", "author_coupon_subsidy", "author_coupon"),
    "subsidy.channel": ("实际抖音支付补贴", "actual_zt_pay_promotion", "zt_pay_promotion"),
    "refund": ("订单退款", "refund_amount", "refund_before_settle"),
    "service_fee": ("平台服务费", "platform_service_fee", "platform_service_fee"),
    "commission": ("佣金", "commission", "commission"),
}
_FEES = ("service_fee", "commission")
COLUMNS = (
    "动账时间",
    "动帐流水号",
    "动账方向",
    "动账金额",
    "动账账户",
    "动账场景",
    "计费类型",
    "子订单号",
    "订单号",
    "售后编号",
    "下单时间",
    "商品ID",
    "商品名称",
    "达人ID",
    "达人名称",
    "订单类型",
    "订单实付应结",
    "运费实付",
    "实际平台补贴_运费",
    "实际平台补贴",
    "其他平台补贴",
    "以旧换新抵扣",
    "政府补贴平台垫资",
    "实际达人补贴",
    "实际抖音支付补贴",
    "实际抖音月付营销补贴",
    "银行补贴",
    "订单退款",
    "平台服务费",
    "佣金",
    "服务商佣金",
    "渠道分成",
    "招商服务费",
    "站外推广费",
    "其他分成",
    "是否免佣",
    "免佣金额",
    "商户主体名称",
    "备注",
)
_AMOUNTS = COLUMNS[COLUMNS.index("订单实付应结") : COLUMNS.index("是否免佣")]
_SCENES = {
    "货款结算入账": 30,
    "充值千川广告费": 17,
    "充值保证金": 5,
    "人工调账": 15,
    "提现": 44,
}
_SETTLED = "货款结算入账"
Method = Callable[[Call, dict[str, Any]], dict[str, Any]]


def fund_csv(world: World, day: str) -> tuple[str, bytes]:
    """The fund file of a day: CSV, UTF-8 with a byte order mark."""
    rows = [_cells(world, r) for r in world.statements.rows("douyin", day)]
    table = csv_text([COLUMNS, *([cells.get(c, "") for c in COLUMNS] for cells in rows)])
    return f"资金流水明细_{day.replace('-', '')}.csv", b"\xef\xbb\xbf" + table.encode()


def _scene(row: Row) -> str:
    return _SETTLED if row.order else row.title


def _cells(world: World, row: Row) -> dict[str, str]:
    """One line of the fund file by column; numbers carry an apostrophe so that no spreadsheet rounds them."""
    cells = {
        **dict.fromkeys(_AMOUNTS, "0.00"),
        "动账时间": beijing(row.at),
        "动帐流水号": row.ref,
        "动账方向": "入账" if row.amount > 0 else "出账",
        "动账金额": yuan(abs(row.amount)),
        "动账账户": "聚合支付",
        "动账场景": _scene(row),
        "计费类型": "小店自卖",
        "免佣金额": "0.00",
        "商户主体名称": "示例商贸有限公司",
    }
    if row.order:
        cells |= {_PARTS[kind][0]: yuan(fen) for kind, fen in row.parts}
        cells |= {
            "子订单号": f"'{row.line}",
            "订单号": f"'{row.order}",
            "售后编号": f"'{row.refund}" if row.refund else "",
            "下单时间": beijing(_ordered(world, row)),
            "商品ID": row.product,
            "商品名称": row.title,
            "订单类型": "普通订单",
            "是否免佣": "否",
        }
    return cells


def _ordered(world: World, row: Row) -> int:
    order = world.find("douyin", row.order)
    return order.created if order is not None else row.at - 86400


# --- the interfaces


def _paged(call: Call, args: dict[str, Any], most: int, default: int, rows: list[Row]) -> dict[str, Any]:
    """Cut a page out of rows by the pair of cursors, each of which alone moves nothing."""
    size = _whole(args, "size", default)
    if not 1 <= size <= most:
        raise invalid(20008, f"size is 1 to {most}")
    after = str(args.get("start_index") or "")
    if after:
        at = from_beijing(str(args["start_time"]))
        rows = [r for r in rows if (r.at, r.ref) > (at, after)]
    # a doubled row stays with its twin: the cursor could not tell them apart
    cut = rows[:size] + [r for r in rows[size:] if (r.at, r.ref) == (rows[size - 1].at, rows[size - 1].ref)]
    return {
        "code": "100000",
        "code_msg": "success",
        "size": len(cut),
        "is_end": 1 if len(cut) == len(rows) else 0,
        "next_start_index": cut[-1].ref if cut else after,
        "next_start_time": beijing(cut[-1].at) if cut else str(args.get("start_time") or ""),
        "data": cut,
    }


def _found(call: Call, args: dict[str, Any]) -> list[Row]:
    """The rows a call asks for, of days that can be had: from ten in the morning of the next one."""
    world, wanted = call.world, {n for n in str(args.get("order_id") or "").split(",") if n}
    rows = [r for d in world.statements.days if world.statements.ready(d) for r in world.statements.rows("douyin", d)]
    if wanted:
        return [r for r in rows if wanted & {r.line, r.order}]
    need(args, "start_time", "end_time")
    try:
        start, end = from_beijing(str(args["start_time"])), from_beijing(str(args["end_time"]))
    except ValueError as error:
        raise Refusal(40003, "isv.parameter-format-invalid", str(error)) from error
    by_order = _whole(args, "time_type", 0) == 1
    found = [r for r in rows if start <= (_ordered(world, r) if by_order and r.order else r.at) <= end]
    return sorted(found, key=lambda r: (r.at, r.ref))


def _whole(args: dict[str, Any], name: str, default: int) -> int:
    try:
        return int(args.get(name, default))
    except (TypeError, ValueError) as error:
        raise Refusal(40003, "isv.parameter-format-invalid", f"{name} is no number") from error


def settle_detail(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/getSettleBillDetailV3: one row per settled sub-order."""
    found = [r for r in _found(call, args) if r.order]
    page = _paged(call, args, 100, 100, found)
    return {**page, "data": [_settle_tree(call.world, r) for r in page["data"]]}


def _settle_tree(world: World, row: Row) -> dict[str, Any]:
    order = world.find("douyin", row.order)
    line = order.line(row.line) if order is not None else None
    coupon = line.item_off + line.shop_off if line is not None else 0
    income = sum(fen for kind, fen in row.parts if kind not in _FEES)
    subsidies = row.of("subsidy") + row.of("subsidy.talent") + row.of("subsidy.channel")
    goods = row.of("goods") + subsidies + coupon
    return {
        "request_no": number(19, "settle", row.ref),
        "settle_time": beijing(row.at),
        "shop_order_id": row.order,
        "order_id": row.line,
        "settle_amount": row.amount,
        "pay_type_desc": "聚合支付",
        "trade_type": "已结算",
        "is_contains_refund_before_settle": 1 if row.of("refund") else 0,
        "order_time": beijing(_ordered(world, row)),
        "product_id": row.product,
        "goods_count": row.qty,
        "flow_type_desc": "小店自卖",
        "order_type": "普通订单",
        "total_amount": goods + row.of("freight"),
        "total_goods_amount": goods,
        "shop_coupon": coupon,
        **{field: row.of(kind) for kind, (_, _, field) in _PARTS.items() if kind != "refund"},
        "refund_before_settle": -row.of("refund"),
        "zr_pay_promotion": 0,
        "total_income": income,
        "good_learn_channel_fee": 0,
        "colonel_service_fee": 0,
        "channel_promotion_fee": 0,
        "other_sharing_amount": 0,
        "total_outcome": row.amount - income,
        "remark": "",
    }


def account_items(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/getShopAccountItem: every movement of money."""
    page = _paged(call, args, 1000, 100, _found(call, args))
    return {**page, "data": [_fund_tree(call.world, r) for r in page["data"]]}


def _fund_tree(world: World, row: Row) -> dict[str, Any]:
    own = {field: row.of(kind) if row.order else 0 for kind, (_, field, _) in _PARTS.items()}
    return {
        "account_trade_no": row.ref,
        "bill_time": beijing(row.at),
        "fund_flow": 0 if row.amount > 0 else 1,
        "fund_flow_desc": "入账" if row.amount > 0 else "出账",
        "account_amount": abs(row.amount),
        "account_type": 4,
        "account_type_desc": "聚合支付",
        "trans_scene": _scene(row),
        "trans_scene_tag": _SCENES[_scene(row)],
        "biz_type": 4,
        "biz_type_desc": "小店自卖",
        "shop_order_id": row.order,
        "order_id": row.line,
        "after_sale_service_no": row.refund,
        "business_order_create_time": beijing(_ordered(world, row)) if row.order else "",
        "product_id": row.product,
        **own,
        "remark": "",
    }


def download(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/downloadShopAccountItem: a number under which the file of the window's day is being made."""
    need(args, "start_time", "end_time")
    day = day_of(from_beijing(str(args["start_time"])))
    if day != day_of(from_beijing(str(args["end_time"]))):
        raise invalid(20031, "one day at a time")
    if not call.world.statements.ready(day):
        raise Refusal(50002, "isv.business-failed:20032", "账单未生成")
    return {"code": "100000", "code_msg": "success", "data": {"download_id": f"{digest('file', day) % 10**15}{day}"}}


def download_file(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/downloadShopAccountItemFile: where it is; the first question comes too early."""
    need(args, "download_id")
    told, world = str(args["download_id"]), call.world
    day = told[-10:]
    if day not in world.statements.days or told != f"{digest('file', day) % 10**15}{day}":
        raise Refusal(50002, "isv.business-failed:20033", "下载记录不存在")
    early = world.faults.calls(f"douyin download {told}") == 1
    url = "" if early else f"{world.address}/douyin/download/{told}"
    return {"code": "100000", "code_msg": "success", "data": {"url": url}}


def fetched(world: World, path: str) -> bytes | None:
    """What lies at a download address: a plain GET, nothing signed."""
    told = path.removeprefix("/download/")
    day = told[-10:]
    known = day in world.statements.days and told == f"{digest('file', day) % 10**15}{day}"
    return fund_csv(world, day)[1] if known else None


METHODS: Mapping[str, Method] = {
    "/order/getSettleBillDetailV3": settle_detail,
    "/order/getShopAccountItem": account_items,
    "/order/downloadShopAccountItem": download,
    "/order/downloadShopAccountItemFile": download_file,
}
