"""Rows of a file as own orders: grouped, read, and checked so that their money adds up. No store is asked here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from adapters.documents import AdjustmentDocument, LineDocument
from jobs import own_cells as cells
from jobs.own_cells import Unread, money_text
from jobs.own_columns import BY_NAME, EXAMPLE, NEEDED, ORDER_COLUMNS, heading
from jobs.rules.splitting import split
from jobs.sheets import Row

_REF = re.compile(r"[0-9A-Za-z-]{1,25}")
_PHONE = re.compile(r"[0-9+() -]{5,25}")
_CODE = re.compile(r"\S{1,60}")
_CURRENCY = re.compile(r"[A-Z]{3}")
#: longest text of a title or variant, and of any other
_TITLE, _TEXT = 255, 500


class Problem(NamedTuple):
    """What is wrong with one row, or with its whole order."""

    row: Row
    column: str
    code: str
    what: str
    write: str

    def __str__(self) -> str:
        return f"{heading(self.column)} {self.what}; {self.write}"


class Kind(NamedTuple):
    """What holds for a whole file."""

    zone: ZoneInfo
    currency: str
    #: aliases of own shops
    shops: Collection[str]
    #: shop of rows that name none; empty: they must
    shop: str


class OwnOrder(NamedTuple):
    """An order as its rows say it; times that were left out are None."""

    ref: str
    shop: str
    rows: tuple[Row, ...]
    #: order columns by name, read
    said: Mapping[str, Any]
    lines: tuple[LineDocument, ...]
    adjustments: tuple[AdjustmentDocument, ...]
    goods_minor: int
    payable_minor: int
    #: unpaid, part, paid or cod
    payment: str
    paid_minor: int


class Group(NamedTuple):
    """Rows of one order, in the file's order."""

    ref: str
    shop: str
    rows: list[Row]


def grouped(rows: Sequence[Row], kind: Kind) -> list[Group]:
    """Rows by shop and order number; a row without a shop belongs to the shop of the rows before it of the same number."""
    found: dict[tuple[str, str], Group] = {}
    last: dict[str, str] = {}
    for row in rows:
        ref = row.cells.get("order_ref", "")
        shop = row.cells.get("shop", "") or last.get(ref, kind.shop)
        last[ref] = shop
        # Rows without a number are no order together: each is told by itself.
        key = (shop, ref) if ref else (shop, f"\0{row.line}")
        found.setdefault(key, Group(ref, shop, [])).rows.append(row)
    return list(found.values())


def is_example(group: Group) -> bool:
    """Whether these are the template's own rows."""
    return group.ref == EXAMPLE


def read(group: Group, kind: Kind) -> tuple[OwnOrder | None, list[Problem]]:
    """One order, or everything that is wrong with it."""
    problems = _shop_problems(group, kind) + [p for row in group.rows for p in _row_problems(row)]
    said = _order_values(group, kind, problems)
    lines, off = _lines(group, said.setdefault("currency", kind.currency), problems)
    if problems:
        return None, problems
    made, problems = _added_up(group, said, lines, off)
    return (None, problems) if problems else (made, [])


# ------------------------------------------------------------------ cells


def _shop_problems(group: Group, kind: Kind) -> list[Problem]:
    first = group.rows[0]
    if not group.shop:
        return [Problem(first, "shop", "no_shop", "is empty", f"write one of {', '.join(sorted(kind.shops)) or 'the own shops of oms.toml'}")]  # fmt: skip
    if group.shop not in kind.shops:
        return [Problem(first, "shop", "not_own", f"{group.shop!r} is no own shop", f"write one of {', '.join(sorted(kind.shops)) or 'the own shops of oms.toml'}")]  # fmt: skip
    return []


def _row_problems(row: Row) -> list[Problem]:
    """Digits that a spreadsheet lost, and texts that are too long for their place."""
    out = [
        Problem(row, name, "digits_lost", "lost digits in the spreadsheet", "format the column as text and write it again")
        for name in row.bad
        if name in BY_NAME
    ]  # fmt: skip
    for name, text in row.cells.items():
        most = _TITLE if name in ("title", "variant") else _TEXT
        if name in BY_NAME and len(text) > most:
            out.append(Problem(row, name, "too_long", f"is longer than {most} characters", "shorten it"))
    return out


