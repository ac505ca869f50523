"""Alipay: business bill (trade) and account ledger (signcustomer): CSV in GBK in a ZIP with names in GBK. Source: see alipay.py."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from adapters.sandbox.pay import alipay_trees as trees
from adapters.sandbox.pay.alipay_no import No
from adapters.sandbox.pay.entries import Entry, columns
from adapters.sandbox.pay.planting import DAY
from adapters.sandbox.wire import Request, Response, beijing, digest, from_beijing, token_text, yuan

if TYPE_CHECKING:
    from adapters.sandbox.pay.alipay_calls import Call
    from adapters.sandbox.pay.till import Till

PATH = "/downloadBillFile.resource"
_LIFE_S = 30
_EXPIRED = "下载超时，请重新下载"
_TAB = "\t"
COLUMNS = columns(
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY = columns(
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
LEDGER = columns(
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注"
)
LEDGER_SUMMARY = columns("业务类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）")


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One download that was handed out."""

    until: int
    data: bytes


# --- addresses


def link(call: Call) -> dict[str, Any]:
    """alipay.data.dataservice.bill.downloadurl.query, for a day."""
    content, till = call.content(), call.till
    kind, text = content.get("bill_type"), str(content.get("bill_date", ""))
    if kind not in ("trade", "signcustomer"):
        raise No("40004", "isv.invalid_arguments", "bill_type")
    entries = _entries(till, text)
    if kind == "trade":
        entries = [e for e in entries if e.kind in ("payment", "refund")]
    if not entries:
        raise No("40004", "isp.bill_not_exist", "账单不存在")
    data = pack(till, text, entries, kind)
    token = token_text(32, till.world.seed, "ticket", call.request_id)
    till.tickets[token] = Ticket(until=till.world.now + _LIFE_S, data=data)
    day = text.replace("-", "")
    words = {
        "bizType": "trade" if kind == "trade" else "fnd",
        "userId": f"{call.merchant.merchant_id}0156",
        "fileType": "csv.zip",
        "bizDates": day,
        "downloadFileName": f"{call.merchant.merchant_id}0156_{day}.csv.zip",
        "timestamp": str(till.world.now * 1000),
        "token": token,
    }
    return {"bill_download_url": f"{call.base}{PATH}?{urlencode(words)}"}


def _entries(till: Till, text: str) -> Sequence[Entry]:
    try:
        day = from_beijing(f"{date.fromisoformat(text).isoformat()} 00:00:00")
    except ValueError:
        raise No("40004", "isv.invalid_arguments", "bill_date") from None
    if day >= from_beijing(f"{beijing(till.world.now)[:10]} 00:00:00"):
        raise No("40004", "isv.invalid_arguments", "bill_date")
    return till.bills.made.get(("alipay", text), [])


def download(till: Till, request: Request) -> Response:
    """The file; nobody asks for a signature, but it is not there for long."""
    ticket = till.tickets.get(request.params().get("token", ""))
    if ticket is None or till.world.now > ticket.until:
        return Response(body=_EXPIRED.encode("gbk"), content_type="text/html;charset=GBK")
    return Response(body=ticket.data, content_type="application/zip")


# --- files


def pack(till: Till, day: str, entries: Sequence[Entry], kind: str) -> bytes:
    """The ZIP of a bill; the summary comes first."""
    owner = f"{till.merchants['alipay'].merchant_id}0156"
    head = f"{owner}_{day.replace('-', '')}_{'业务明细' if kind == 'trade' else '账务明细'}"
    if kind == "trade":
        texts = [summary_text(owner, day, entries), trade_text(owner, day, entries)]
    else:
        opening = till.bills.opening["alipay", day]
        texts = [ledger_summary(owner, day, entries), ledger_text(owner, day, entries, opening)]
    return zipped([(f"{head}(汇总).csv", texts[0]), (f"{head}.csv", texts[1])])


