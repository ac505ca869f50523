"""RSA as the channels ask for it: PKCS#1 v1.5 with SHA-256, base64; and the forms that keys come in.

Parsed keys are kept for as long as their text is the same, since parsing costs more than signing.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from adapters.errors import KeysRefused


class VerifyKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that the channel signs with; certificates have an end."""

    key: rsa.RSAPublicKey
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return (self.starts_at is None or self.starts_at <= now) and (self.ends_at is None or now < self.ends_at)


@lru_cache(maxsize=32)
def private_key(text: str) -> rsa.RSAPrivateKey:
    """Read a private key: PEM (PKCS#8 or PKCS#1), or the bare base64 that merchants' key tools write.

    Raises:
        KeysRefused: it is none. The message shows nothing of it.
    """
    try:
        if "-----BEGIN" in text:
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            key = serialization.load_der_private_key(base64.b64decode("".join(text.split()), validate=True), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeysRefused("private_key cannot be read", code="bad_key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeysRefused("private_key is not an RSA key", code="bad_key")
    return key


@lru_cache(maxsize=64)
def verify_key(text: str) -> VerifyKey:
    """Read a key to verify with: PEM of a public key or a certificate, or bare base64 of a public key.

    Raises:
        KeysRefused: it is none.
    """
    try:
        if "BEGIN CERTIFICATE" in text:
            return of_certificate(x509.load_pem_x509_certificate(text.encode()))
        if "-----BEGIN" in text:
            key = serialization.load_pem_public_key(text.encode())
        else:
            key = serialization.load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeysRefused("a public key cannot be read", code="bad_key") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise KeysRefused("a public key is not an RSA key", code="bad_key")
    return VerifyKey(key=key)


def of_certificate(certificate: x509.Certificate) -> VerifyKey:
    """The key of a certificate, with its validity. Raises ValueError for another kind of key."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA certificate")
    return VerifyKey(key=key, starts_at=certificate.not_valid_before_utc, ends_at=certificate.not_valid_after_utc)


def sign(key_text: str, message: bytes) -> str:
    """Sign, as base64."""
    return base64.b64encode(private_key(key_text).sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def signed_by(key: rsa.RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the base64 signature over the message is of this key; anything that is no signature is not."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
