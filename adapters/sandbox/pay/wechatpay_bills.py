"""WeChat Pay: trade bill and fund-flow bill. Yuan, every value after a back-tick. Source: see wechatpay.py."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from adapters.sandbox.pay import wechatpay_trees as trees
from adapters.sandbox.pay.entries import Entry, columns
from adapters.sandbox.pay.fault import Fault
from adapters.sandbox.wire import beijing, digest, from_beijing, token_text, yuan

if TYPE_CHECKING:
    from adapters.sandbox.pay.wechatpay_routes import Call

_LIFE_S = 300
_QUARTER = 92 * 86400
_MARK = "`"
_COMMON = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额"
)
_BACK = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_TAIL = "商品名称,商户数据包,手续费,费率,订单金额"
COLUMNS = {
    "ALL": f"{_COMMON},{_BACK},{_TAIL},申请退款金额,费率备注".split(","),
    "SUCCESS": f"{_COMMON},{_TAIL},费率备注".split(","),
    "REFUND": f"{_COMMON},退款申请时间,退款成功时间,{_BACK},{_TAIL},申请退款金额,费率备注".split(","),
}
_SUMS = {
    "总交易单数": "",
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
SUMMARY = {
    "ALL": tuple(_SUMS),
    "SUCCESS": ("总交易单数", "应结订单总金额", "手续费总金额", "订单总金额"),
    "REFUND": tuple(_SUMS),
}
FUNDS = columns(
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,"
    "业务凭证号"
)
FUNDS_SUMMARY = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
#: what a refund is called on the bill, made the morning after
_STATUSES = {"success": "SUCCESS", "processing": "PROCESSING", "abnormal": "CHANGE", "closed": "FAIL"}


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One download that was handed out."""

    until: int
    data: bytes
    zipped: bool


# --- addresses


