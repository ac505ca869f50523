"""What a refund of our own may ask for, and how its money lies on the order's lines. Amounts are minor units.

Pieces are asked back once: of the pieces that have not left by a refund before shipping, of those that left by one after
it. A piece's money is its share of the line by largest remainder, so that all pieces together give the line to the fen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.rules.notices import complete_pieces
from jobs.rules.refunds import STANDING
from jobs.rules.splitting import split
from stores.records import FullOrder, Line, Progress, Refund, RefundKind, RefundLine, RefundStatus, replace

K = RefundKind
#: what may be asked while nothing has left, and once something has
_BEFORE = frozenset({Progress.UNPAID, Progress.CREATED, Progress.AUDITED, Progress.SOURCED, Progress.MERGED})
_AFTER = frozenset({Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.COMPLETED})
WHEN: Mapping[RefundKind, frozenset[Progress]] = {
    K.BEFORE_SHIPPING: _BEFORE,
    K.RETURN: _AFTER,
    K.EXCHANGE: _AFTER,
    K.RESHIP: _AFTER,
    # a cancelled order whose money is still here gets it back so, too
    K.REFUND_ONLY: _AFTER | {Progress.CANCELLED},
    K.PRICE_PROTECTION: _BEFORE | _AFTER,
}
#: sends goods, and gives no money back but a difference
SENDS = frozenset({K.EXCHANGE, K.RESHIP})
#: uses up the pieces it names: nothing else may be asked for them
_USES = frozenset({K.BEFORE_SHIPPING, K.RETURN, K.REFUND_ONLY, K.EXCHANGE, K.UNKNOWN})

Known = Sequence[tuple[Refund, tuple[RefundLine, ...]]]


class Wrong(ValueError):
    """A request that cannot be made: a reason code and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Asked(NamedTuple):
    """A request as it is written: its amount, and (line_no, pieces, amount) that sum to it."""

    amount_minor: int
    lines: tuple[tuple[int, int, int], ...]


def room(full: FullOrder, known: Known) -> int:
    """What may still be asked for: paid, less every refund that stands, asked ones among them."""
    return max(full.order.paid_minor - sum(r.amount_minor for r, _ in known if r.status in STANDING), 0)


def asked(
    full: FullOrder, known: Known, kind: RefundKind, *, wanted: Mapping[int, int] | None = None, amount: int | None = None
) -> Asked:  # fmt: skip
    """What a request comes to.

    Args:
        known: all refunds of the order, with their lines.
        wanted: line_no → pieces (0: all that are left); None: the whole order.
        amount: minor units; None: what the pieces are worth.

    Raises:
        Wrong: not now, not so many pieces, not so much money.
    """
    _fits_now(full, kind)
    free = {line.line_no: _free(full, line, known, kind) for line in full.lines}
    pieces = _pieces(free, wanted)
    if kind in SENDS:
        # No money of the line goes back, whatever difference there is.
        return _with_amount(full, known, pieces, amount or 0)
    if amount is None and kind == K.PRICE_PROTECTION:
        raise Wrong("no_amount", "price protection gives back an amount: say how much")
    left = room(full, known)
    if not left:
        raise Wrong(
            "nothing_paid" if not full.order.paid_minor else "exceeds_paid",
            "nothing that was paid is left to give back",
        )
    if amount is not None:
        return _with_amount(full, known, {} if kind == K.PRICE_PROTECTION else pieces, amount, over=pieces)
    worth = {no: _worth(_line(full, no), n, known) for no, n in pieces.items()}
    total = left if _all_of_it(full, known, kind, pieces) else min(sum(worth.values()), left)
    parts = split(total, [worth[no] for no in pieces])
    return Asked(total, tuple((no, n, part) for (no, n), part in zip(pieces.items(), parts, strict=True)))


def _fits_now(full: FullOrder, kind: RefundKind) -> None:
    progress = full.order.progress
    if kind not in WHEN:
        raise Wrong("bad_kind", f"kind {kind}; one of {', '.join(WHEN)}")
    if progress not in WHEN[kind]:
        may = [str(k) for k, states in WHEN.items() if progress in states]
        raise Wrong(
            f"is_{progress}", f"a {kind} fits no order that is {progress}; {' or '.join(may) or 'nothing'} does"
        )


def _pieces(free: Mapping[int, int], wanted: Mapping[int, int] | None) -> dict[int, int]:
    """line_no → pieces, each from 1 up."""
    if wanted is None:
        pieces = {no: n for no, n in free.items() if n}
        if not pieces:
            raise Wrong("nothing_left", "no pieces are left to ask for")
        return pieces
    out: dict[int, int] = {}
    for no, n in sorted(wanted.items()):
        if no not in free:
            raise Wrong("no_line", f"there is no line {no}; lines: {', '.join(map(str, sorted(free)))}")
        if not free[no] or n > free[no] or n < 0:
            raise Wrong("too_many_pieces", f"line {no}: {free[no]} pieces are left to ask for")
        out[no] = n or free[no]
    return out


