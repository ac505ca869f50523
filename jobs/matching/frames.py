"""The two frames as arrays of numbers: words become codes that mean the same on both sides, −1 where nothing is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[Any]
#: beyond this a percentage of an amount would not fit into 64 bits
LARGEST = 10**14
#: bits of a packed key; one more is wanted for the side, one for the sign
KEY_BITS = 62


class Side(NamedTuple):
    """One frame. All arrays are as long as the frame."""

    ids: Ints
    order: Codes
    refund: Codes
    kind: Codes
    currency: Codes
    status: Codes
    amount: Ints
    at: Ints
    #: trade_ref of lines, group_ref of expected rows; as given, since few are ever looked at
    other: pd.Series


class Both(NamedTuple):
    """Both frames in the same codes, and the words of those that rules speak of."""

    lines: Side
    expected: Side
    kinds: list[str]
    currencies: list[str]
    #: how many order codes, refund codes, status codes there are
    orders: int
    refunds: int
    statuses: int


def encode(lines: pd.DataFrame, expected: pd.DataFrame) -> Both:
    """Check and translate both frames.

    Raises:
        ValueError: a column is missing, or is not what it should be.
    """
    ours = ("exp_id", "kind", "order_ref", "refund_ref", "group_ref", "amount", "currency", "at", "status")
    theirs = ("line_id", "kind", "order_ref", "refund_ref", "trade_ref", "amount", "currency", "at", "status")
    _need("lines", lines, theirs)
    _need("expected", expected, ours)
    order_l, order_e, orders = joint(lines["order_ref"], expected["order_ref"])
    refund_l, refund_e, refunds = joint(lines["refund_ref"], expected["refund_ref"])
    order_l = _orders_of_refunds(order_l, refund_l, order_e, refund_e, refunds)
    kind_l, kind_e, kinds = _words(lines["kind"], expected["kind"])
    cur_l, cur_e, currencies = _words(lines["currency"], expected["currency"])
    status_l, status_e, statuses = _words(lines["status"], expected["status"])
    left = Side(
        _whole(lines, "line_id"), order_l, refund_l, kind_l, cur_l, status_l,
        _amounts(lines, "lines"), _whole(lines, "at"), lines["trade_ref"],
    )  # fmt: skip
    right = Side(
        _whole(expected, "exp_id"), order_e, refund_e, kind_e, cur_e, status_e,
        _amounts(expected, "expected"), _whole(expected, "at"), expected["group_ref"],
    )  # fmt: skip
    return Both(left, right, kinds, currencies, orders, refunds, len(statuses))


def _need(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise ValueError(f"{name} has no column {', '.join(missing)}")


def _whole(frame: pd.DataFrame, column: str) -> Ints:
    values = frame[column].to_numpy()
    if values.dtype.kind not in "iu":
        raise ValueError(f"{column} is {frame[column].dtype}; it must be whole numbers (int64), none missing")
    return np.ascontiguousarray(values, dtype=np.int64)


def _amounts(frame: pd.DataFrame, name: str) -> Ints:
    amounts = _whole(frame, "amount")
    if len(amounts) and max(-int(amounts.min()), int(amounts.max())) > LARGEST:
        raise ValueError(f"{name} has an amount beyond {LARGEST} minor units")
    return amounts


# ------------------------------------------------------------------ words


def _words(left: pd.Series, right: pd.Series) -> tuple[Codes, Codes, list[str]]:
    """Codes of few words, the same on both sides, and the words in the order of their codes."""
    known: dict[str, int] = {}
    out = []
    for series in (left, right):
        local = series if isinstance(series.dtype, pd.CategoricalDtype) else series.astype("category")
        words = [str(w) for w in local.cat.categories]
        table = np.array([known.setdefault(w, len(known)) if w else -1 for w in words] + [-1], dtype=np.int8)
        if len(known) > 120:
            raise ValueError(f"{series.name} has more than 120 different words")
        # the last place of the table is where code −1 looks
        out.append(table[local.cat.codes.to_numpy()])
    return out[0], out[1], list(known)


def joint(left: pd.Series, right: pd.Series) -> tuple[Codes, Codes, int]:
    """Codes of references, the same on both sides, and how many there are. −1: none named."""
    if _share_categories(left, right):
        categories = left.cat.categories
        empty = categories.get_loc("") if _has_empty(left, right) and "" in categories else None
        return _codes(left, empty), _codes(right, empty), len(categories)
    (texts_l, places_l), (texts_r, places_r) = _parts(left), _parts(right)
    codes_l, codes_r, n = _joint_texts(texts_l, texts_r)
    if places_l is not None:
        codes_l = np.append(codes_l, -1)[places_l]
    if places_r is not None:
        codes_r = np.append(codes_r, -1)[places_r]
    return codes_l, codes_r, n


def _share_categories(left: pd.Series, right: pd.Series) -> bool:
    if not (isinstance(left.dtype, pd.CategoricalDtype) and isinstance(right.dtype, pd.CategoricalDtype)):
        return False
    a, b = left.cat.categories, right.cat.categories
    return a is b or a.is_(b) or (len(a) == len(b) and bool(a.equals(b)))


def _has_empty(left: pd.Series, right: pd.Series) -> bool:
    """Whether a category may be the empty text: categories are sorted as a rule, but nothing promises it."""
    categories = left.cat.categories
    if categories.is_monotonic_increasing:
        return len(categories) > 0 and str(categories[0]) == ""
    return True


def _codes(series: pd.Series, empty: Any) -> Codes:
    codes = series.cat.codes.to_numpy()
    return codes if empty is None else np.where(codes == empty, -1, codes)


def _parts(series: pd.Series) -> tuple[NDArray[Any], Codes | None]:
    """Different texts and where each row's is; or one text per row and None."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.categories.to_numpy(dtype=object), series.cat.codes.to_numpy()
    values = series.to_numpy(dtype=object)
    # columns of texts have one object for all that is missing, which `_hashes` knows
    if series.dtype == object and (missing := series.isna().to_numpy()).any():
        values = values.copy()
        values[missing] = ""
    return values, None


