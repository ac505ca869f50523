"""What each platform books for an order, from how the order stands.

Taobao, jd and douyin settle when the buyer has confirmed: an order that ended before leaves no row (unless something
stays, as the freight of goods that came back), and a refund that was paid out meanwhile is booked in the same second as
the goods. WeChat's ledger books the payment when it is paid,
the refund when it is done, and takes its part at the confirmation. The platform's, a talent's and a channel's share
of a discount comes to the merchant beside what the buyer paid, but not for a line whose money went back.
Source: the platforms' pages on statements (columns, subjects, kinds of rows); rates are this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.money import split
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.statements.rows import Row, day_of, number, part_of_rate
from adapters.sandbox.wire import beijing, digest

if TYPE_CHECKING:
    from adapters.sandbox.world import World

#: platform → fee → rate in ten-thousandths of what the buyer paid and kept (talent: douyin, lines sold by one)
RATES: Mapping[str, Mapping[str, int]] = {
    "taobao": {"commission": 500, "service_fee": 50},
    "jd": {"commission": 600, "service_fee": 60},
    "douyin": {"service_fee": 500, "commission": 1000},
    "wechat_shop": {"commission": 200},
}
Rule = Callable[["World", Order], list[Row]]


def books(platform: str) -> bool:
    """Whether a platform has statements at all."""
    return platform in _RULES


def rows_of(world: World, order: Order) -> list[Row]:
    """Every row the platform will ever have for an order as it stands, in order of booking."""
    rule = _RULES.get(order.platform)
    if rule is None or order.cod or not order.paid_at:
        return []
    return [r for r in rule(world, order) if r.amount]


def paid_back(world: World, order: Order) -> list[Refund]:
    """The refunds of an order whose money went back, oldest first."""
    found = [world.refunds[order.platform, no] for no in order.refunds]
    return sorted((r for r in found if r.status == "done"), key=lambda r: (r.done_at, r.no))


def kept(order: Order) -> list[Line]:
    """Lines whose money did not go back."""
    return [x for x in order.lines if x.refund != "full"]


def make(order: Order, what: str, at: int, *parts: tuple[str, int], **facts: Any) -> Row:
    """A row of an order; `what` tells its rows apart and gives each a number of its own."""
    return Row(
        platform=order.platform,
        day=day_of(at),
        ref=ref_of(order.platform, at, order.no, what, sum(fen for _, fen in parts) >= 0),
        at=at,
        parts=parts,
        order=order.no,
        **facts,
    )


def ref_of(platform: str, at: int, no: str, what: str, to_us: bool) -> str:
    """A row's number in the shape of its platform."""
    stamp = "".join(c for c in beijing(at) if c.isdigit())
    if platform == "taobao":
        return stamp[:8] + number(12, "ledger", no, what)
    if platform == "jd":
        return number(12, "bill", no, what)
    if platform == "douyin":
        return f"AS{stamp[:12]}{number(16, 'fund', no, what)}_{'IN' if to_us else 'OUT'}"
    return number(19, "flow", no, what)


def _settles(world: World, order: Order) -> bool:
    """Whether money of an order comes out of the platform's hands: confirmed, or ended by refunds that left something."""
    if order.state == "cancelled":
        return sum(r.amount for r in paid_back(world, order)) < order.payable
    return order.state == "completed"


def _title(order: Order) -> str:
    first = order.lines[0].listing.title
    return first if len(order.lines) == 1 else f"{first}等多件"


def _sold(line: Line) -> dict[str, str]:
    sold = line.listing
    return {"line": line.no, "title": sold.title, "listing": sold.listing, "product": sold.product}


def _taobao(world: World, order: Order) -> list[Row]:
    """One payment per trade; refunds, subsidy and fees in rows of their own."""
    if not _settles(world, order):
        return []
    at, rates, back = order.ended_at, RATES["taobao"], paid_back(world, order)
    rows = [make(order, "goods", at, ("goods", order.payable), title=_title(order))]
    rows += [make(order, f"refund {r.no}", at, ("refund", -r.amount), refund=r.no, line=r.line_no) for r in back]
    base = max(0, order.payable - sum(r.amount for r in back))
    rows.append(make(order, "subsidy", at, ("subsidy", sum(x.platform_off for x in kept(order)))))
    rows.append(make(order, "commission", at, ("commission", -part_of_rate(base, rates["commission"]))))
    rows.append(make(order, "points", at, ("service_fee", -part_of_rate(base, rates["service_fee"]))))
    return rows