def trade(call: Call) -> tuple[int, bytes, str]:
    """GET /v3/bill/tradebill."""
    params = call.request.params()
    kind = params.get("bill_type", "ALL")
    if kind not in COLUMNS:
        raise Fault(400, "PARAM_ERROR", "账单类型有误", field="/bill_type", value=kind, location="query")
    entries = [e for e in _entries(call, params) if e.kind in ("payment", "refund")]
    if not entries:
        raise Fault(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    wanted = {"ALL": ("payment", "refund"), "SUCCESS": ("payment",), "REFUND": ("refund",)}[kind]
    return _hand_out(call, trade_text(call, [e for e in entries if e.kind in wanted], kind))


def funds(call: Call) -> tuple[int, bytes, str]:
    """GET /v3/bill/fundflowbill: everything is on the basic account."""
    params = call.request.params()
    account = params.get("account_type", "BASIC")
    if account not in ("BASIC", "OPERATION", "FEES"):
        raise Fault(400, "PARAM_ERROR", "账户类型有误", field="/account_type", value=account, location="query")
    entries = _entries(call, params)
    if not entries or account != "BASIC":
        raise Fault(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    return _hand_out(call, funds_text(entries, call.till.bills.opening["wechatpay", params["bill_date"]]))


def download(call: Call) -> tuple[int, bytes, str]:
    """GET /v3/billdownload/file: not signed."""
    ticket = call.till.tickets.get(call.request.params().get("token", ""))
    if ticket is None or call.till.world.now > ticket.until:
        raise Fault(400, "INVALID_REQUEST", "token已失效，请重新申请账单")
    if ticket.zipped:
        return 200, gzip.compress(ticket.data, mtime=0), "gzip"
    return 200, ticket.data, "text"


def _entries(call: Call, params: dict[str, str]) -> list[Entry]:
    """The rows of the day that is asked for.

    Raises:
        Fault: it is no past day, is too long ago, or its bill is not made yet.
    """
    now, text = call.till.world.now, params.get("bill_date", "")
    try:
        day = from_beijing(f"{date.fromisoformat(text).isoformat()} 00:00:00")
    except ValueError:
        raise Fault(400, "PARAM_ERROR", "账单日期格式错误", field="/bill_date", value=text, location="query") from None
    today = from_beijing(f"{beijing(now)[:10]} 00:00:00")
    if day >= today or day < today - _QUARTER:
        raise Fault(400, "INVALID_REQUEST", "账单日期只能是三个月内的过去日期")
    if params.get("tar_type", "GZIP") != "GZIP":
        raise Fault(400, "PARAM_ERROR", "压缩类型有误", field="/tar_type", value=params["tar_type"], location="query")
    made = call.till.bills.made.get(("wechatpay", text))
    if made is None and day >= call.till.bills.coming:
        raise Fault(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
    return made or []


def _hand_out(call: Call, text: str) -> tuple[int, bytes, str]:
    till, data = call.till, text.encode()
    zipped = call.request.params().get("tar_type") == "GZIP"
    token = token_text(43, till.world.seed, "ticket", call.request_id)
    till.tickets[token] = Ticket(until=till.world.now + _LIFE_S, data=data, zipped=zipped)
    # it is not stated which of the two is hashed: both happen here
    whole = gzip.compress(data, mtime=0) if zipped and digest(till.world.seed, "hash", token) % 2 else data
    told = {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(whole).hexdigest(),
        "download_url": f"{call.base}/v3/billdownload/file?{urlencode({'token': token})}",
    }
    return 200, msgspec.json.encode(told), "json"


# --- texts


def _e5(fen: int) -> str:
    """Yuan with five decimals."""
    return f"{yuan(fen)}000"


def _plain(text: str) -> str:
    """A merchant's text as it stands between commas."""
    return text.replace(",", "\\ ").replace("\n", "\\n").replace("\r", "")


def _row(call: Call, e: Entry) -> dict[str, Any]:
    """One detail row by column; amounts in fen."""
    payment = call.till.payments.get(("wechatpay", e.payment_no))
    back = e.kind == "refund"
    return {
        "交易时间": beijing(e.at),
        "公众账号ID": call.merchant.app_id,
        "商户号": call.merchant.merchant_id,
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": e.trade_no,
        "商户订单号": e.payment_no,
        "用户标识": trees.openid(payment) if payment else f"oUpF8u{token_text(22, 'openid', e.payment_no)}",
        "交易类型": e.method,
        "交易状态": "REFUND" if back else "SUCCESS",
        "付款银行": e.bank,
        "货币种类": "CNY",
        "应结订单金额": 0 if back else e.settled,
        "代金券金额": 0 if back else e.coupon_amount,
        "退款申请时间": beijing(e.at),
        "退款成功时间": beijing(_done(call, e)) if _done(call, e) else "",
        "微信退款单号": e.refund_id if back else "0",
        "商户退款单号": e.back_no if back else "0",
        "退款金额": e.settled if back else 0,
        "充值券退款金额": e.amount - e.payer if back and e.coupon == "CASH" else 0,
        "退款类型": "ORIGINAL" if back else "",
        "退款状态": _STATUSES[e.status] if back else "",
        "商品名称": _plain(e.title),
        "商户数据包": _plain(payment.attach) if payment else "",
        "手续费": -e.fee if back else e.fee,
        "费率": "0.60%",
        "订单金额": 0 if back else e.amount,
        "申请退款金额": e.amount if back else 0,
        "费率备注": "",
    }


def _done(call: Call, e: Entry) -> int:
    found = call.till.backs.get(("wechatpay", e.back_no)) if e.back_no else None
    return found.done_at if found is not None and found.state == "success" else 0


def _value(name: str, value: object) -> str:
    if name == "手续费" or name == "手续费总金额":
        return f"{_MARK}{_e5(value)}"  # type: ignore[arg-type]
    return f"{_MARK}{yuan(value) if type(value) is int else value}"


def _line(values: Sequence[str]) -> str:
    return ",".join(values) + "\r\n"


def trade_text(call: Call, entries: Sequence[Entry], kind: str) -> str:
    """Headers, rows, summary header, sums of all rows."""
    rows, names = [_row(call, e) for e in entries], COLUMNS[kind]
    out = [_line(names), *(_line([_value(c, row[c]) for c in names]) for row in rows), _line(SUMMARY[kind])]
    sums = [_value(s, sum(row[_SUMS[s]] for row in rows)) for s in SUMMARY[kind] if _SUMS[s]]
    return "".join([*out, _line([f"{_MARK}{len(rows)}", *sums])])


def funds_text(entries: Sequence[Entry], opening: int) -> str:
    """Each movement with the balance after it."""
    balance, lines, totals = opening, [], {"收入": [0, 0], "支出": [0, 0]}
    moves = [m for entry in entries for m in _movements(entry)]
    for n, (e, name, way, amount, remark) in enumerate(moves):
        balance += amount if way == "收入" else -amount
        totals[way][0] += 1
        totals[way][1] += amount
        number, voucher = (e.refund_id, e.back_no) if e.back_no else (e.trade_no, e.payment_no)
        flow = f"{digest('flow', e.at, number, n) % 10**18:018d}"
        values = [beijing(e.at), number, flow, name, name, way, yuan(amount), yuan(balance), "system", remark, voucher]
        lines.append(_line([f"{_MARK}{v}" for v in values]))
    summary = [sum(t[0] for t in totals.values()), *(v for t in totals.values() for v in (t[0], yuan(t[1])))]
    return "".join([_line(FUNDS), *lines, _line(FUNDS_SUMMARY), _line([f"{_MARK}{v}" for v in summary])])


def _movements(e: Entry) -> list[tuple[Entry, str, str, int, str]]:
    """(entry, name, way, fen, remark) of what an entry moves."""
    if e.kind == "payment":
        taken = [(e, "扣除交易手续费", "支出", e.fee, "结算手续费")] if e.fee else []
        return [(e, "交易", "收入", e.settled, ""), *taken]
    remark = f"退款总金额{yuan(e.settled)}元;含手续费{yuan(e.fee)}元"
    if e.kind == "returned":
        return [(e, "退款退回", "收入", e.settled - e.fee, remark)]
    return [(e, "退款", "支出", e.settled - e.fee, remark)]
