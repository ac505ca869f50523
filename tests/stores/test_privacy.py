"""Personal data at rest: sealed, rotated, found again."""

import pytest

from stores.errors import KeyMissing
from stores.privacy import Privacy

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_sealed_under_an_old_key_opens_after_rotation() -> None:
    sealed = Privacy([OLD]).encrypt(b"secret")
    rotated = Privacy([NEW, OLD])
    assert rotated.decrypt(sealed) == b"secret"
    assert not rotated.is_current(sealed)
    assert rotated.is_current(rotated.encrypt(b"x"))


def test_search_hashes_survive_a_rotation() -> None:
    assert Privacy([OLD]).search_hash("phone", "138") == Privacy([NEW, OLD]).search_hash("phone", "138")


def test_the_same_text_of_another_kind_has_another_hash() -> None:
    privacy = Privacy([OLD])
    assert privacy.search_hash("name", "138") != privacy.search_hash("phone", "138")


def test_a_missing_key_and_damaged_bytes_are_named() -> None:
    sealed = Privacy([OLD]).encrypt(b"secret")
    with pytest.raises(KeyMissing, match="sealed under key"):
        Privacy([NEW]).decrypt(sealed)
    with pytest.raises(KeyMissing, match="damaged"):
        Privacy([OLD]).decrypt(sealed[:-1] + b"\0")


def test_repr_shows_no_key() -> None:
    assert "o" * 8 not in repr(Privacy([OLD]))
