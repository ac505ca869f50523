"""order import: rows become orders once, bad orders come back with their reasons, what came to us since stands."""

from __future__ import annotations

import csv
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import audit, cancel, expire, importing, orders, push, reconcile_orders, status, sync
from jobs.env import Env
from jobs.errors import BadFile, BadRequest, Busy
from jobs.own_columns import COLUMNS
from stores.contracts import Change
from stores.records import Progress
from tests.fulfilment import books, killed_at
from tests.own import ROW, number, office, read, row, take, write
from tests.own import more as more_


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = office(tmp_path)
    yield made
    made.close()


def whole(env: Env, ref: str = "A1") -> Any:
    return env.orders.load([number(ref)])[number(ref)]


def reasons(env: Env) -> list[str]:
    return [r["reason"] for r in read(env.root / "orders.errors.csv")]


# ------------------------------------------------------------------ good orders


def test_rows_of_one_number_are_one_order_that_adds_up(env: Env) -> None:
    result = take(env, row(total="201.00"), more_(), row(order_ref="A2", discount="", freight="", qty="1"))
    assert result.counts == {"new": 2, "rows": 3} and result.hint == "oms push orders"
    full = whole(env)
    head = full.order
    assert (head.platform, head.shop, head.progress, head.currency) == ("own", "hotline", "created", "CNY")
    assert (head.goods_minor, head.adjust_minor, head.freight_minor, head.payable_minor) == (
        20_300,
        -1_000,
        800,
        20_100,
    )
    assert (head.paid_minor, head.receivable_minor, head.unexplained_minor) == (20_100, 20_100, 0)
    assert [(x.platform_line_no, x.code, x.qty, x.paid_minor) for x in full.lines] == [
        ("SKU-1", "SKU-1", 2, 18_800), ("SKU-2", "SKU-2", 1, 500),
    ]  # fmt: skip
    assert head.ordered_at == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert head.ship_by == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
    who = env.orders.receivers([head.order_no])[head.order_no]
    assert (who.name, who.phone, who.address, who.masked) == ("李娜", "13800000000", "示例路1号", False)
    assert orders.search(env, phone="13800000000")[0].order_no in {number("A1"), number("A2")}
    assert audit.audit(env).counts["audited"] == 2


def test_the_same_buyer_at_the_same_door_may_share_a_parcel_and_another_may_not(env: Env) -> None:
    take(env, row(), row(order_ref="A2"), row(order_ref="A3", address="示例路2号"))
    keys = [whole(env, ref).order.merge_key for ref in ("A1", "A2", "A3")]
    assert keys[0] == keys[1] != keys[2]
    assert not any("示例" in k or "13800000000" in k for k in keys)


@pytest.mark.parametrize(
    ("paid", "progress", "minor", "held"),
    [("no", "unpaid", 0, 0), ("", "unpaid", 0, 0), ("是", "created", 19_600, 0), ("196", "created", 19_600, 0), ("50.00", "unpaid", 5_000, 1), ("货到付款", "created", 0, 0)],
)  # fmt: skip
def test_paid_is_yes_no_cod_or_an_amount(env: Env, paid: str, progress: str, minor: int, held: int) -> None:
    take(env, row(paid=paid))
    head = whole(env).order
    assert (head.progress, head.paid_minor, head.held) == (progress, minor, held)
    assert ("cod" in head.flags) == (paid == "货到付款")


def test_an_unpaid_order_expires_and_a_deposit_does_not(env: Env) -> None:
    take(env, row(paid="no"), row(order_ref="A2", paid="50"))
    env.clock.advance(env.settings.expire.after + 1)
    assert expire.expire(env).counts == {"cancelled": 1, "waiting": 1}
    assert whole(env).order.progress == "cancelled" and whole(env, "A2").order.progress == "unpaid"
    take(env, row(paid="no"), row(order_ref="A2", paid="yes"))
    assert (whole(env, "A2").order.progress, whole(env, "A2").order.held) == ("created", 0)


def test_a_discount_on_the_whole_order_is_shared_by_what_the_lines_cost(env: Env) -> None:
    take(env, row(discount="", order_discount="10.00", qty="1", unit_price="10.00"), more_(unit_price="20.00"))
    full = whole(env)
    assert [x.paid_minor for x in full.lines] == [667, 1_333]
    assert full.order.payable_minor == 2_000 + 800
    assert [(a.kind, a.minor) for a in full.order.adjustments] == [("order_discount", -1_000)]


