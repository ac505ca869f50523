"""Statement files read with the standard library and openpyxl alone, by the columns the platforms' documents name."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import openpyxl

BEIJING = timezone(timedelta(hours=8))
TAOBAO = "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注,业务描述,业务账单来源,业务基础订单号,业务订单号"
JD = "订单编号,单据编号,单据类型,商品编号,商户订单号,商品名称,结算状态,费用发生时间,费用计费时间,费用结算时间,费用项,金额,币种,商家应收/应付,钱包结算备注,店铺号,京东门店编号,品牌门店编号,门店名称,备注,收支方向,商品数量,对账日期"
JD_FUND = "商户号,账户代码,账户名称,日期,商户订单号,账户余额(元),收入金额(元),支出金额(元),交易备注,账单日期"
DOUYIN = "动账时间,动帐流水号,动账方向,动账金额,动账账户,动账场景,计费类型,子订单号,订单号,售后编号,下单时间,商品ID,商品名称,达人ID,达人名称,订单类型,订单实付应结,运费实付,实际平台补贴_运费,实际平台补贴,其他平台补贴,以旧换新抵扣,政府补贴平台垫资,实际达人补贴,实际抖音支付补贴,实际抖音月付营销补贴,银行补贴,订单退款,平台服务费,佣金,服务商佣金,渠道分成,招商服务费,站外推广费,其他分成,是否免佣,免佣金额,商户主体名称,备注"
DOUYIN_PARTS = DOUYIN.split(",")[DOUYIN.split(",").index("订单实付应结") : DOUYIN.split(",").index("是否免佣")]


class Line(NamedTuple):
    """One row as read: fen, money to the merchant positive; fees apart from the order's own money."""

    ref: str
    order: str
    amount: int
    fees: int
    at: datetime
    refund: str = ""
    failed: bool = False


def fen(text: Any) -> int:
    """Yuan with at most two places, as text or as a spreadsheet's number."""
    value = Decimal(str(text).strip() or "0") * 100
    assert value == value.to_integral_value(), f"{text} has more than two places"
    return int(value)


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)


def taobao_text(data: bytes) -> str:
    """The ledger inside the zip, whose names are GBK without the flag for UTF-8."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = {i.filename.encode("cp437").decode("gbk"): i for i in archive.infolist() if not i.flag_bits & 0x800}
        assert len(names) == 2
        name = next(n for n in names if n.endswith("_账务明细.csv"))
        return archive.read(names[name]).decode("gb18030")


def taobao(data: bytes) -> list[Line]:
    lines = taobao_text(data).splitlines()
    assert [x[:1] for x in lines[:4]] == ["#"] * 4 and [x[:1] for x in lines[-4:]] == ["#"] * 4
    assert lines[4] == TAOBAO
    return [_taobao(row) for row in csv.DictReader(lines[4:-4])]


def _taobao(row: dict[str, str]) -> Line:
    row = {k: v.strip() for k, v in row.items()}
    came, went = fen(row["收入金额（+元）"]), fen(row["支出金额（-元）"])
    assert came >= 0 >= went and (came == 0) != (went == 0)
    order = row["业务基础订单号"]
    if not order and row["商户订单号"].startswith("T200P"):
        order = row["商户订单号"].removeprefix("T200P")
    found = re.search(r"\d{19}", row["备注"])
    order = order or (found.group() if found else "")
    refund = re.search(r"售后退款-(\d+)-", row["备注"])
    fee = row["业务类型"] == "收费"
    own = 0 if fee else came + went
    return Line(row["账务流水号"], order, own, went if fee else 0, moment(row["发生时间"]), refund[1] if refund else "")


def jd(data: bytes) -> list[Line]:
    lines = data.decode("gb18030").splitlines()
    assert lines[0] == JD
    return [_jd(row) for row in csv.DictReader(lines)]


def _jd(row: dict[str, str]) -> Line:
    row = {k: re.sub(r'^="(.*)"$', r"\1", str(v)) for k, v in row.items()}
    amount = fen(row["金额"])
    assert row["收支方向"] == ("收入" if amount > 0 else "支出")
    assert row["商家应收/应付"] == ("应收" if amount > 0 else "应付")
    fee = row["费用项"] in ("佣金", "交易服务费") and row["订单编号"] != ""
    refund = re.search(r"售后服务单号(\d+)", row["钱包结算备注"])
    assert bool(refund) == ("退货金额" in row["钱包结算备注"])
    at = moment(row["费用结算时间"] or row["费用计费时间"])
    own, fees = (0, amount) if fee else (amount, 0)
    failed = not row["费用结算时间"]
    assert row.get("结算状态", "付款失败" if failed else "结算完成") == ("付款失败" if failed else "结算完成")
    return Line(row["单据编号"], row["订单编号"], own, fees, at, refund[1] if refund else "", failed)


def jd_workbook(data: bytes) -> tuple[list[Line], list[Line]]:
    """The settlement sheet and the fund sheet."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    settled, funds = ([list(r) for r in book[name].iter_rows(values_only=True)] for name in ("结算表", "资金表"))
    book.close()
    assert settled[0] == [{"对账日期": "账单日期"}.get(c, c) for c in JD.split(",") if c != "结算状态"]
    assert funds[0] == JD_FUND.split(",")
    rows = [dict(zip(settled[0], ("" if v is None else v for v in r), strict=True)) for r in settled[1:]]
    return [_jd(r) for r in rows], [_jd_fund(dict(zip(funds[0], r, strict=True))) for r in funds[1:]]