def zipped(files: Iterable[tuple[str, str]]) -> bytes:
    """A ZIP whose names are GBK without the flag for UTF-8, as Alipay's are."""
    out, names = io.BytesIO(), {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, (name, text) in enumerate(files):
            # the library knows no GBK: a name of the same length stands in and is written over afterwards
            real = name.encode("gbk")
            stand_in = f"{n}@".encode() + b"@" * (len(real) - 2)
            names[stand_in] = real
            info = zipfile.ZipInfo(stand_in.decode(), (2026, 1, 1, 0, 0, 0))
            archive.writestr(info, text.encode("gb18030"), zipfile.ZIP_DEFLATED)
    data = out.getvalue()
    for stand_in, real in names.items():
        data = data.replace(stand_in, real)
    return data


def _head(title: str, owner: str, day: str, list_name: str) -> list[str]:
    start = from_beijing(f"{day} 00:00:00")
    first, last = (f"{t[:4]}年{t[5:7]}月{t[8:10]}日 {t[11:]}" for t in (beijing(start), beijing(start + DAY)))
    return [
        f"#支付宝{title}查询",
        f"#账号：[{owner}]",
        f"#起始日期：[{first}]   终止日期：[{last}]",
        f"#-----------------------------------------{list_name}列表----------------------------------------",
    ]


def _foot(day: str, list_name: str, sums: Sequence[str]) -> list[str]:
    made = beijing(from_beijing(f"{day} 00:00:00") + DAY + 5 * 3600 + 46 * 60 + 49)
    end = f"#-----------------------------------------{list_name}列表结束------------------------------------"
    return [end, *sums, f"#导出时间：[{made[:4]}年{made[5:7]}月{made[8:10]}日 {made[11:]}]"]


def _file(head: Sequence[str], rows: Iterable[Sequence[object]], foot: Sequence[str]) -> str:
    out = io.StringIO()
    out.writelines(f"{line}\r\n" for line in head)
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    out.writelines(f"{line}\r\n" for line in foot)
    return out.getvalue()


def _signed(e: Entry) -> dict[str, int]:
    """Amounts of a business row, negative for a refund."""
    sign, off = -1 if e.kind == "refund" else 1, e.coupon_amount if e.kind == "payment" else e.amount - e.payer
    return {
        "amount": sign * e.amount,
        "received": sign * e.settled,
        "platform": sign * off if e.coupon == "CASH" else 0,
        "merchant": sign * off if e.coupon == "NOCASH" else 0,
        "fee": -e.fee if e.kind == "payment" else 0,
    }


def _other(e: Entry) -> str:
    n = digest("alipay buyer", e.payment_no)
    return f"*某(1{30 + n % 70}****{n // 100 % 10000:04d})"


def trade_row(e: Entry) -> list[str]:
    """One row of the business bill."""
    m, back = _signed(e), e.kind == "refund"
    return [
        *(f"{v}{_TAB}" for v in (e.trade_no, e.payment_no, "退款" if back else "交易")),
        e.title,
        beijing(e.created),
        beijing(e.at),
        *[_TAB] * 4,
        f"{_other(e)}{_TAB}",
        yuan(m["amount"]),
        yuan(m["received"]),
        "0.00",
        "0.00",
        yuan(m["platform"]),
        yuan(m["merchant"]),
        "0.00",
        trees.COUPON_NAME if e.coupon else "",
        f"0.00{_TAB}",
        "0.00",
        f"{e.back_no}{_TAB}",
        yuan(m["fee"]),
        "0.00",
        e.reason,
    ]


def _sum(entries: Iterable[Entry], name: str) -> int:
    return sum(_signed(e)[name] for e in entries)


def trade_text(owner: str, day: str, entries: Sequence[Entry]) -> str:
    """业务明细."""
    paid, back = ([e for e in entries if e.kind == kind] for kind in ("payment", "refund"))
    sums = [
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(_sum(paid, 'received'))}元，商家优惠共{yuan(_sum(paid, 'merchant'))}元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan(_sum(back, 'received'))}元，商家优惠退款共{yuan(_sum(back, 'merchant'))}元",
    ]
    rows = [COLUMNS, *(trade_row(e) for e in entries)]
    return _file(_head("业务明细", owner, day, "业务明细"), rows, _foot(day, "业务明细", sums))


def summary_text(owner: str, day: str, entries: Sequence[Entry]) -> str:
    """业务明细(汇总): one shop without a number, and the total."""
    paid = sum(e.kind == "payment" for e in entries)
    m = {name: _sum(entries, name) for name in ("amount", "received", "platform", "merchant", "fee")}
    values = [m["amount"], m["received"], m["platform"], m["merchant"], 0, m["fee"], 0, m["received"] + m["fee"]]
    row = [str(paid), str(len(entries) - paid), *map(yuan, values)]
    rows = [SUMMARY, [_TAB, _TAB, *row], ["合计", "", *row]]
    return _file(_head("业务汇总", owner, day, "业务汇总"), rows, _foot(day, "业务汇总", ()))


def _movements(e: Entry) -> list[tuple[str, int, str]]:
    """(kind, signed fen, remark) of what an entry moves."""
    if e.kind == "payment":
        fee = [("收费", -e.fee, f"服务费[{e.trade_no}]")] if e.fee else []
        return [("在线支付", e.settled, ""), *fee]
    return [("交易退款", -e.settled if e.kind == "refund" else e.settled, e.reason)]


def ledger_text(owner: str, day: str, entries: Sequence[Entry], opening: int) -> str:
    """账务明细: each movement with the balance after it; what goes out has a minus."""
    rows: list[Sequence[object]] = [LEDGER]
    balance, moves = opening, [(e, *m) for e in entries for m in _movements(e)]
    for n, (e, kind, fen, remark) in enumerate(moves):
        balance += fen
        flow = f"{digest('ledger', e.at, e.trade_no, n) % 10**18:018d}"
        rows.append(
            [
                *(f"{v}{_TAB}" for v in (flow, e.trade_no, e.payment_no)),
                e.title,
                beijing(e.at),
                f"{_other(e)}{_TAB}",
                yuan(fen) if fen > 0 else "",
                yuan(fen) if fen < 0 else "",
                yuan(balance),
                "支付宝",
                kind,
                remark,
            ]
        )
    sums = [f"#{name}合计：{n}笔，共{yuan(total)}元" for name, n, total in _ways(fen for _, _, fen, _ in moves)]
    return _file(_head("账务明细", owner, day, "账务明细"), rows, _foot(day, "账务明细", sums))


def _ways(moves: Iterable[int]) -> list[tuple[str, int, int]]:
    """(name, how many, fen) of what went out and what came in."""
    found = list(moves)
    out, into = [f for f in found if f < 0], [f for f in found if f > 0]
    return [("支出", len(out), sum(out)), ("收入", len(into), sum(into))]


def ledger_summary(owner: str, day: str, entries: Sequence[Entry]) -> str:
    """账务明细(汇总): per kind."""
    moves = [m for e in entries for m in _movements(e)]
    rows: list[Sequence[object]] = [LEDGER_SUMMARY]
    for kind in dict.fromkeys(m[0] for m in moves):
        (_, outs, out), (_, ins, into) = _ways(fen for k, fen, _ in moves if k == kind)
        rows.append([kind, ins, yuan(into), outs, yuan(out)])
    return _file(_head("账务汇总", owner, day, "账务汇总"), rows, _foot(day, "账务汇总", ()))