def test_an_order_without_anything_to_pay_is_not_unpaid(env: Env) -> None:
    take(env, row(unit_price="0", discount="", freight="", paid="", gift="是"))
    assert (whole(env).order.progress, whole(env).order.flags) == ("created", ("has_gift",))


# ------------------------------------------------------------------ once more


def test_the_same_file_again_changes_nothing_also_where_no_time_was_given(env: Env) -> None:
    rows = [row(ordered_at=""), more_(), row(order_ref="A2", ordered_at="", paid="no")]
    take(env, *rows)
    before = books(env)
    env.clock.advance(3_600)
    assert take(env, *rows).counts == {"same": 2, "rows": 3}
    env.clock.advance(3_600)
    assert env.inbox.expire_raw(timedelta(0)) == 2  # the documents themselves are gone by now
    assert take(env, *rows).counts == {"same": 2, "rows": 3}
    assert books(env)["orders"] == before["orders"] and len(env.orders.history(number())) == 1


def test_a_corrected_row_changes_only_what_changed(env: Env) -> None:
    take(env, row(), more_(), row(order_ref="A2"))
    old, other = whole(env), whole(env, "A2")
    env.clock.advance(60)
    result = take(env, row(address="示例路9号"), more_(), row(order_ref="A2"), dry_run=True)
    assert [(i.ref, i.did, i.facts.get("changes")) for i in result.items] == [
        ("A1", "changed", ["receiver"]),
        ("A2", "same", None),
    ]
    assert take(env, row(address="示例路9号"), more_(), row(order_ref="A2")).counts == {
        "changed": 1,
        "same": 1,
        "rows": 3,
    }
    new = whole(env)
    assert env.orders.receivers([number()])[number()].address == "示例路9号"
    assert new.lines == old.lines and new.order.payable_minor == old.order.payable_minor
    assert env.orders.history(number())[-1].reason == "platform.address"
    assert whole(env, "A2") == other


def test_a_row_taken_out_closes_its_line_alone(env: Env) -> None:
    take(env, row(paid="no"), more_(sku="SKU-0"), more_())
    take(env, row(paid="no"), more_())
    assert [(x.code, x.status) for x in whole(env).lines] == [("SKU-1", "open"), ("SKU-0", "closed"), ("SKU-2", "open")]


def test_what_was_paid_here_stands_against_a_file_that_says_unpaid(env: Env) -> None:
    take(env, row(paid="no"))
    head = whole(env).order
    paid_at = env.clock.now()
    paying = Change(
        order_no=head.order_no, expect=head.version, to=Progress.CREATED, reason="paid",
        set={"paid_minor": 19_600, "receivable_minor": 19_600, "paid_at": paid_at},
    )  # fmt: skip
    assert env.orders.apply([paying], run_id="test")[0].ok
    env.clock.advance(60)
    assert take(env, row(paid="no", city="宁波市")).counts["changed"] == 1
    head = whole(env).order
    assert (head.paid_minor, head.receivable_minor, head.paid_at, head.progress) == (19_600, 19_600, paid_at, "created")
    assert head.region.city == "宁波市"
    assert take(env, row(paid="no", city="宁波市", freight="9.00")).items[0].reason == "payable_frozen"


def test_a_payment_between_import_and_push_freezes_what_is_owed(env: Env) -> None:
    take(env, row(paid="no"))
    take(env, row(paid="no", freight="9.00"), pushed=False)
    head = whole(env).order
    paying = Change(
        order_no=head.order_no, expect=head.version, to=Progress.CREATED, reason="paid", set={"paid_minor": 19_600}
    )
    assert env.orders.apply([paying], run_id="test")[0].ok
    assert push.push(env).counts == {"parked": 1}
    assert whole(env).order.payable_minor == 19_600


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        ({}, {"qty": "3", "discount": "109.00"}, ""),
        ({}, {"freight": "9.00"}, "payable_frozen"),
        ({}, {"paid": "no"}, "paid_before"),
        ({"paid": "no"}, {"paid": "no", "freight": "9.00"}, ""),
    ],
)
def test_money_that_was_paid_freezes_what_is_owed(env: Env, first: Any, then: Any, reason: str) -> None:
    take(env, row(**first))
    env.clock.advance(60)
    result = take(env, row(**{**first, **then}))
    assert [i.reason for i in result.items] == ([reason] if reason else [])