def jd_fund(data: bytes) -> list[Line]:
    lines = data.decode("gb18030").splitlines()
    assert lines[0] == JD_FUND
    return [_jd_fund(row) for row in csv.DictReader(lines)]


def _jd_fund(row: dict[str, Any]) -> Line:
    came, went = fen(row["收入金额(元)"]), fen(row["支出金额(元)"])
    assert came >= 0 and went >= 0
    order = re.search(r"订单号(\d+)$", row["交易备注"])
    return Line(row["商户订单号"], order[1] if order else "", came - went, 0, moment(row["日期"]))


def douyin(data: bytes) -> list[Line]:
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").splitlines()
    assert lines[0] == DOUYIN
    return [_douyin(row) for row in csv.DictReader(lines)]


def _douyin(row: dict[str, str]) -> Line:
    row = {k: v.removeprefix("'") for k, v in row.items()}
    size = fen(row["动账金额"])
    assert size > 0 and row["动账方向"] in ("入账", "出账")
    amount = size if row["动账方向"] == "入账" else -size
    parts = {c: fen(row[c]) for c in DOUYIN_PARTS}
    fees = parts["平台服务费"] + parts["佣金"]
    assert fees <= 0 and parts["订单退款"] <= 0
    if row["动账场景"] == "货款结算入账":
        assert sum(parts.values()) == amount
    return Line(row["动帐流水号"], row["订单号"], amount - fees, fees, moment(row["动账时间"]), row["售后编号"])


def wechat_shop(data: bytes) -> list[Line]:
    return [wechat_flow(json.loads(line)) for line in data.decode().splitlines()]


def wechat_flow(flow: dict[str, Any]) -> Line:
    assert flow["amount"] > 0 and flow["flow_type"] in (1, 2)
    amount = flow["amount"] if flow["flow_type"] == 1 else -flow["amount"]
    related = flow["related_info_list"][0] if flow["related_info_list"] else {"order_id": "", "aftersale_id": ""}
    own, fees = (0, amount) if flow["funds_type"] == 11 else (amount, 0)
    return Line(
        flow["flow_id"], related["order_id"], own, fees, moment(flow["bookkeeping_time"]), related["aftersale_id"]
    )


READERS: dict[str, Callable[[bytes], list[Line]]] = {
    "taobao": taobao,
    "jd": jd,
    "douyin": douyin,
    "wechat_shop": wechat_shop,
}
