"""What happens to an order: one function per event, each only when the order's state allows it.

A function changes the order and returns whether it did; the world then counts a version, moves the order's modified
time, and writes the book. Events come from the timeline, from effects, from scripts and from faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sandbox import traits
from adapters.sandbox.state import Line, Order, Receiver, Refund
from adapters.sandbox.wire import digest

if TYPE_CHECKING:
    from adapters.sandbox.world import World

Event = Callable[["World", Order, dict[str, Any]], bool]
EVENTS: dict[str, Event] = {}
_OPEN = ("asked", "agreed", "returned")


def event(function: Event) -> Event:
    EVENTS[function.__name__] = function
    return function


@event
def paid(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer pays, or pays the rest of a pre-sale."""
    if order.state not in ("unpaid", "deposit"):
        return False
    order.paid_at = world.now
    order.ship_by = world.now + int(args.get("ship_within", 48 * 3600))
    order.hold = args.get("hold", "")
    order.state = "held" if order.hold else "paid"
    return True


@event
def deposit(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer pays the deposit of a pre-sale; the rest is due later."""
    if order.state != "unpaid":
        return False
    order.state = "deposit"
    order.deposit = order.payable // 10
    return True


@event
def released(world: World, order: Order, args: dict[str, Any]) -> bool:
    """A group purchase is complete, or risk control let the order go."""
    if order.state != "held":
        return False
    order.state, order.hold, order.released_at = "paid", "", world.now
    return True


@event
def cancelled(world: World, order: Order, args: dict[str, Any]) -> bool:
    """Closed before payment: the buyer's wish, or time is up."""
    if order.state not in ("unpaid", "deposit"):
        return False
    order.state, order.cancel, order.ended_at = "cancelled", args.get("why", "timeout"), world.now
    for line in order.lines:
        line.closed = True
    return True


@event
def settled(world: World, order: Order, args: dict[str, Any]) -> bool:
    """What was really paid arrives in the order's data (jd)."""
    if not order.paid_at or order.settled:
        return False
    order.settled = True
    return True


@event
def address(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer changes where it goes, before shipping."""
    if order.state not in ("unpaid", "deposit", "held", "paid"):
        return False
    order.receiver = Receiver(**args["receiver"])
    order.address_no += 1
    return True


@event
def remark(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer's words change."""
    if order.state in ("completed", "cancelled"):
        return False
    order.remark = args["text"]
    return True


@event
def memo(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The seller's note at the platform changes."""
    order.memo = args["text"]
    order.flag = args.get("flag", order.flag)
    return True


@event
def touched(world: World, order: Order, args: dict[str, Any]) -> bool:
    """Only the platform's modified time moves."""
    return True


@event
def line_closed(world: World, order: Order, args: dict[str, Any]) -> bool:
    """A line is closed before shipping with its money back at once."""
    line = _pick(order, args)
    if line is None or order.state not in ("paid", "held") or line.closed or line.shipped_qty or line.refund != "none":
        return False
    if sum(1 for x in order.lines if not x.closed and not x.gift) < 2:
        return False
    refund = _open_refund(world, order, line, "before_shipping", "缺货")
    _finish(world, order, refund, "platform")
    return True


@event
def refund_asked(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer asks money back: the whole order, or the line args name; a return once shipped, unless refund_only.

    Where the platform has no place to ask for that, he writes to the seller, and nothing is seen of it until the money
    goes back.
    """
    kind, lines = _wanted(order, args)
    if not lines:
        return False
    if kind not in traits.find(order.platform).asks:
        world.schedule(world.now + _patience(order, kind), order, "refund_made", args)
        known = traits.find(order.platform)
        if kind != "before_shipping" or known.cancel_no is None or known.whole_refunds:
            return False
        order.cancelling = True
        return True
    shipped = kind != "before_shipping"
    reason = args.get("reason", "不想要了")
    if not traits.find(order.platform).parts and not shipped:
        # before shipping only the whole order is known: one application for it
        refunds = [_open_refund(world, order, None, kind, reason)]
    else:
        refunds = [_open_refund(world, order, line, kind, reason) for line in lines]
    for refund in refunds:
        _plan_next(world, order, refund, args)
    return bool(refunds)


def _wanted(order: Order, args: dict[str, Any]) -> tuple[str, list[Line]]:
    """The kind of refund that is possible now, and the lines it is about; none: it is not possible."""
    over = ("cancelled",) if traits.find(order.platform).ends_shipped else ("cancelled", "completed")
    if order.state in ("unpaid", "deposit", *over) or not order.paid_at:
        return "", []
    one = _pick(order, args) if args.get("line") is not None else None
    if args.get("line") is not None and one is None:
        return "", []
    lines = [one] if one is not None else [x for x in order.lines if not x.gift]
    lines = [x for x in lines if x is not None and not x.closed and x.refund == "none"]
    kind = "before_shipping"
    if order.state in ("shipped", "partly_shipped", "completed"):
        kind = args.get("kind", "return")
        lines = [x for x in lines if x.shipped_qty or kind == "before_shipping"]
    return kind, lines


def _patience(order: Order, kind: str) -> int:
    """Seconds until the seller has paid back what was asked for by mail."""
    least, more = (20, 70) if kind == "before_shipping" else (60, 120)
    return (least + digest(order.no, "mail", kind) % more) * 60


@event
def refund_made(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The seller pays money back in his own shop; of goods that left he keeps no book there."""
    kind, lines = _wanted(order, args)
    known = traits.find(order.platform)
    if lines and known.cancel_no is not None and (known.whole_refunds or kind == "before_shipping"):
        if not (order.cancelling or known.whole_refunds):
            return False
        order.cancelling = False
        kind = "refund_only" if kind == "return" else kind
        _finish(world, order, _open_refund(world, order, None, kind, args.get("reason", "不想要了")), "seller")
        return True
    for line in lines:
        refund = _open_refund(
            world, order, line, "refund_only" if kind == "return" else kind, args.get("reason", "不想要了")
        )
        _finish(world, order, refund, "seller")
    return bool(lines)


@event
def refund_step(world: World, order: Order, args: dict[str, Any]) -> bool:
    """A refund goes on by itself: the platform agrees in the seller's stead, the buyer sends the goods."""
    refund = world.refunds.get((order.platform, args["refund"]))
    if refund is None or refund.status != args["from"]:
        return False
    if refund.status == "asked" and refund.kind != "return":
        _finish(world, order, refund, "platform")
    elif refund.status == "asked":
        agree(world, order, refund, "platform")
    elif refund.status == "agreed":
        refund.status, refund.modified, refund.by = "returned", world.now, "buyer"
        refund.carrier, refund.waybill = "YTO", f"YT{digest(refund.no, 'back') % 10**13:013d}"
        _plan_next(world, order, refund, {})
        arrival = {"platform": order.platform, "order": order.no, "refund": refund.no, **_back(order, refund)}
        world.arrivals.append(arrival)
        world.book.write("event", event="goods_back", **arrival)
    elif refund.status == "returned":
        _finish(world, order, refund, "platform")
    return True


@event
def refund_withdrawn(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer takes the request back."""
    found = [world.refunds[order.platform, no] for no in order.refunds]
    open_ones = [r for r in found if r.status in ("asked", "agreed")]
    for refund in open_ones:
        close_refund(world, order, refund, "closed", "buyer")
    wished, order.cancelling = order.cancelling, False
    return bool(open_ones) or wished


@event
def completed(world: World, order: Order, args: dict[str, Any]) -> bool:
    """The buyer confirms, or the time for it is over; an open refund puts it off."""
    if order.state != "shipped":
        return False
    if any(world.refunds[order.platform, no].status in _OPEN for no in order.refunds):
        world.schedule(world.now + 6 * 3600, order, "completed", {})
        return False
    order.state, order.ended_at = "completed", world.now
    return True


def shipped(world: World, order: Order) -> None:
    """Bring the state in line with what left; schedule what follows once all of it did."""
    if any(x.left for x in order.lines):
        order.state = "partly_shipped" if any(x.shipped_qty for x in order.lines) else order.state
        return
    order.state, order.shipped_at = "shipped", world.now
    if traits.find(order.platform).ends_shipped:
        order.state, order.ended_at = "completed", world.now
    world.schedule(world.now + 2 * 3600 + digest(order.no, "completed") % (18 * 3600), order, "completed", {})
    for later, name, args in order.after_ship:
        world.schedule(world.now + later, order, name, args)


def agree(world: World, order: Order, refund: Refund, by: str) -> None:
    """A return is agreed to: the buyer may send the goods."""
    refund.status, refund.modified, refund.agreed_at, refund.by = "agreed", world.now, world.now, by
    _plan_next(world, order, refund, {})


def pay_back(world: World, order: Order, refund: Refund, by: str) -> None:
    """The money goes back."""
    _finish(world, order, refund, by)


def close_refund(world: World, order: Order, refund: Refund, status: str, by: str) -> None:
    """A refund ends without money: refused by the seller, or taken back."""
    refund.status, refund.modified, refund.by = status, world.now, by
    for line in _lines_of(order, refund):
        line.refund, line.refund_no = "none", ""


def _pick(order: Order, args: dict[str, Any]) -> Line | None:
    """The line args name by number or by position."""
    wanted = args.get("line")
    if isinstance(wanted, int):
        return order.lines[wanted] if wanted < len(order.lines) else None
    return order.line(str(wanted))


def _lines_of(order: Order, refund: Refund) -> list[Line]:
    if refund.line_no:
        line = order.line(refund.line_no)
        return [line] if line is not None else []
    return [x for x in order.lines if x.refund_no == refund.no]


def _open_refund(world: World, order: Order, line: Line | None, kind: str, reason: str) -> Refund:
    lines = [line] if line is not None else [x for x in order.lines if not x.closed and x.refund == "none"]
    amount = sum(x.paid + x.tax for x in lines)
    others = [x for x in order.lines if x not in lines and not x.closed and not x.gift and x.refund == "none"]
    if (kind == "before_shipping" or traits.find(order.platform).whole_refunds) and not others:
        # the last one before shipping takes the freight with it
        amount += order.freight
    cancel_no = traits.find(order.platform).cancel_no if line is None else None
    refund = Refund(
        no=world.next_refund_no(order, kind) if cancel_no is None else cancel_no(order.no),
        order_no=order.no,
        line_no=line.no if line is not None else "",
        kind=kind,
        amount=amount,
        qty=sum(x.qty for x in lines),
        reason=reason,
        created=world.now,
        modified=world.now,
    )
    for x in lines:
        x.refund, x.refund_no = "asked", refund.no
    order.refunds.append(refund.no)
    world.add_refund(refund, order.platform)
    return refund


def _plan_next(world: World, order: Order, refund: Refund, args: dict[str, Any]) -> None:
    """Say when the refund goes on by itself if nobody answers it."""
    waits = {"before_shipping": (20, 70), "return": (60, 120), "refund_only": (60, 120)}[refund.kind]
    if refund.status == "agreed":
        waits = (60, 300)
    elif refund.status == "returned":
        waits = (240, 400)
    least, more = waits
    minutes = least + digest(refund.no, refund.status) % more
    seconds = int(args["answer_after"]) if "answer_after" in args else minutes * 60
    world.schedule(world.now + seconds, order, "refund_step", {"refund": refund.no, "from": refund.status})


def _finish(world: World, order: Order, refund: Refund, by: str) -> None:
    refund.status, refund.modified, refund.done_at, refund.by = "done", world.now, world.now, by
    for line in _lines_of(order, refund):
        line.refund = "full"
        if refund.kind == "before_shipping":
            line.closed = True
    goods = [x for x in order.lines if not x.gift]
    if all(x.refund == "full" for x in goods):
        for line in order.lines:
            line.closed = line.closed or not line.shipped_qty
        order.state, order.cancel, order.ended_at = "cancelled", "refunded", world.now
    elif order.state == "partly_shipped" and not any(x.left for x in order.lines):
        shipped(world, order)
    facts = {"pieces": {}} if refund.kind != "return" else _back(order, refund)
    world.book.write(
        "event",
        event="refunded",
        platform=order.platform,
        order=order.no,
        refund=refund.no,
        refund_kind=refund.kind,
        amount=refund.amount,
        by=by,
        **facts,
    )


def _back(order: Order, refund: Refund) -> dict[str, Any]:
    pieces: dict[str, int] = {}
    for line in _lines_of(order, refund):
        for sku, qty in line.listing.pieces(line.shipped_qty).items():
            pieces[sku] = pieces.get(sku, 0) + qty
    return {"pieces": pieces, "line": refund.line_no}