def test_an_order_that_was_closed_here_does_not_begin_again(env: Env) -> None:
    take(env, row(paid="no"))
    cancel.cancel(env, [number()], reason="buyer called", by="li")
    assert take(env, row()).items[0].reason == "is_cancelled"
    assert whole(env).order.progress == "cancelled"


# ------------------------------------------------------------------ bad orders


BAD: list[tuple[dict[str, object], str, str]] = [
    ({"qty": "x"}, "bad_pieces", "qty (数量) 'x' is no number of pieces; write 1, 2, 3"),
    ({"qty": "0"}, "bad_pieces", "qty"),
    ({"qty": "1.5"}, "bad_pieces", "qty"),
    ({"unit_price": "9.999"}, "bad_money", "unit_price (单价) '9.999' has more than 2 decimals"),
    ({"unit_price": "-1"}, "bad_money", "below zero"),
    ({"unit_price": "1e999"}, "bad_money", "is no amount"),
    ({"unit_price": "NaN"}, "bad_money", "is no amount"),
    ({"unit_price": ""}, "missing", "unit_price"),
    ({"discount": "198.01"}, "too_much_off", "198.01 is more than the row's 198.00"),
    ({"order_discount": "188.01"}, "too_much_off", "188.01 is more than the goods' 188.00"),
    ({"total": "196.01"}, "sum_differs", "goods 198.00 − discounts 10.00 + freight 8.00 = 196.00; write 196.00"),
    ({"paid": "196.01"}, "paid_too_much", "196.01 is more than is owed, 196.00"),
    ({"paid": "maybe"}, "bad_paid", "paid"),
    ({"receiver": ""}, "missing", "receiver (收货人) is empty"),
    ({"phone": "138****0000"}, "masked", "phone (手机) is masked"),
    ({"phone": "1.38E+10"}, "bad_phone", "phone"),
    ({"sku": ""}, "missing", "sku"),
    ({"sku": "SKU 1"}, "bad_code", "sku"),
    ({"ordered_at": "soon"}, "bad_time", "ordered_at (下单时间) 'soon' is no time; write for example 2026-03-01 10:20"),
    ({"ordered_at": "2026-02-30"}, "bad_time", "ordered_at"),
    ({"order_ref": "A 1"}, "bad_ref", "order_ref"),
    ({"order_ref": ""}, "missing", "order_ref"),
    ({"order_ref": "A" * 26}, "bad_ref", "order_ref"),
    ({"shop": "tmall"}, "not_own", "shop (店铺) 'tmall' is no own shop; write one of hotline"),
    ({"currency": "yuan"}, "bad_currency", "currency"),
    ({"title": "x" * 256}, "too_long", "title"),
    ({"gift": "perhaps"}, "bad_word", "gift"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "text"), BAD)
def test_what_is_wrong_is_told_by_row_and_column_with_what_to_write(
    env: Env, changes: dict[str, object], code: str, text: str
) -> None:
    result = take(env, row(order_ref="GOOD"), row(**changes))
    assert (result.counts["new"], result.counts["bad_orders"], result.exit_code) == (1, 1, 3)
    [item] = result.items
    assert (item.reason, item.facts["row"]) == (code, 3) and item.facts["write"]
    assert text in reasons(env)[0]
    assert not {"李娜", "示例路1号", "138****0000"} & set(str(item.facts).replace("'", " ").split())


def test_an_order_with_one_bad_row_is_bad_as_a_whole_and_comes_back_to_be_corrected(env: Env) -> None:
    result = take(env, row(), more_(qty="x"), row(order_ref="A2"))
    assert result.counts == {"bad_orders": 1, "refused": 1, "new": 1, "rows": 1}
    path = env.root / "orders.errors.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = read(path)
    assert [r["row"] for r in rows] == ["2", "3"]
    assert rows[0]["reason"] == "another row of this order is wrong (row 3)"
    rows[1]["qty"] = "1"
    assert importing.take(env, write(path, *rows), by="li").counts == {"new": 1, "rows": 2}
    assert not path.with_name("orders.errors.errors.csv").exists()
    assert take(env, row(), more_()).counts == {"same": 1, "rows": 2}
    assert not path.exists()


def test_rows_of_an_order_must_agree(env: Env) -> None:
    take(env, row(), row(sku="SKU-2", freight="9.00"))
    assert "freight (运费) differs from row 2" in reasons(env)[1]
    assert take(env, row(), row(sku="SKU-2")).counts["new"] == 1
    assert whole(env).order.freight_minor == 800


