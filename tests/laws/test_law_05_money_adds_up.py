"""Law 5: money adds up, in integers, to the last fen; only an unexplained rest is a reason to look."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.documents import AdjustmentDocument
from jobs.intake import Translator
from jobs.rules.splitting import split
from stores.records import Order
from tests.documents import line_document, order_document

amounts = st.integers(0, 10_000_000)


class AsItIs:
    def expand(self, platform: str, line: object) -> list[tuple[str, int, int]]:
        return [("A", 1, split(line.paid_minor, [1, 2])[0]), ("B", 2, split(line.paid_minor, [1, 2])[1])]  # type: ignore[attr-defined]


def translate(**changes: object) -> object:
    made = Translator(AsItIs(), lambda _kind, text: text, datetime(2026, 3, 1, tzinfo=UTC))  # type: ignore[arg-type]
    return made.order(order_document(**changes), shop="tmall", doc_hash="h")


@given(goods=amounts, freight=amounts, off=amounts, payable=amounts)
def test_the_parts_and_the_rest_make_the_whole(goods: int, freight: int, off: int, payable: int) -> None:
    order: Order = translate(  # type: ignore[attr-defined]
        goods_minor=goods, freight_minor=freight, payable_minor=payable,
        adjustments=(AdjustmentDocument(kind="discount", minor=-off),),
    ).order  # fmt: skip
    assert order.goods_minor + order.freight_minor + order.adjust_minor + order.unexplained_minor == order.payable_minor


@given(paid=amounts)
def test_what_a_line_cost_is_spread_over_what_is_shipped_without_loss(paid: int) -> None:
    new = translate(lines=(line_document(paid_minor=paid),))
    assert sum(s.value_minor for s in new.ship_lines) == paid  # type: ignore[attr-defined]


@given(payable=amounts, units=st.lists(st.integers(1, 100_000), min_size=1, max_size=6))
def test_lines_the_platform_does_not_price_share_what_was_paid(payable: int, units: list[int]) -> None:
    lines = tuple(
        line_document(platform_line_no=str(n), unit_minor=u, qty=1, paid_minor=None) for n, u in enumerate(units)
    )
    new = translate(lines=lines, payable_minor=payable + 800, freight_minor=800)
    assert sum(line.paid_minor for line in new.lines) == payable  # type: ignore[attr-defined]


def test_no_record_holds_a_float_of_money() -> None:
    kinds = {f.name: f.type for f in msgspec.structs.fields(Order) if f.name.endswith("_minor")}
    assert kinds and all(kind is int for kind in kinds.values())
