"""Readers of what follows ISO: amounts of any currency, times with their offset, clear addresses as keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.core.fields import CHINA, FieldError
from adapters.core.iso import currency_of, decimal_text, digits_of, iso_time, iso_time_or, minor, minor_or, place_key
from adapters.documents import Doubt


@pytest.mark.parametrize(
    ("value", "currency", "wanted"),
    [
        ("61.9", "SGD", 6190), ("0.0", "SGD", 0), ("-10.00", "USD", -1000), ("26.15", "USD", 2615), (10, "USD", 1000),
        ("120000", "VND", 120000), ("120000.00", "VND", 120000), ("980", "JPY", 980), ("1.2", "KWD", 1200),
        ("99000.5", "IDR", 9900050), ("1E+2", "EUR", 10000), ("90071992547409.93", "USD", 9007199254740993),
    ],
)  # fmt: skip
def test_amounts_are_read_from_their_text_by_the_digits_of_the_currency(value: Any, currency: str, wanted: int) -> None:
    doubts: list[Doubt] = []
    assert minor(value, currency, "total", doubts) == wanted
    assert doubts == []


def test_an_amount_that_was_a_float_is_marked() -> None:
    doubts: list[Doubt] = []
    assert minor(2.5, "USD", "total", doubts) == 250
    assert [(d.field, d.why) for d in doubts] == [("total", "float_money")]


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [
        ("0.375", "USD", "bad_money"), ("1.5", "JPY", "bad_money"), ("1,5", "EUR", "bad_money"), ("ten", "EUR", "bad_money"),
        (True, "EUR", "bad_money"), ([], "EUR", "bad_money"), (None, "EUR", "missing_field"), ("", "EUR", "missing_field"),
        ("NaN", "EUR", "bad_money"), ("1e999", "EUR", "bad_money"), ("٣", "EUR", "bad_money"), ("1" * 50, "EUR", "bad_money"),
        (float("nan"), "EUR", "bad_money"), (float("inf"), "EUR", "bad_money"),
    ],
)  # fmt: skip
def test_what_is_no_exact_amount_is_an_error(value: Any, currency: str, code: str) -> None:
    with pytest.raises(FieldError) as caught:
        minor(value, currency, "total", [])
    assert caught.value.code == code
    assert str(value) not in str(caught.value) or value in ("", None)


def test_a_missing_amount_may_have_a_default() -> None:
    assert (minor_or(None, "EUR", "x", [], 0), minor_or("", "EUR", "x", [], None)) == (0, None)
    assert minor_or("1", "EUR", "x", [], 0) == 100


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("IDR", 2), ("TWD", 2), ("HUF", 2), ("VND", 0), ("CLP", 0), ("OMR", 3)]
)
def test_each_currency_has_its_digits(currency: str, digits: int) -> None:
    assert digits_of(currency) == digits
    assert decimal_text(12345, currency) == {2: "123.45", 0: "12345", 3: "12.345"}[digits]
    assert decimal_text(0, currency) == {2: "0.00", 0: "0", 3: "0.000"}[digits]


@pytest.mark.parametrize("value", ["usd", "US", "USDT", 840, ["USD"]])
def test_what_is_no_currency_is_refused(value: Any) -> None:
    with pytest.raises(FieldError, match="currency"):
        currency_of(value, "currency")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-09-01T02:15:07Z", datetime(2026, 9, 1, 2, 15, 7, tzinfo=UTC)),
        ("2026-09-01T02:15:07+08:00", datetime(2026, 8, 31, 18, 15, 7, tzinfo=UTC)),
        ("2026-09-01T02:15:07.999Z", datetime(2026, 9, 1, 2, 15, 7, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_their_offset(value: str, wanted: datetime) -> None:
    assert iso_time(value, "at") == wanted


def test_a_time_without_an_offset_needs_a_zone() -> None:
    with pytest.raises(FieldError, match="offset"):
        iso_time("2026-09-01T02:15:07", "at")
    assert iso_time("2026-09-01T02:15:07", "at", CHINA) == datetime(2026, 8, 31, 18, 15, 7, tzinfo=UTC)


def test_nothing_and_the_first_year_are_not_set() -> None:
    assert [iso_time_or(v, "at") for v in (None, "", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z")] == [None] * 4
    for wrong in ("soon", "2026-02-30T00:00:00Z", 1763606000, "2026-09-01"):
        with pytest.raises(FieldError):
            iso_time(wrong, "at")


def test_a_place_has_one_key_whatever_its_blanks_and_capitals() -> None:
    key = place_key("s", "Ada  Example", "+65 1", "1 Sample Road")
    assert key == place_key("s", "ada example", "+65 1", " 1 SAMPLE road ") != ""
    assert key != place_key("s", "Ada Example", "+65 1", "1 Sample Roads")
    assert key != place_key("t", "Ada Example", "+65 1", "1 Sample Road")
    assert place_key("s", "ab", "c") != place_key("s", "a", "bc")


def test_masked_or_empty_places_have_no_key() -> None:
    assert place_key("s", "A**", "+65", "1 Sample Road") == ""
    assert place_key("s", "", " ", "") == ""
