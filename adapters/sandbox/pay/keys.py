"""Keys of the channels and their merchants: RSA 2048, made once per process, and what is signed with them.

Both channels sign with RSA PKCS#1 v1.5 and SHA-256 and write it in base64.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@cache
def made(name: str) -> rsa.RSAPrivateKey:
    """The key of this name, the same for the whole process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def read_private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS#8 PEM without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """SubjectPublicKeyInfo PEM."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def holds(key: rsa.RSAPrivateKey, text: bytes, signature: str) -> bool:
    """Whether a base64 signature is this key's over the text."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.public_key().verify(raw, text, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def certificate_pem(key: rsa.RSAPrivateKey, serial: str, start: int, end: int) -> str:
    """A self-signed certificate with this serial number (hex)."""
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Sandbox"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox.invalid"),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(serial, 16))
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(end, UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def seal(key: str, nonce: str, associated: str, text: bytes) -> str:
    """AES-256-GCM with the APIv3 key, base64 with the tag at the end."""
    return base64.b64encode(AESGCM(key.encode()).encrypt(nonce.encode(), text, associated.encode())).decode()
