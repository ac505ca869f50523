"""The columns of a file of own orders: their names in English and Chinese, what they mean, and the template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jobs import sheets


class Column(NamedTuple):
    """One column. `of`: it speaks of the whole ``order`` or of one ``line``."""

    name: str
    #: headings that are understood too; the first one is the template's
    chinese: tuple[str, ...]
    of: str
    needed: bool
    example: str
    means: str
    #: holds personal data: its content is quoted nowhere but in the error file
    personal: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("order_ref", ("订单号", "订单编号", "原始单号"), "order", True, "EXAMPLE", "your number of the order, 1 to 25 letters, digits or hyphens; rows with the same one are one order"),
    Column("shop", ("店铺", "店铺名称"), "order", False, "", "alias of an own shop in oms.toml; may be left out where there is only one, or with --shop"),
    Column("buyer", ("买家", "买家昵称", "客户"), "order", False, "li.na", "who bought it, by any name of yours that stays the same; empty: the phone", True),
    Column("receiver", ("收货人", "收件人", "收货人姓名"), "order", True, "李娜", "who receives it", True),
    Column("phone", ("手机", "手机号", "电话", "联系电话"), "order", True, "13800000000", "the receiver's phone", True),
    Column("province", ("省", "省份"), "order", True, "浙江省", "province, region or municipality"),
    Column("city", ("市", "城市"), "order", True, "杭州市", "city"),
    Column("district", ("区", "区县", "区/县"), "order", False, "西湖区", "district or county"),
    Column("address", ("详细地址", "地址", "收货地址"), "order", True, "示例路1号2幢301室", "street, house, door", True),
    Column("zip", ("邮编",), "order", False, "", "postal code", True),
    Column("sku", ("商品编码", "商家编码", "货号", "sku编码"), "line", False, "SKU-001", "our SKU or merchant code; either this or listing"),
    Column("listing", ("商品id", "链接id"), "line", False, "", "the id of a listing in the listings file; either this or sku"),
    Column("title", ("商品名称", "商品标题", "品名"), "line", False, "毛衣", "name of the goods"),
    Column("variant", ("规格", "颜色尺码"), "line", False, "红 M", "colour, size and the like"),
    Column("qty", ("数量", "件数"), "line", True, "2", "pieces, from 1 up"),
    Column("unit_price", ("单价", "售价"), "line", True, "99.00", "price of one piece in yuan, before discount"),
    Column("discount", ("优惠", "折扣金额", "行优惠"), "line", False, "10.00", "what comes off this row in all, in yuan, written without a minus"),
    Column("gift", ("赠品",), "line", False, "", "yes for a gift"),
    Column("order_discount", ("整单优惠", "订单优惠"), "order", False, "", "what comes off the whole order beside the rows' discounts, in yuan"),
    Column("freight", ("运费", "邮费"), "order", False, "8.00", "freight that the buyer pays, in yuan"),
    Column("total", ("应付金额", "订单金额", "合计"), "order", False, "196.00", "what the buyer owes in all; checked against goods − discounts + freight"),
    Column("paid", ("已付", "已付金额", "是否付款", "付款"), "order", False, "yes", "yes, no, the amount paid so far in yuan, or cod for cash on delivery; empty: no"),
    Column("paid_at", ("付款时间", "支付时间"), "order", False, "", "when it was paid; empty: when it was ordered"),
    Column("ordered_at", ("下单时间", "订单时间", "日期"), "order", False, "2026-03-01 10:20", "when it was ordered, in the business zone; empty: when the file is first imported"),
    Column("ship_by", ("最晚发货时间", "发货时限"), "order", False, "", "latest time to ship; empty: by the shop's option ship_within_h after payment"),
    Column("remark", ("备注", "买家备注", "买家留言"), "order", False, "", "what the buyer said", True),
    Column("seller_remark", ("卖家备注", "客服备注"), "order", False, "", "a note of ours", True),
    Column("currency", ("币种",), "order", False, "", "ISO 4217 code; empty: the business currency"),
)  # fmt: skip
BY_NAME: Mapping[str, Column] = {c.name: c for c in COLUMNS}
#: order_ref of the template's row: never taken for an order
EXAMPLE = "EXAMPLE"
#: added by an error file; not read back
ROW, REASON = "row", "reason"
_ADDED = {ROW: ROW, "行号": ROW, REASON: REASON, "原因": REASON}
#: heading as found, trimmed and in lower case → our name
ALIASES: Mapping[str, str] = (
    {c.name: c.name for c in COLUMNS}
    | {heading: c.name for c in COLUMNS for heading in c.chinese}
    | {c.name.replace("_", " "): c.name for c in COLUMNS}
    | _ADDED
)
NEEDED = tuple(c.name for c in COLUMNS if c.needed)
ORDER_COLUMNS = tuple(c.name for c in COLUMNS if c.of == "order")


def write_template(path: Path, *, chinese: bool = False) -> int:
    """Write an empty table with one example row, CSV or (by its name) xlsx; returns how many columns it has."""
    header = [c.chinese[0] if chinese else c.name for c in COLUMNS]
    sheets.write(path, header, [[c.example for c in COLUMNS]])
    return len(header)


def heading(name: str) -> str:
    """A column as messages name it: ``qty (数量)``."""
    found = BY_NAME.get(name)
    return f"{name} ({found.chinese[0]})" if found else name
