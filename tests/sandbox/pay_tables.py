"""The channels' bills as tables: rows by column, and amounts as fen."""

from __future__ import annotations

import csv


def rows_of(text: str) -> list[dict[str, str]]:
    """Detail rows of a WeChat Pay bill by column, without the back-ticks."""
    lines = text.split("\r\n")
    end = next(i for i, line in enumerate(lines) if i and not line.startswith("`"))
    names = lines[0].split(",")
    return [dict(zip(names, (v[1:] for v in line.split(",")), strict=True)) for line in lines[1:end]]


def summary_of(text: str) -> dict[str, str]:
    """The sums of a WeChat Pay bill."""
    names, values = text.rstrip("\r\n").split("\r\n")[-2:]
    return dict(zip(names.split(","), (v[1:] for v in values.split(",")), strict=True))


def table_of(text: str) -> list[dict[str, str]]:
    """Rows of an Alipay bill by column, without tabs."""
    lines = [line for line in text.split("\r\n") if line and not line.startswith("#")]
    return [{k: v.strip("\t") for k, v in row.items()} for row in csv.DictReader(lines)]


def fen(text: str) -> int:
    """Yuan text as fen; what is below a fen must be zero."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, part = text.partition(".")
    assert not part[2:].strip("0")
    return sign * (int(whole) * 100 + int(part[:2].ljust(2, "0")))