def test_the_errors_go_where_they_are_wanted_also_from_a_dry_run(env: Env, tmp_path: Path) -> None:
    errors = tmp_path / "elsewhere" / "bad.xlsx"
    result = take(env, row(qty="x"), errors=errors, dry_run=True)
    assert result.facts["errors"] == str(errors)
    header, *rows = openpyxl.load_workbook(errors).active.values
    assert header[-2:] == ("row", "reason") and len(rows) == 1
    assert not (env.root / "orders.errors.csv").exists()
    assert env.inbox.counts() == {} and env.ledger.runs() == []


# ------------------------------------------------------------------ files as people save them


def test_a_chinese_table_saved_as_gbk_is_read_and_its_errors_keep_its_headings(env: Env) -> None:
    names = {c.name: c.chinese[0] for c in COLUMNS}
    rows = [{names[k]: v for k, v in r.items()} for r in (row(), row(order_ref="A2", qty="两"))]
    path = write(env.root / "订单.csv", *rows, encoding="gb18030")
    assert importing.take(env, path, by="li").counts == {"new": 1, "bad_orders": 1, "refused": 1, "rows": 1}
    [bad] = read(env.root / "订单.errors.csv")
    assert bad["订单号"] == "A2" and bad["行号"] == "3" and "数量" in bad["原因"]


def test_cells_that_a_spreadsheet_made_numbers_and_dates_are_read(env: Env) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    header = list(ROW)
    typed = row(
        order_ref=20260301001, phone=13800000000.0, qty=2.0, unit_price=99, discount=9.999999999999998, freight=8.0,
        paid=True, ordered_at=datetime(2026, 3, 1, 9, 30),  # noqa: DTZ001 - a spreadsheet knows no zones
    )  # fmt: skip
    sheet.append(header)
    sheet.append([typed[h] for h in header])
    sheet.append([*(typed | {"order_ref": 2**60, "phone": "=1+1"}).values()])
    path = env.root / "typed.xlsx"
    book.save(path)
    result = importing.take(env, path, by="li")
    push.push(env)
    assert result.counts["new"] == 1 and {i.reason for i in result.items} >= {"digits_lost"}
    head = whole(env, "20260301001").order
    assert (head.payable_minor, head.paid_minor) == (19_600, 19_600)
    assert head.ordered_at == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert env.orders.receivers([head.order_no])[head.order_no].phone == "13800000000"


def test_no_cell_of_the_error_file_is_a_formula(env: Env) -> None:
    evil = '=HYPERLINK("http://x","y")'
    take(env, row(remark=evil, title="@SUM(1)", qty="x"))
    with (env.root / "orders.errors.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@"))]
    corrected = [{**r, "qty": "2"} for r in read(env.root / "orders.errors.csv")]
    importing.take(env, write(env.root / "again.csv", *corrected), by="li")
    push.push(env)
    assert whole(env).buyer_remark == evil


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
@pytest.mark.parametrize("chinese", [False, True])
def test_the_template_is_read_back_and_its_example_is_no_order(env: Env, name: str, chinese: bool) -> None:
    path = env.root / name
    assert importing.template(path, chinese=chinese)["columns"] == len(COLUMNS)
    with pytest.raises(BadRequest):
        importing.template(path)
    assert importing.take(env, path, by="li").counts == {"example": 1}


def test_the_example_of_the_template_would_be_a_good_order(env: Env) -> None:
    take(env, {c.name: c.example for c in COLUMNS} | {"order_ref": "A1"})
    assert whole(env).order.payable_minor == 19_600


def test_a_file_that_is_no_table_of_orders_is_refused(env: Env) -> None:
    for rows, words in (({"order_ref": "A1"}, "no column receiver"), ({**row(), "货号": "x"}, "mean the same")):
        with pytest.raises(BadFile, match=words):
            take(env, rows)
    with pytest.raises(BadFile, match="no column sku and no column listing"):
        take(env, {k: v for k, v in row().items() if k != "sku"})
    with pytest.raises(BadRequest, match=r"csv or \.xlsx"):
        importing.take(env, env.root / "orders.pdf", by="li")


def test_columns_that_mean_nothing_are_named(env: Env) -> None:
    assert take(env, row(colour="red")).facts["ignored_columns"] == ["colour"]


