"""Readers of single fields: what they take, what they doubt, what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.core import fields
from adapters.core.fields import CHINA, FieldError
from adapters.documents import Doubt


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        ("420.00", 42000),
        ("0.05", 5),
        ("-1.70", -170),
        ("-0.50", -50),
        ("7", 700),
        ("7.5", 750),
        (199, 19900),
        (" 8.00 ", 800),
        ("1E+2", 10000),
    ],
)
def test_yuan_are_read_as_fen_without_a_float(value: Any, minor: int) -> None:
    doubts: list[Doubt] = []
    assert fields.yuan(value, "f", doubts) == minor
    assert doubts == []


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_every_amount_written_in_yuan_comes_back_as_its_fen(minor: int) -> None:
    sign = "-" if minor < 0 else ""
    text = f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"
    assert fields.yuan(text, "f", []) == minor


def test_a_float_amount_is_read_at_its_shortest_form_and_doubted() -> None:
    doubts: list[Doubt] = []
    assert fields.yuan(19.9, "payment", doubts) == 1990
    assert fields.yuan(0.29, "payment", doubts) == 29
    assert [d.why for d in doubts] == ["float_money", "float_money"]
    assert doubts[0].raw == "19.9"


@pytest.mark.parametrize(
    "value", ["", "ten", "1,000.00", "1.234", 0.001, True, "NaN", "١٢.٠٠", "1_0.00", "--1.00", "1.00 2.00"]
)
def test_what_is_no_amount_in_yuan_is_refused(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        fields.yuan(value, "payment", [])
    assert caught.value.code == "bad_money"


def test_a_missing_amount_is_missing_not_zero() -> None:
    with pytest.raises(FieldError) as caught:
        fields.fen(None, "pay_amount", [])
    assert caught.value.code == "missing_field"
    assert fields.fen_or(None, "f", [], 0) == 0
    assert fields.yuan_or("", "f", [], None) is None


def test_fen_are_whole_numbers_or_their_digits() -> None:
    doubts: list[Doubt] = []
    assert [fields.fen(v, "f", doubts) for v in (26700, "26700", "-5", 26700.0)] == [26700, 26700, -5, 26700]
    assert [d.why for d in doubts] == ["float_money"]
    for bad in ("267.00", 267.5, True, "２６７"):
        with pytest.raises(FieldError):
            fields.fen(bad, "f", [])


@pytest.mark.parametrize("value", [9007199254740993, "9007199254740993"])
def test_ids_come_as_numbers_or_text_and_keep_every_digit(value: Any) -> None:
    assert fields.ident(value, "id") == "9007199254740993"


@pytest.mark.parametrize("value", [9.007199254740993e15, 1.0, "9.007199254740993e+15", "123.0"])
def test_a_float_id_is_an_error(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        fields.ident(value, "id")
    assert caught.value.code == "float_id"


def test_ids_that_mean_none_are_empty() -> None:
    assert [fields.ident_or(v, "id") for v in (None, "", 0, "0", 7)] == ["", "", "", "", "7"]


def test_text_times_are_on_the_clock_of_their_zone() -> None:
    assert fields.text_time("2025-11-20 00:00:01", "t", CHINA) == datetime(2025, 11, 19, 16, 0, 1, tzinfo=UTC)


def test_a_zone_with_summer_time_is_read_by_the_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert fields.text_time("2025-01-20 12:00:00", "t", berlin) == datetime(2025, 1, 20, 11, tzinfo=UTC)
    assert fields.text_time("2025-07-20 12:00:00", "t", berlin) == datetime(2025, 7, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "0001-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 08:00:00"])
def test_sentinel_dates_are_no_time(value: Any) -> None:
    assert fields.text_time_or(value, "t", CHINA) is None


@pytest.mark.parametrize(
    "value", ["2025-11-20", "2025-11-20T09:00:00", "2025-13-01 00:00:00", "20251120090000xxxxx", 1763600000]
)
def test_what_is_no_text_time_is_refused(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        fields.text_time(value, "t", CHINA)
    assert caught.value.code == "bad_time"


def test_epoch_seconds_come_as_numbers_or_text() -> None:
    assert (
        fields.epoch_time(1763600000, "t")
        == fields.epoch_time("1763600000", "t")
        == datetime.fromtimestamp(1763600000, UTC)
    )
    assert fields.epoch_time(1763600000000, "t", 0.001) == datetime.fromtimestamp(1763600000, UTC)
    assert [fields.epoch_time_or(v, "t") for v in (None, "", 0, "0")] == [None] * 4


@pytest.mark.parametrize("value", [1763600000000, 42, 1.5, "soon", True, -1])
def test_epoch_times_of_the_wrong_unit_are_refused(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        fields.epoch_time(value, "t")
    assert caught.value.code == "bad_time"


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        ("true", True),
        ("1", True),
        (1, True),
        (False, False),
        ("false", False),
        ("", False),
        (None, False),
        (0, False),
    ],
)
def test_truth_comes_in_many_forms(value: Any, truth: bool) -> None:
    assert fields.truth(value, "b") is truth


def test_a_word_that_is_neither_is_no_truth() -> None:
    with pytest.raises(FieldError):
        fields.truth("maybe", "b")


def test_raw_lists_keep_the_bytes_of_each_element() -> None:
    assert fields.raw_list(b'[{"a": 1.0},  {"b":[1 ,2]}]') == [b'{"a": 1.0}', b'{"b":[1 ,2]}']
    assert fields.raw_list(b' {"a": 1}') == [b'{"a": 1}']
    for empty in (b"null", b"[]", b"{}", b"", b'""'):
        assert fields.raw_list(empty) == []
    with pytest.raises(FieldError):
        fields.raw_list(b"7")


def test_messages_never_show_the_value() -> None:
    with pytest.raises(FieldError) as caught:
        fields.yuan("13800000000 张三", "payment", [])
    assert "138" not in str(caught.value)
    assert "text of 14 characters" in str(caught.value)