def _text(name: str) -> Callable[[str], Any]:
    """How a text column of the order is read."""

    def read_text(text: str) -> str:
        column = BY_NAME[name]
        if name in ("receiver", "phone", "address") and "*" in text:
            raise Unread("masked", "is masked", "write it in full; a parcel cannot go there")
        if name == "order_ref" and not _REF.fullmatch(text):
            raise Unread("bad_ref", f"{text!r} is no order number", "write 1 to 25 letters, digits or hyphens")
        if name == "phone" and not _PHONE.fullmatch(text):
            raise Unread("bad_phone", "is no phone number", "write for example 13800000000 or 0571-88000000, as text")
        if name == "currency" and not _CURRENCY.fullmatch(text):
            raise Unread("bad_currency", f"{text!r} is no currency", "write for example CNY")
        return text if column else ""

    return read_text


def _readers(currency: str, zone: ZoneInfo) -> Mapping[str, Callable[[str], Any]]:
    """Column of the order → how its cell is read."""
    made: dict[str, Callable[[str], Any]] = {name: _text(name) for name in ORDER_COLUMNS}
    for name in ("order_discount", "freight", "total"):
        made[name] = lambda text: cells.not_negative(text, currency)
    made["paid"] = lambda text: cells.paid(text, currency)
    for name in ("paid_at", "ordered_at", "ship_by"):
        made[name] = lambda text: cells.moment(text, zone)
    return made


def _order_values(group: Group, kind: Kind, problems: list[Problem]) -> dict[str, Any]:
    """What the rows say of the whole order: once is enough, and twice must be the same."""
    currency = next((t for r in group.rows if _CURRENCY.fullmatch(t := r.cells.get("currency", ""))), kind.currency)
    readers = _readers(currency, kind.zone)
    said: dict[str, Any] = {}
    where: dict[str, Row] = {}
    for row in group.rows:
        for name in ORDER_COLUMNS:
            text = row.cells.get(name, "")
            if not text or name == "shop" or name in row.bad:
                continue
            try:
                value = readers[name](text)
            except Unread as error:
                problems.append(Problem(row, name, error.code, _quoted(name, text, error.what), error.write))
                continue
            if name in said and said[name] != value:
                problems.append(Problem(row, name, "differs", f"differs from row {where[name].line}", "write the same in every row of an order, or only in its first"))  # fmt: skip
            said.setdefault(name, value)
            where.setdefault(name, row)
    bad = {p.column for p in problems}
    for name in NEEDED:
        if name in ORDER_COLUMNS and name not in said and name not in bad:
            problems.append(Problem(group.rows[0], name, "missing", "is empty", f"write {BY_NAME[name].means}"))
    return said


def _quoted(name: str, text: str, what: str) -> str:
    """What is wrong with the cell's content in front of it, unless that is personal."""
    return what if BY_NAME[name].personal or repr(text) in what else f"{text[:30]!r} {what}"


# ------------------------------------------------------------------ lines