def _jd(world: World, order: Order) -> list[Row]:
    """Rows per line and fee; freight once for the order."""
    if not _settles(world, order):
        return []
    rows: list[Row] = []
    for line in order.lines:
        rows += _jd_line(world, order, line)
    rows.append(make(order, "freight", order.ended_at, ("freight", order.freight)))
    # before shipping a refund is of the whole order and names no line
    rows += [_jd_refund(order, r, None) for r in paid_back(world, order) if not r.line_no]
    return rows


def _jd_line(world: World, order: Order, line: Line) -> list[Row]:
    at, rates = order.ended_at, RATES["jd"]
    facts: dict[str, Any] = {**_sold(line), "qty": line.qty}
    rows = [make(order, f"goods {line.no}", at, ("goods", line.paid), **facts)]
    if line.refund == "full":
        return rows + [_jd_refund(order, r, line) for r in paid_back(world, order) if r.line_no == line.no]
    rows.append(make(order, f"subsidy {line.no}", at, ("subsidy", line.platform_off), **facts))
    for fee in ("commission", "service_fee"):
        rows.append(make(order, f"{fee} {line.no}", at, (fee, -part_of_rate(line.paid, rates[fee])), **facts))
    return rows


def _jd_refund(order: Order, refund: Refund, line: Line | None) -> Row:
    sold = _sold(line) if line is not None else {}
    parts = ("refund", -refund.amount)
    return make(order, f"refund {refund.no}", order.ended_at, parts, refund=refund.no, qty=refund.qty, **sold)


def _douyin(world: World, order: Order) -> list[Row]:
    """One row per sub-order, the net of its parts; one that nets to nothing does not appear."""
    if not _settles(world, order):
        return []
    channel = split(order.channel_off, [max(0, x.paid) for x in order.lines])
    return [_douyin_line(world, order, x, part) for x, part in zip(order.lines, channel, strict=True)]


def _douyin_line(world: World, order: Order, line: Line, channel: int) -> Row:
    refunds = [r for r in paid_back(world, order) if r.line_no == line.no]
    parts = [("goods", line.paid - channel), ("freight", line.freight), ("subsidy.channel", channel)]
    if line.refund == "full":
        parts.append(("refund", -sum(r.amount for r in refunds)))
    else:
        rates = RATES["douyin"]
        parts += [("subsidy", line.platform_off), ("subsidy.talent", line.talent_off)]
        parts.append(("service_fee", -part_of_rate(line.paid, rates["service_fee"])))
        if line.talent_off:
            parts.append(("commission", -part_of_rate(line.paid, rates["commission"])))
    return make(
        order,
        f"line {line.no}",
        order.ended_at,
        *((kind, fen) for kind, fen in parts if fen),
        refund=refunds[-1].no if refunds else "",
        qty=line.qty,
        **_sold(line),
    )


def _wechat_shop(world: World, order: Order) -> list[Row]:
    """The payment when it is paid, refunds when they are done, subsidy and commission at the confirmation."""
    back = paid_back(world, order)
    rows = [make(order, "payment", order.paid_at, ("goods", order.payable), title=_title(order))]
    rows += [make(order, f"refund {r.no}", r.done_at, ("refund", -r.amount), refund=r.no) for r in back]
    if order.state == "completed":
        at, base = order.ended_at, max(0, order.payable - sum(r.amount for r in back))
        rows.append(make(order, "subsidy", at, ("subsidy", sum(x.platform_off for x in kept(order)))))
        # rounded down, as the order's own predict_commission_fee
        fee = base * RATES["wechat_shop"]["commission"] // 10_000
        rows.append(make(order, "commission", at, ("commission", -fee)))
    return rows


def _shopify(world: World, order: Order) -> list[Row]:
    """The charge with its fee when it is paid; refunds when they are done, whose fee is not given back.

    The fee depends on the card: there is no rate that it could be held against.
    """
    fee = part_of_rate(order.payable, 240 + digest("card", order.no) % 100)
    rows = [make(order, "charge", order.paid_at, ("goods", order.payable), ("service_fee", -fee))]
    return rows + [
        make(order, f"refund {r.no}", r.done_at, ("refund", -r.amount), refund=r.no) for r in paid_back(world, order)
    ]


_RULES: Mapping[str, Rule] = {
    "taobao": _taobao,
    "jd": _jd,
    "douyin": _douyin,
    "wechat_shop": _wechat_shop,
    "shopify": _shopify,
}
