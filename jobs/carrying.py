"""What was decided on refunds is carried out: goods that are not wanted any more come off their order, goods that are sent
once more become an order, goods that are back let the money go.

A refund of ours keeps the status *asked* from its decision until its order shows it; only then it is *approved* and its
money may go. So a run that is cut off leaves nothing that was paid and would still ship.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from jobs import cancel, changing, gaps, linked, refunding
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.intake import Translator
from jobs.linked import Case
from jobs.listings import Listings
from jobs.results import Item
from jobs.rules import refund_requests as rules
from jobs.rules.splitting import split
from stores.contracts import Change, RefundChange
from stores.records import FullOrder, Progress, RefundKind, RefundStatus, replace

FREED = gaps.declare(
    "refund.freed",
    before="the stock of an order is given back, because part of it is refunded before shipping",
    after="these goods are off the order, which is sourced again",
    sweep="refund decide: a decided refund that its order does not show yet is carried out again",
)
OFF = gaps.declare(
    "refund.off",
    before="refunded goods are off their order",
    after="its demand is what it should be, and the refund is approved",
    sweep="refund decide: a decided refund of ours that is still asked is carried out again, which changes nothing more",
)
ADVANCED = gaps.declare(
    "refund.advanced",
    before="a refund of ours is approved, its goods are back, or it is done",
    after="its order shows it",
    sweep="refund decide: orders of open refunds of ours are made to show them",
)
BATCH = 200
_OPEN = (RefundStatus.ASKED, RefundStatus.APPROVED, RefundStatus.GOODS_BACK)
_K = RefundKind
#: something of it has left; nothing has
_GOES = frozenset({Progress.SHIPPED, Progress.PARTLY_SHIPPED, Progress.COMPLETED})
_HERE = frozenset({Progress.UNPAID, Progress.CREATED, Progress.AUDITED, Progress.SOURCED})


def sweep(env: Env, run: RunHandle, shops: tuple[str, ...]) -> None:
    """Carry out whatever was decided and is not done yet."""
    after = ""
    while found := env.orders.find_refunds(statuses=_OPEN, shops=shops, limit=BATCH, after=after):
        after = found[-1].refund_no
        mine = [r for r in found if r.authority == "us" or (r.kind in rules.SENDS and r.decision == "approved")]
        advance(env, run, [r.refund_no for r in mine])
        run.beat()
        if run.stopping:
            return


def advance(env: Env, run: RunHandle, refund_nos: Sequence[str]) -> None:
    """Take these refunds as far as they can go now; those that nobody decided are left alone."""
    for part in chunks(list(dict.fromkeys(refund_nos)), BATCH):
        closing = [c for c in _cases(env, part) if _waits(c) and c.refund.kind == _K.BEFORE_SHIPPING]
        shown = _close(env, run, closing) if closing else frozenset()
        _send(env, run, [c for c in _cases(env, part) if _sends_now(env, c)])
        cases = [c for c in _cases(env, part) if c.refund.authority == "us"]
        changes = [made for c in cases if (made := _step(env, c, shown))]
        if changes:
            env.orders.apply_refunds(changes, run_id=run.id)
        gaps.gap(ADVANCED)
        if cases:
            refunding.move_orders(env, run, sorted({c.full.order.order_no for c in cases}))


def _cases(env: Env, refund_nos: Sequence[str]) -> list[Case]:
    kept = env.orders.refunds(list(refund_nos))
    fulls = env.orders.load(sorted({r.order_no for r, _ in kept.values()}))
    return [Case(r, lines, fulls[r.order_no]) for r, lines in kept.values() if r.order_no in fulls]


def _waits(case: Case) -> bool:
    """Decided, ours, and not carried out yet."""
    r = case.refund
    return r.authority == "us" and r.decision == "approved" and r.status == RefundStatus.ASKED


# ------------------------------------------------------------------ off the order


def _close(env: Env, run: RunHandle, cases: Sequence[Case]) -> frozenset[str]:
    """Take what is refunded before shipping off its orders; those whose parcel has not stopped wait.

    Returns:
        Numbers of the orders that show it.
    """
    from jobs.parcel_stop import stop_for

    fulls = {c.full.order.order_no: c.full for c in cases}
    merged = [no for no, f in fulls.items() if f.order.progress == Progress.MERGED]
    answers = stop_for(env, run, merged, reason="refund") if merged else {}
    for answer in answers.values():
        if answer != "stopped":
            run.result.count(f"parcel_{answer}")
    ready = env.orders.load([no for no in fulls if answers.get(no, "stopped") == "stopped"])
    off = _taken_off(env, ready)
    whole = {no for no, f in ready.items() if not rules.remaining(f, off[no])}
    gone = cancel.called_off(env, run, sorted(whole), reason="refund", by="refund") if whole else {}
    partly = [f for no, f in ready.items() if no not in whole and f.order.progress in _HERE]
    return frozenset(no for no, why in gone.items() if not why) | _take_off(env, run, partly, off)


def _taken_off(env: Env, fulls: Mapping[str, FullOrder]) -> dict[str, dict[int, int]]:
    """order_no → line_no → pieces that decided refunds take off."""
    every = env.orders.refunds(sorted({r.refund_no for f in fulls.values() for r in f.refunds}))
    known = {no: [every[r.refund_no] for r in f.refunds if r.refund_no in every] for no, f in fulls.items()}
    return {no: rules.taken_off(pairs, approved=True) for no, pairs in known.items()}


def _take_off(
    env: Env, run: RunHandle, fulls: Sequence[FullOrder], off: Mapping[str, Mapping[int, int]]
) -> frozenset[str]:  # fmt: skip
    """Take pieces off orders of which something stays; returns those that show it."""
    if not fulls:
        return frozenset()
    translator = Translator(Listings.open(env), env.privacy.search_hash, env.clock.now())
    made = {f.order.order_no: _taking_off(translator, f, off[f.order.order_no]) for f in fulls}
    changes = [change for change in made.values() if change is not None]
    _give_back(env, run, [c.order_no for c in changes])
    gaps.gap(FREED)
    done = {o.key for o in env.orders.apply(changes, run_id=run.id) if o.ok} if changes else set()
    gaps.gap(OFF)
    shown = done | {no for no, change in made.items() if change is None}
    changing.make_sure(env, list(env.orders.load(sorted(shown)).values()))
    return frozenset(shown)


def _give_back(env: Env, run: RunHandle, order_nos: Sequence[str]) -> None:
    held = env.stock.reservations(list(order_nos)) if order_nos else {}
    ids = [(r.reservation_id, r.warehouse) for rs in held.values() for r in rs if r.state == "open"]
    if ids:
        env.stock.release(ids, run_id=run.id)


def _taking_off(translator: Translator, full: FullOrder, off: Mapping[int, int]) -> Change | None:
    """The order without these pieces, audited and sourced again; None when it shows that already."""
    rest, lines = [], []
    for line in full.lines:
        left = max(line.qty - off.get(line.line_no, 0), 0)
        gone = line.status == "closed" or not left
        paid = split(line.paid_minor, [left, line.qty - left])[0] if line.qty else 0
        rest.append(replace(line, qty=line.qty if gone else left, paid_minor=line.paid_minor if gone else paid, status="closed" if gone else line.status))  # fmt: skip
        if gone and line.status == "open":
            lines.append(replace(line, status="closed"))
    ship = changing.remade(translator, full, rest)
    now = {s.ship_no: (s.sku, s.qty, s.status) for s in full.ship_lines}
    if not lines and all(now.get(s.ship_no) == (s.sku, s.qty, s.status) for s in ship):
        return None
    head = full.order
    back = head.progress in (Progress.AUDITED, Progress.SOURCED)
    return Change(
        order_no=head.order_no, expect=head.version, to=Progress.CREATED if back else None, reason="refund.taken_off",
        facts={"pieces": {str(no): n for no, n in off.items()}}, set={"intent": ()}, lines=tuple(lines), ship_lines=ship,
        waiting=(),
    )  # fmt: skip


# ------------------------------------------------------------------ goods that are sent


def _sends_now(env: Env, case: Case) -> bool:
    """Whether the order of an exchange or reship is to be made now."""
    r = case.refund
    if r.kind not in rules.SENDS or r.decision != "approved" or r.replacement.order_no:
        return False
    return (
        r.kind == _K.RESHIP
        or env.settings.refunds.exchange_first
        or r.status == RefundStatus.GOODS_BACK
        or _all_back(case)
    )


def _send(env: Env, run: RunHandle, cases: Sequence[Case]) -> None:
    made = linked.make(env, run, cases) if cases else {}
    changes = []
    for case in cases:
        refund, (number, problem) = case.refund, made[case.refund.refund_no]
        if problem:
            run.result.count(problem)
            run.result.facts.setdefault("no_linked_order", {})[refund.refund_no] = problem
            continue
        named = replace(refund.replacement, order_no=number)
        changes.append(
            RefundChange(
                refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason="linked",
                facts={"linked_order": number}, set={"replacement": named},
            )
        )  # fmt: skip
        run.result.count("linked")
    if changes:
        env.orders.apply_refunds(changes, run_id=run.id)


def _all_back(case: Case) -> bool:
    """Whether every piece that is to come back is back."""
    goods = [p for p in case.lines if p.qty]
    return bool(goods) and all(rules.pieces_back(case.full, p) >= p.qty for p in goods)


# ------------------------------------------------------------------ the next step of a refund


def _step(env: Env, case: Case, shown: Collection[str]) -> RefundChange | None:
    """The next status of a refund of ours, when what it stands for is so."""
    r = case.refund
    if r.decision != "approved":
        return None
    if r.status == RefundStatus.ASKED and r.kind == _K.BEFORE_SHIPPING and case.full.order.progress in _GOES:
        # It left in the meantime: a person decides anew, about goods that are on their way.
        return RefundChange(
            refund_no=r.refund_no, order_no=r.order_no, expect=r.version, reason="too_late", set={"decision": "", "decided_by": ""}
        )  # fmt: skip
    to, why = _next(env, case, shown)
    if to == r.status:
        return None
    return RefundChange(
        refund_no=r.refund_no, order_no=r.order_no, expect=r.version, reason=why, set={"status": to}
    )  # fmt: skip


def _next(env: Env, case: Case, shown: Collection[str]) -> tuple[RefundStatus, str]:
    r = case.refund
    if r.status == RefundStatus.ASKED:
        if r.kind == _K.BEFORE_SHIPPING and r.order_no not in shown:
            return r.status, ""
        if r.kind == _K.RESHIP and not r.replacement.order_no:
            return r.status, ""
        return RefundStatus.APPROVED, "carried_out"
    if r.status == RefundStatus.APPROVED and r.kind in (_K.RETURN, _K.EXCHANGE) and _all_back(case):
        if r.kind == _K.EXCHANGE and not r.replacement.order_no:
            return r.status, ""
        return RefundStatus.GOODS_BACK, "all_back"
    sent = r.status == (RefundStatus.APPROVED if r.kind == _K.RESHIP else RefundStatus.GOODS_BACK)
    if r.kind in rules.SENDS and sent and not r.amount_minor and r.replacement.order_no:
        head = env.orders.heads([r.replacement.order_no]).get(r.replacement.order_no)
        if head is not None and head.progress in (Progress.SHIPPED, Progress.COMPLETED):
            return RefundStatus.DONE, "linked_order_left"
    return r.status, ""


def final(env: Env, run: RunHandle, refund_no: str, *, by: str) -> None:
    """Nothing more comes back: the refund is lowered to the pieces that came, and goes on.

    Raises:
        BadRequest: nothing came back, or it is over.
    """
    [case] = _cases(env, [refund_no])
    r = case.refund
    back = {p.line_no: rules.pieces_back(case.full, p) for p in case.lines}
    if not any(back.values()):
        raise BadRequest("nothing came back; refuse the refund instead", hint="oms refund reject --help")
    if r.status not in (RefundStatus.ASKED, RefundStatus.APPROVED):
        raise BadRequest(f"the refund is {r.status}", hint="oms refund list")
    lines = rules.lowered(case.lines, back)
    if lines != case.lines:
        change = RefundChange(
            refund_no=r.refund_no, order_no=r.order_no, expect=r.version, reason="final",
            facts={"by": by, "before_minor": r.amount_minor}, set={"amount_minor": sum(p.amount_minor for p in lines)},
            lines=lines,
        )  # fmt: skip
        [outcome] = env.orders.apply_refunds([change], run_id=run.id)
        if not outcome.ok:
            run.result.add(Item(ref=r.refund_no, did="refused", reason=outcome.result, shop=r.shop))
            return
        run.result.add(Item(ref=r.refund_no, did="lowered", shop=r.shop))
    advance(env, run, [r.refund_no])
