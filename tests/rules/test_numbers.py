"""Law 1: an order number is an injective, fixed-width function of what never changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import numbers

texts = st.text("0123456789ABCDEFGabcxyz-", min_size=1, max_size=25)


@given(texts, texts)
def test_two_platform_numbers_never_share_a_padded_form(a: str, b: str) -> None:
    assert (numbers.padded(a) == numbers.padded(b)) == (a == b)


@given(texts)
def test_a_number_has_one_width_and_gives_the_platform_number_back(text: str) -> None:
    made = numbers.order_no("taobao", "2200001", text)
    assert len(made) == numbers.WIDTH
    assert numbers.platform_number(made) == text
    assert numbers.is_order_no(made)


def test_the_shard_is_the_last_three_digits_and_below_512() -> None:
    made = {int(numbers.order_no("jd", "1", str(n))[-3:]) for n in range(10_000, 20_000)}
    assert min(made) >= 0 and max(made) <= 511
    assert len(made) == 512


def test_the_same_number_at_another_seller_is_another_order() -> None:
    sellers = [("jd", "1"), ("jd", "2"), ("taobao", "1"), ("taobao", "2")]
    assert len({numbers.order_no(platform, seller, "5") for platform, seller in sellers}) == 4
    assert len({numbers.seller_code(platform, seller) for platform, seller in sellers}) == 4


@pytest.mark.parametrize("text", ["", "1" * 26, "12 3", "12/3", "单号"])
def test_what_cannot_be_encoded_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="order number"):
        numbers.order_no("taobao", "1", text)


def test_a_refund_lives_in_the_shard_of_its_order() -> None:
    order = numbers.order_no("taobao", "1", "77")
    refund = numbers.refund_no("taobao", "1", "180000000000000001", order)
    assert refund[-3:] == order[-3:] and refund.startswith("R") and len(refund) == 38


def test_a_changed_digit_is_not_taken_for_an_order_number() -> None:
    made = numbers.order_no("taobao", "1", "3890012345678901234")
    assert not numbers.is_order_no(made[:20] + ("1" if made[20] != "1" else "2") + made[21:])