def _joint_texts(left: NDArray[Any], right: NDArray[Any]) -> tuple[Codes, Codes, int]:
    """Code texts by their hashes, which Python keeps in them; several times faster than a table of texts.

    Texts of one hash are compared, so that two different ones are never taken for each other.
    """
    (hash_l, named_l), (hash_r, named_r) = _hashes(left), _hashes(right)
    hashes = np.concatenate([hash_l, hash_r])
    order = np.argsort(hashes)
    ranked = hashes[order]
    fresh = np.ones(len(hashes), dtype=bool)
    fresh[1:] = ranked[1:] != ranked[:-1]
    texts = np.concatenate([left[named_l], right[named_r]])
    sorted_texts = texts[order]
    again = np.flatnonzero(~fresh)
    if np.array_equal(sorted_texts[again], sorted_texts[again - 1]):
        codes = np.empty(len(hashes), dtype=np.int64)
        codes[order] = np.cumsum(fresh) - 1
    else:
        codes = pd.factorize(texts)[0].astype(np.int64)
    out_l, out_r = np.full(len(left), -1, dtype=np.int64), np.full(len(right), -1, dtype=np.int64)
    out_l[named_l], out_r[named_r] = codes[: len(hash_l)], codes[len(hash_l) :]
    return out_l, out_r, int(codes.max(initial=-1)) + 1


def _hashes(texts: NDArray[Any]) -> tuple[Ints, NDArray[Any] | slice]:
    """Hashes of the texts that name something, and where these are; the empty text has the hash 0."""
    hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
    maybe = np.flatnonzero((hashes == 0) | (hashes == hash(np.nan)))
    if not len(maybe):
        return hashes, slice(None)
    odd = texts[maybe]
    named = np.ones(len(texts), dtype=bool)
    named[maybe[(odd == "") | pd.isna(odd)]] = False
    return hashes[named], named


def _orders_of_refunds(order: Codes, refund: Codes, their_order: Codes, their_refund: Codes, refunds: int) -> Codes:
    """A line that names only the refund belongs to the order of that refund, where we know exactly one."""
    orphans = np.flatnonzero((order < 0) & (refund >= 0))
    if not len(orphans):
        return order
    known = np.flatnonzero((their_order >= 0) & (their_refund >= 0))
    low = np.full(refunds, np.iinfo(np.int64).max)
    high = np.full(refunds, -1, dtype=np.int64)
    np.minimum.at(low, their_refund[known], their_order[known])
    np.maximum.at(high, their_refund[known], their_order[known])
    found = np.where(low == high, high, -1)
    out = order.astype(np.int64)
    out[orphans] = found[refund[orphans]]
    return out


# ------------------------------------------------------------------ keys


def dense(columns: Sequence[Codes]) -> tuple[Ints, int]:
    """Number the different rows of some columns 0..: as few numbers as there are different rows."""
    key = columns[0].astype(np.int64)
    for column in columns[1:]:
        low = int(column.min(initial=0))
        width = int(column.max(initial=0)) - low + 1
        if int(key.max(initial=0)) >= (1 << KEY_BITS) // width:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        # a column of many different large numbers (times) is numbered first
        if width > 1 << 40:
            column = np.unique(column, return_inverse=True)[1]
            low, width = 0, len(column)
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * width + (column.astype(np.int64) - low)
    found, number = np.unique(key, return_inverse=True)
    return number.astype(np.int64), len(found)


def keys(both: Both) -> tuple[Ints, Ints]:
    """Order, refund, kind, currency and amount of each row as one number, the same on both sides; −1 without an order."""
    left, right = both.lines, both.expected
    refs, count = _references(both)
    low = min(int(left.amount.min(initial=0)), int(right.amount.min(initial=0)))
    width = max(int(left.amount.max(initial=0)), int(right.amount.max(initial=0))) - low + 1
    kinds, currencies = len(both.kinds) + 1, len(both.currencies) + 1
    amounts = (left.amount, right.amount)
    if count * kinds * currencies * width >= 1 << KEY_BITS:
        number, width = dense([np.concatenate(amounts)])
        amounts, low = (number[: len(left.amount)], number[len(left.amount) :]), 0
    out = []
    for side, ref, amount in zip((left, right), refs, amounts, strict=True):
        key = (ref * kinds + (side.kind + 1)) * currencies + (side.currency + 1)
        key *= width
        key += amount
        key -= low
        if ref.min(initial=0) < 0:
            key[ref < 0] = -1
        out.append(key)
    return out[0], out[1]


def _references(both: Both) -> tuple[tuple[Ints, Ints], int]:
    """Order and refund as one number: the order's code, or for rows of a refund one beyond all orders."""
    refs = [side.order.astype(np.int64) for side in (both.lines, both.expected)]
    if not both.refunds:
        return (refs[0], refs[1]), both.orders + 1
    where = [np.flatnonzero((s.refund >= 0) & (s.order >= 0)) for s in (both.lines, both.expected)]
    pairs = [
        r[w] * both.refunds + s.refund[w] for r, w, s in zip(refs, where, (both.lines, both.expected), strict=True)
    ]
    number, count = dense([np.concatenate(pairs)]) if sum(map(len, pairs)) else (np.empty(0, np.int64), 0)
    refs[0][where[0]] = both.orders + number[: len(where[0])]
    refs[1][where[1]] = both.orders + number[len(where[0]) :]
    return (refs[0], refs[1]), both.orders + count + 1
