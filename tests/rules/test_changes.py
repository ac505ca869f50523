"""Changes in flight: one test for every cell of the table, written out a second time by hand."""

import pytest

from jobs.rules import changes
from stores.records import Line, RefundState

#: the table as an operator would tell it, independent of the code's
EXPECTED = {
    "paid": "create ignore ignore ignore ignore ignore ignore alert",
    "address": "apply audit audit stop stop alert ignore ignore",
    "remark": "apply audit audit apply alert ignore ignore ignore",
    "lines": "apply source source stop stop alert ignore ignore",
    "money": "apply audit apply apply apply apply apply ignore",
    "refund_asked": "apply hold hold stop stop apply apply ignore",
    "refund_closed": "apply lift lift lift lift apply apply ignore",
    "refunded": "cancel cancel cancel stop stop apply apply ignore",
    "platform_hold": "apply hold hold hold alert ignore ignore ignore",
    "hold_lifted": "apply lift lift lift lift ignore ignore ignore",
    "closed": "cancel cancel cancel stop stop alert alert ignore",
    "shipped_there": "ship ship ship alert alert ignore ignore alert",
    "completed_there": "ship ship ship alert alert complete ignore alert",
    "ship_by": "apply apply apply apply apply ignore ignore ignore",
}
CELLS = [(w, s, a) for w, row in EXPECTED.items() for s, a in zip(changes.STAGES, row.split(), strict=True)]


@pytest.mark.parametrize(("what", "stage", "action"), CELLS)
def test_the_cell_has_its_action(what: str, stage: str, action: str) -> None:
    assert changes.decide([what], stage)[0] == action


def test_the_table_has_exactly_these_rows() -> None:
    assert set(changes.TABLE) == set(EXPECTED) == set(changes.WHATS)
    assert {a for row in changes.TABLE.values() for a in row.values()} <= set(changes.ACTIONS)


def test_the_strongest_action_decides_when_several_things_changed() -> None:
    assert changes.decide(["remark", "closed", "money"], "open")[0] == "cancel"
    assert changes.decide(["ship_by", "address"], "planned")[0] == "stop"


def test_after_hand_over_nothing_is_undone_without_the_warehouse() -> None:
    assert all(row["handed"] not in ("cancel", "source", "audit") for row in changes.TABLE.values())


def line(no: int, refund: RefundState, *, gift: bool = False) -> Line:
    return Line(
        order_no="x", line_no=no, platform_line_no=str(no), listing_id="l", qty=1, unit_minor=1, paid_minor=1,
        gift=gift, refund_state=refund,
    )  # fmt: skip


def test_a_gift_does_not_keep_an_order_from_being_fully_refunded() -> None:
    lines = [line(1, RefundState.FULL), line(2, RefundState.NONE, gift=True)]
    assert changes.refund_state(lines) == RefundState.FULL


def test_one_asked_line_makes_the_order_asked() -> None:
    assert changes.refund_state([line(1, RefundState.ASKED), line(2, RefundState.FULL)]) == RefundState.ASKED
    assert changes.refund_state([line(1, RefundState.NONE), line(2, RefundState.FULL)]) == RefundState.PARTLY