def _free(full: FullOrder, line: Line, known: Known, kind: RefundKind) -> int:
    """Pieces of a line that this kind may still ask for."""
    used = dict.fromkeys(K, 0)
    for refund, parts in known:
        if refund.status in STANDING:
            used[refund.kind] += sum(p.qty for p in parts if p.line_no == line.line_no)
    before = used[K.BEFORE_SHIPPING]
    rest = max(line.qty - sum(n for k, n in used.items() if k in _USES), 0)
    if kind == K.PRICE_PROTECTION or full.order.progress == Progress.CANCELLED:
        return rest
    if kind == K.BEFORE_SHIPPING:
        return 0 if line.status == "closed" else rest
    parts_ = [s for s in full.ship_lines if s.line_no == line.line_no and (s.status == "open" or s.shipped_qty)]
    # What was taken off before shipping is gone from the ship lines, so a whole line of them is the rest of it.
    left = complete_pieces(line, parts_) * (line.qty - before) // line.qty if line.qty else 0
    return max(min(rest, left - sum(n for k, n in used.items() if k in _USES and k != K.BEFORE_SHIPPING)), 0)


def _line(full: FullOrder, no: int) -> Line:
    return next(x for x in full.lines if x.line_no == no)


def _spent(no: int, known: Known) -> int:
    return sum(p.amount_minor for r, parts in known if r.status in STANDING for p in parts if p.line_no == no)


def _worth(line: Line, pieces: int, known: Known) -> int:
    """What so many pieces of a line are worth: their shares, at most what no refund speaks of yet."""
    used = sum(
        p.qty for r, parts in known if r.status in STANDING and r.kind in _USES for p in parts if p.line_no == line.line_no
    )  # fmt: skip
    shares = split(line.paid_minor, [1] * line.qty)
    return max(min(sum(shares[used : used + pieces]), line.paid_minor - _spent(line.line_no, known)), 0)


def _all_of_it(full: FullOrder, known: Known, kind: RefundKind, pieces: Mapping[int, int]) -> bool:
    """Whether nothing of the order is wanted any more, so that its freight goes back too."""
    if full.order.progress == Progress.CANCELLED:
        return True
    off = taken_off(known)
    both = {no: off.get(no, 0) + pieces.get(no, 0) for no in {*off, *pieces}}
    return kind == K.BEFORE_SHIPPING and remaining(full, both) == 0


def remaining(full: FullOrder, off: Mapping[int, int]) -> int:
    """Pieces that stay on an order when these (by line) come off; gifts do not keep an order alive.

    A line that is closed already counts as gone.
    """
    lines = [x for x in full.lines if x.status != "closed"]
    bought = [x for x in full.lines if not x.gift]
    return sum(max(x.qty - off.get(x.line_no, 0), 0) for x in lines if not bought or not x.gift)


def taken_off(known: Known, *, approved: bool = False) -> dict[int, int]:
    """line_no → pieces that refunds before shipping take off; `approved`: only decided ones."""
    out: dict[int, int] = {}
    for refund, parts in known:
        if refund.kind != K.BEFORE_SHIPPING or refund.status not in STANDING:
            continue
        if approved and refund.decision != "approved" and refund.status == RefundStatus.ASKED:
            continue
        for part in parts:
            out[part.line_no] = out.get(part.line_no, 0) + part.qty
    return out


def _with_amount(
    full: FullOrder, known: Known, pieces: Mapping[int, int], amount: int, *, over: Mapping[int, int] | None = None
) -> Asked:
    """A given amount, laid over the lines by what each still has of its money."""
    left = room(full, known)
    if amount < 0 or amount > left:
        raise Wrong("exceeds_paid", f"at most {left} (minor units) of what was paid are left to give back")
    lines = list(over or pieces)
    weights = [max(_line(full, no).paid_minor - _spent(no, known), 0) for no in lines]
    parts = split(amount, weights)
    return Asked(amount, tuple((no, pieces.get(no, 0), part) for no, part in zip(lines, parts, strict=True)))


def lowered(parts: Sequence[RefundLine], back: Mapping[int, int]) -> tuple[RefundLine, ...]:
    """A refund's lines cut down to the pieces that came back (line_no → pieces), each with its share of the money."""
    out = []
    for part in parts:
        qty = min(back.get(part.line_no, 0), part.qty)
        amount = split(part.amount_minor, [qty, part.qty - qty])[0] if part.qty else part.amount_minor
        out.append(replace(part, qty=qty, amount_minor=amount))
    return tuple(out)


def pieces_back(full: FullOrder, part: RefundLine) -> int:
    """Whole pieces of a refund's line that are back, of whatever grade; of a bundle those of which every part could be."""
    line = _line(full, part.line_no)
    per_line = sum(s.shipped_qty for s in full.ship_lines if s.line_no == part.line_no)
    got = part.good_qty + part.defective_qty
    return min(got * line.qty // per_line, part.qty) if per_line else part.qty