def _lines(group: Group, currency: str, problems: list[Problem]) -> tuple[list[LineDocument], list[int]]:
    """Lines with what they cost before the order's own discount, and what came off each."""
    lines: list[LineDocument] = []
    off: list[int] = []
    seen: dict[str, int] = {}
    for row in group.rows:
        read_: dict[str, Any] = {}
        for name, how in _LINE_READERS.items():
            try:
                read_[name] = how(row.cells.get(name, ""), currency)
            except Unread as error:
                text = row.cells.get(name, "")
                what = _quoted(name, text, error.what) if text else "is empty"
                problems.append(Problem(row, name, error.code, what, error.write))
        sku, listing = row.cells.get("sku", ""), row.cells.get("listing", "")
        for name, text in (("sku", sku), ("listing", listing)):
            if text and not _CODE.fullmatch(text):
                problems.append(Problem(row, name, "bad_code", "holds blanks or is longer than 60 characters", "write the code alone"))  # fmt: skip
        if not (sku or listing):
            problems.append(
                Problem(row, "sku", "missing", "is empty, and so is listing", "write the SKU or the listing")
            )
        if len(read_) < len(_LINE_READERS):
            continue
        cost = read_["unit_price"] * read_["qty"]
        if read_["discount"] > cost:
            problems.append(Problem(row, "discount", "too_much_off", f"{money_text(read_['discount'], currency)} is more than the row's {money_text(cost, currency)}", "write what comes off this row in all"))  # fmt: skip
            continue
        # Named by its goods, so that a line keeps its name when a row before it goes or comes.
        name = listing or sku
        seen[name] = seen.get(name, 0) + 1
        lines.append(
            LineDocument(
                platform_line_no=name if seen[name] == 1 else f"{name}#{seen[name]}", listing_id=name, code=sku,
                title=row.cells.get("title", ""), variant=row.cells.get("variant", ""), qty=read_["qty"],
                unit_minor=read_["unit_price"], paid_minor=cost - read_["discount"], gift=read_["gift"],
            )
        )  # fmt: skip
        off.append(read_["discount"])
    return lines, off


_LINE_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "qty": lambda text, _: cells.pieces(text),
    "unit_price": lambda text, currency: _price(text, currency),
    "discount": cells.not_negative,
    "gift": lambda text, _: cells.yes(text),
}


def _price(text: str, currency: str) -> int:
    if not text:
        raise Unread("missing", "is empty", "write the price of one piece, 0 for a gift")
    return cells.not_negative(text, currency)


# ------------------------------------------------------------------ sums


def _added_up(
    group: Group, said: Mapping[str, Any], lines: Sequence[LineDocument], off: Sequence[int]
) -> tuple[OwnOrder | None, list[Problem]]:
    """The order with its money: goods − what comes off + freight = what is owed, and no more than that was paid."""
    import msgspec

    goods = sum(x.unit_minor * x.qty for x in lines)
    left = goods - sum(off)
    discount, freight = said.get("order_discount", 0), said.get("freight", 0)
    currency = said["currency"]

    def wrong(column: str, code: str, what: str, write: str) -> tuple[None, list[Problem]]:
        row = next((r for r in group.rows if r.cells.get(column)), group.rows[0])
        return None, [Problem(row, column, code, what, write)]

    def text(amount: int) -> str:
        return money_text(amount, currency)

    if discount > left:
        return wrong("order_discount", "too_much_off", f"{text(discount)} is more than the goods' {text(left)}", "write what comes off the whole order")  # fmt: skip
    payable = left - discount + freight
    if said.get("total", payable) != payable:
        sum_ = (
            f"goods {text(goods)} − discounts {text(sum(off) + discount)} + freight {text(freight)} = {text(payable)}"
        )
        return wrong("total", "sum_differs", f"{text(said['total'])} is not the sum: {sum_}", f"write {text(payable)}, or correct the rows")  # fmt: skip
    payment, paid = _payment(said.get("paid", "no"), payable)
    if paid > payable:
        return wrong("paid", "paid_too_much", f"{text(paid)} is more than is owed, {text(payable)}", "write what was paid of it")  # fmt: skip
    adjustments = tuple(
        AdjustmentDocument(kind=kind, minor=-amount, borne_by="merchant")
        for kind, amount in (("discount", sum(off)), ("order_discount", discount))
        if amount
    )
    shares = split(discount, [x.paid_minor or 0 for x in lines])
    parts = tuple(
        msgspec.structs.replace(x, paid_minor=(x.paid_minor or 0) - s) for x, s in zip(lines, shares, strict=True)
    )
    return OwnOrder(
        group.ref, group.shop, tuple(group.rows), said, parts, adjustments, goods, payable, payment, paid
    ), []  # fmt: skip


def _payment(said: str | int, payable: int) -> tuple[str, int]:
    if said == "cod":
        return "cod", 0
    paid = payable if said == "yes" else 0 if said == "no" else int(said)
    if paid >= payable:
        return "paid", paid
    return ("part", paid) if paid else ("unpaid", 0)
