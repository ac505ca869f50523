"""Open differences of the settlement by age; None while no statement was ever read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from jobs.reporting.documents import Difference


class Settled(Protocol):
    """What a report asks the settlement store."""

    def files(self) -> Sequence[object]:
        """Every statement that was read."""
        ...

    def aging(self, *, accounts: Sequence[str] = ()) -> list[dict[str, Any]]:
        """What is open, counted by account, class, currency and age (a span of days such as ``8-15`` or ``60+``)."""
        ...


def open_differences(store: Settled, shops: Sequence[str] | None) -> tuple[Difference, ...] | None:
    """By class and age, the oldest first; of these shops, None: of all."""
    if not store.files():
        return None
    return aged(store.aging(accounts=tuple(shops or ())))


def aged(rows: Iterable[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The accounts of one class, age and currency as one row."""
    count, minor = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for row in rows:
        place = (str(row["class"]), str(row["age"]), str(row["currency"]))
        count[place] += int(row["count"])
        minor[place] += int(row["amount_minor"])
    order = sorted(count, key=lambda place: (-first_day(place[1]), place[0], place[2]))
    return tuple(
        Difference(word=word, age=age, currency=currency, differences=count[word, age, currency], amount_minor=minor[word, age, currency])
        for word, age, currency in order
    )  # fmt: skip


def first_day(age: str) -> int:
    """The youngest of a span of days: 8 of ``8-15``, 60 of ``60+``."""
    return int(age.partition("-")[0].rstrip("+"))
