"""Personal data at rest: encrypted with a key that can be rotated, found again by a keyed hash."""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from hashlib import blake2b, sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stores.errors import KeyMissing

_ID = 4
_NONCE = 12


class Privacy:
    """AES-256-GCM under the first key; every given key decrypts. A value begins with its key's id.

    Search hashes use a key derived from the last given key, so that they stay the same when a new key is put in front.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(k) != 32 for k in keys):
            raise KeyMissing("keys of 32 bytes are needed")
        self._by_id = {_key_id(k): AESGCM(k) for k in keys}
        self._id = _key_id(keys[0])
        self._first = self._by_id[self._id]
        self._search = blake2b(b"search", key=keys[-1], digest_size=32).digest()

    def __repr__(self) -> str:
        return f"Privacy({len(self._by_id)} keys)"

    def encrypt(self, clear: bytes) -> bytes:
        """Key id, nonce and sealed bytes; empty stays empty."""
        if not clear:
            return b""
        nonce = os.urandom(_NONCE)
        return self._id + nonce + self._first.encrypt(nonce, clear, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """The clear bytes.

        Raises:
            KeyMissing: sealed under a key that is not given, or damaged.
        """
        if not sealed:
            return b""
        key = self._by_id.get(sealed[:_ID])
        if key is None:
            raise KeyMissing(f"sealed under key {sealed[:_ID].hex()}, which the settings do not name")
        try:
            return key.decrypt(sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :], None)
        except InvalidTag as error:
            raise KeyMissing("the sealed bytes are damaged") from error

    def is_current(self, sealed: bytes) -> bool:
        """True when sealed under the first key; others want rotation."""
        return not sealed or sealed[:_ID] == self._id

    def search_hash(self, kind: str, text: str) -> str:
        """Keyed hash of one text of a kind (name, phone, address, buyer), 32 hex digits."""
        return hmac.new(self._search, f"{kind}\0{text.strip()}".encode(), sha256).hexdigest()[:32]


def _key_id(key: bytes) -> bytes:
    return blake2b(key, digest_size=_ID, person=b"oms key id").digest()