def test_where_several_own_shops_are_a_row_or_the_command_names_one(tmp_path: Path) -> None:
    shops = {"a": {"platform": "own", "seller_id": "a"}, "b": {"platform": "own", "seller_id": "b"}}
    env = office(tmp_path, shops=shops)
    try:
        assert take(env, row()).items[0].reason == "no_shop"
        result = take(env, row(shop="b"), more_(), row(order_ref="A1", shop="a"))
        assert result.counts == {"new": 2, "rows": 3}
        assert take(env, row(order_ref="A9"), shop="a").counts["new"] == 1
        with pytest.raises(BadRequest, match="no own shop"):
            take(env, row(), shop="c")
        assert {(h.shop, h.platform_order_no) for h in orders.listing(env)} == {("a", "A1"), ("b", "A1"), ("a", "A9")}
    finally:
        env.close()


# ------------------------------------------------------------------ the house around it


def test_an_import_beside_another_is_busy(env: Env) -> None:
    assert env.ledger.acquire(importing.LEASE, holder="other", ttl_s=60)
    with pytest.raises(Busy):
        take(env, row())


def test_an_own_shop_has_nothing_to_pull_and_nothing_late(env: Env) -> None:
    env.settings.shops.pop("tmall")
    take(env, row())
    assert sync.sync(env, "orders").counts == {"nothing_to_pull": 1} and sync.sync(env, "refunds").outcome == "done"
    assert env.ledger.alerts(open_only=True) == []
    assert [(s["shop"], s["kind"]) for s in status.status(env)["shops"]] == [("hotline", "imported")]


def test_reconciling_does_not_hold_a_file_against_what_happened_since(env: Env) -> None:
    take(env, row(paid="no"))
    expire.expire(env)
    head = whole(env).order
    env.orders.apply(
        [Change(order_no=head.order_no, expect=head.version, to=Progress.CREATED, reason="paid")], run_id="t"
    )
    result = reconcile_orders.reconcile(env, shops=["hotline"])
    assert result.items == []


def test_an_import_that_was_killed_is_typed_again(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import push as pushing

    importing.take(env, write(env.root / "orders.csv", row(), row(order_ref="A2")), by="li")
    with killed_at(pushing.ADDED, monkeypatch):
        push.push(env)
    env.clock.advance(130)
    assert take(env, row(), row(order_ref="A2")).counts == {"same": 2, "rows": 2}
    assert len(orders.listing(env)) == 2


# ------------------------------------------------------------------ any file


AMOUNT = st.integers(0, 5_000).map(lambda n: f"{n // 100}.{n % 100:02d}")
LINE = st.fixed_dictionaries(
    {"sku": st.sampled_from(["SKU-1", "SKU-2", "SKU-3"]), "qty": st.integers(1, 5).map(str), "unit_price": AMOUNT, "discount": AMOUNT}
)  # fmt: skip
ORDER = st.fixed_dictionaries(
    {
        "lines": st.lists(LINE, min_size=1, max_size=4), "freight": AMOUNT, "order_discount": AMOUNT,
        "paid": st.sampled_from(["yes", "no", "cod", "1.00", "0.01"]), "ordered_at": st.sampled_from(["", "2026-03-01 08:00"]),
    }
)  # fmt: skip


def rows_of(found: list[dict[str, Any]]) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for n, order in enumerate(found):
        head = row(order_ref=f"P{n}", **{k: v for k, v in order.items() if k != "lines"})
        out.append({**head, **order["lines"][0]})
        out += [more_(f"P{n}", **line) for line in order["lines"][1:]]
    return out


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(ORDER, min_size=1, max_size=4), changed=ORDER)
def test_every_good_order_adds_up_and_the_same_rows_again_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]], changed: dict[str, Any]
) -> None:
    env = office(tmp_path_factory.mktemp("any"))
    try:
        first = take(env, *rows_of(found))
        assert first.counts.get("new", 0) + first.counts.get("bad_orders", 0) == len(found)
        for batch in env.orders.scan():
            for full in batch:
                head = full.order
                assert head.unexplained_minor == 0
                assert sum(x.paid_minor for x in full.lines) + head.freight_minor == head.payable_minor
                assert 0 <= head.paid_minor <= head.payable_minor and min(x.paid_minor for x in full.lines) >= 0
        before = books(env)
        env.clock.advance(60)
        again = take(env, *rows_of(found))
        assert again.counts.get("same", 0) == first.counts.get("new", 0) and "changed" not in again.counts
        assert books(env).get("orders") == before.get("orders")
        others = {h.order_no: h for h in orders.listing(env) if h.platform_order_no != "P0"}
        take(env, *rows_of([changed, *found[1:]]))
        assert {h.order_no: h for h in orders.listing(env) if h.platform_order_no != "P0"} == others
    finally:
        env.close()
