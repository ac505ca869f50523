"""What a platform says of an order and how far it has come here."""

import pytest

from adapters.documents import ORDER_STATUSES
from jobs.rules.states import first_progress
from jobs.rules.statuses import FITS, fits
from stores.records import Progress


def test_every_status_but_the_unknown_has_a_row() -> None:
    assert set(FITS) == set(ORDER_STATUSES) - {"unknown"}


@pytest.mark.parametrize("status", [s for s in ORDER_STATUSES if s != "unknown"])
def test_an_order_fits_where_it_enters(status: str) -> None:
    assert fits(status, first_progress(status))


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("cancelled", Progress.MERGED), ("cancelled", Progress.SHIPPED), ("completed", Progress.MERGED),
        ("shipped", Progress.SOURCED), ("paid", Progress.UNPAID), ("unpaid", Progress.CREATED),
    ],
)  # fmt: skip
def test_what_contradicts_is_named(status: str, progress: Progress) -> None:
    assert not fits(status, progress)


def test_an_unknown_status_contradicts_nothing() -> None:
    assert all(fits("unknown", p) for p in Progress)
