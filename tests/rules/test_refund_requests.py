"""What may be asked back: never more than was paid, every split to the fen, every piece once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import refund_requests as rules
from jobs.rules.refunds import STANDING
from stores.records import FullOrder, Progress, Refund, RefundKind, RefundLine, RefundStatus, replace
from tests.factories import T0, make_full_order

K = RefundKind


def order(
    rows: Sequence[tuple[int, int]], *, freight: int = 0, left: bool = False, progress: Progress | None = None
) -> FullOrder:
    """An own order of (pieces, paid for the line); `left`: everything has."""
    full = make_full_order(
        [(f"SKU-{n}", qty, paid) for n, (qty, paid) in enumerate(rows, 1)], platform="own",
        progress=progress or (Progress.SHIPPED if left else Progress.CREATED),
    )  # fmt: skip
    total = sum(paid for _, paid in rows) + freight
    lines = tuple(replace(s, shipped_qty=s.qty if left else 0) for s in full.ship_lines)
    head = replace(full.order, freight_minor=freight, payable_minor=total, paid_minor=total)
    return replace(full, order=head, ship_lines=lines)


def kept(
    full: FullOrder, made: rules.Asked, kind: RefundKind, n: int, status: RefundStatus = RefundStatus.ASKED
) -> Any:
    refund = Refund(
        refund_no=f"R{n}", order_no=full.order.order_no, platform="own", seller_id="s", shop="hotline", platform_refund_no=str(n),
        kind=kind, authority="us", status=status, amount_minor=made.amount_minor, asked_at=T0, doc_modified_at=T0,
        created_at=T0, changed_at=T0,
    )  # fmt: skip
    lines = tuple(
        RefundLine(refund_no=f"R{n}", order_no=full.order.order_no, line_no=no, qty=qty, amount_minor=part)
        for no, qty, part in made.lines
    )
    return refund, lines


ROWS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 20_000)), min_size=1, max_size=4)
WISH = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([K.BEFORE_SHIPPING, K.RETURN, K.REFUND_ONLY, K.EXCHANGE, K.RESHIP, K.PRICE_PROTECTION]),
        "wanted": st.none() | st.dictionaries(st.integers(1, 4), st.integers(0, 5), min_size=1, max_size=3),
        "amount": st.none() | st.integers(1, 30_000),
        "status": st.sampled_from([RefundStatus.ASKED, RefundStatus.APPROVED, RefundStatus.DONE, RefundStatus.REFUSED]),
    }
)


@given(rows=ROWS, freight=st.integers(0, 2_000), left=st.booleans(), wishes=st.lists(WISH, min_size=1, max_size=8))
def test_no_row_of_requests_passes_what_was_paid_and_every_split_sums_to_the_fen(
    rows: list[tuple[int, int]], freight: int, left: bool, wishes: list[dict[str, Any]]
) -> None:
    full = order(rows, freight=freight, left=left)
    known: list[Any] = []
    for n, wish in enumerate(wishes):
        try:
            made = rules.asked(full, known, wish["kind"], wanted=wish["wanted"], amount=wish["amount"])
        except rules.Wrong as wrong:
            assert wrong.code and str(wrong)
            continue
        assert sum(part for *_, part in made.lines) == made.amount_minor >= 0
        assert all(part >= 0 and qty >= 0 for _, qty, part in made.lines)
        known.append(kept(full, made, wish["kind"], n, wish["status"]))
    standing = [pair for pair in known if pair[0].status in STANDING]
    assert sum(r.amount_minor for r, _ in standing) <= full.order.paid_minor
    for line in full.lines:
        used = sum(p.qty for r, parts in standing if r.kind not in (K.RESHIP, K.PRICE_PROTECTION) for p in parts if p.line_no == line.line_no)  # fmt: skip
        assert used <= line.qty


@given(rows=ROWS, freight=st.integers(0, 2_000), data=st.data())
def test_all_pieces_asked_one_after_another_before_shipping_are_the_whole_order_and_its_freight(
    rows: list[tuple[int, int]], freight: int, data: st.DataObject
) -> None:
    full = order(rows, freight=freight)
    pieces = data.draw(st.permutations([no for no, (qty, _) in enumerate(rows, 1) for _ in range(qty)]))
    known: list[Any] = []
    for n, no in enumerate(pieces):
        if not rules.room(full, known):
            break
        known.append(kept(full, rules.asked(full, known, K.BEFORE_SHIPPING, wanted={no: 1}), K.BEFORE_SHIPPING, n))
    assert sum(r.amount_minor for r, _ in known) == full.order.paid_minor


@given(rows=ROWS, freight=st.integers(0, 2_000))
def test_a_return_of_all_is_the_goods_without_the_freight(rows: list[tuple[int, int]], freight: int) -> None:
    full = order(rows, freight=freight, left=True)
    if not full.order.paid_minor:
        return
    made = rules.asked(full, [], K.RETURN)
    assert made.amount_minor == sum(paid for _, paid in rows)
    assert [part for *_, part in made.lines] == [paid for _, paid in rows]


def test_a_gift_alone_keeps_no_order_alive() -> None:
    full = order([(1, 5_000), (1, 0)], freight=800)
    full = replace(full, lines=(full.lines[0], replace(full.lines[1], gift=True)))
    assert rules.remaining(full, {1: 1}) == 0
    assert rules.asked(full, [], K.BEFORE_SHIPPING, wanted={1: 1}).amount_minor == 5_800
    assert rules.remaining(replace(full, lines=(full.lines[1],)), {}) == 1  # nothing but a gift is an order of its own


def test_a_refused_request_leaves_its_pieces_and_money_free() -> None:
    full = order([(2, 999)], left=True)
    refused = kept(full, rules.asked(full, [], K.RETURN), K.RETURN, 1, RefundStatus.REFUSED)
    assert rules.asked(full, [refused], K.RETURN).amount_minor == 999
    stands = kept(full, rules.asked(full, [], K.RETURN, wanted={1: 1}), K.RETURN, 2)
    assert [rules.asked(full, [stands], K.RETURN).amount_minor, stands[0].amount_minor] == [499, 500]


@pytest.mark.parametrize(
    ("progress", "may"),
    [
        (Progress.CREATED, {K.BEFORE_SHIPPING, K.PRICE_PROTECTION}),
        (Progress.MERGED, {K.BEFORE_SHIPPING, K.PRICE_PROTECTION}),
        (Progress.PARTLY_SHIPPED, {K.RETURN, K.EXCHANGE, K.RESHIP, K.REFUND_ONLY, K.PRICE_PROTECTION}),
        (Progress.COMPLETED, {K.RETURN, K.EXCHANGE, K.RESHIP, K.REFUND_ONLY, K.PRICE_PROTECTION}),
        (Progress.CANCELLED, {K.REFUND_ONLY}),
    ],
)
def test_what_may_be_asked_depends_on_how_far_the_order_is(progress: Progress, may: set[RefundKind]) -> None:
    full = order([(2, 1_000)], left=progress in (Progress.PARTLY_SHIPPED, Progress.COMPLETED), progress=progress)
    found = set()
    for kind in rules.WHEN:
        try:
            rules.asked(full, [], kind, amount=1 if kind == K.PRICE_PROTECTION else None)
            found.add(kind)
        except rules.Wrong as wrong:
            assert wrong.code == f"is_{progress}"
    assert found == may
    with pytest.raises(rules.Wrong, match="one of"):
        rules.asked(full, [], K.UNKNOWN)


@given(amount=st.integers(0, 10_000), qty=st.integers(1, 6), back=st.integers(0, 8))
def test_a_lowered_refund_keeps_the_share_of_what_came_back(amount: int, qty: int, back: int) -> None:
    part = RefundLine(refund_no="R", order_no="O", line_no=1, qty=qty, amount_minor=amount)
    [low] = rules.lowered([part], {1: back})
    assert low.qty == min(back, qty) and 0 <= low.amount_minor <= amount
    assert abs(low.amount_minor * qty - amount * low.qty) < qty


def test_of_a_bundle_a_piece_is_back_when_all_its_parts_could_be() -> None:
    full = order([(2, 1_000)], left=True)
    [one] = full.ship_lines
    both = (one, replace(one, ship_no=2, sku="SKU-B", qty=4, shipped_qty=4))
    full = replace(full, ship_lines=both)
    part = RefundLine(refund_no="R", order_no="O", line_no=1, qty=2, amount_minor=1_000)
    assert [rules.pieces_back(full, replace(part, good_qty=n)) for n in (0, 2, 3, 5, 6)] == [0, 0, 1, 1, 2]
