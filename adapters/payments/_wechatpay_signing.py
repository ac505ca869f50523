"""Signing and verifying of WeChat Pay API v3: the strings, the headers, the sealed resources, the table of keys."""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.errors import AdapterError, KeysRefused, NotVerified, Unreadable
from adapters.payments import _keys

log = logging.getLogger("oms.payments")

SCHEME = "WECHATPAY2-SHA256-RSA2048"
#: begins a signature that is sent to see whether we check signatures
PROBE = "WECHATPAY/SIGNTEST/"
#: timestamps further from our clock than this are refused, either way
WINDOW = timedelta(minutes=5)
PUBLIC_KEY_ID = "PUB_KEY_ID_"


def request_text(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The string to sign for a request; `path` with query exactly as it is sent."""
    return f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def lines(*parts: str) -> bytes:
    """The string to sign for what a buyer's device hands to the channel: one line each."""
    return "".join(f"{part}\n" for part in parts).encode()


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The string that an answer's or notification's signature covers."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(mchid: str, serial: str, timestamp: str, nonce: str, signature: str) -> str:
    """The Authorization header; `serial` is of the merchant's own certificate."""
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",timestamp="{timestamp}",'
        f'serial_no="{serial}"'
    )


def unseal(key: str, nonce: str, associated: str, ciphertext: str) -> bytes:
    """Decrypt AES-256-GCM as resources and certificates are sealed: base64 with the tag at the end.

    Raises:
        KeysRefused: the APIv3 key has not 32 bytes. Unreadable: sealed with another key, or altered.
    """
    secret = key.encode()
    if len(secret) != 32:
        raise KeysRefused("api_v3_key must be of 32 characters", code="bad_key")
    try:
        return AESGCM(secret).decrypt(nonce.encode(), base64.b64decode(ciphertext, validate=True), associated.encode())
    except (InvalidTag, binascii.Error, ValueError):
        raise Unreadable("decrypt", "the resource is sealed with another key or altered") from None


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers say about a signature."""

    timestamp: str
    nonce: str
    signature: str
    serial: str


def signed_headers(headers: Mapping[str, str], now: datetime) -> Signed:
    """Read the four headers, by lower-case name, and judge what can be judged without a key.

    Raises:
        NotVerified: missing_header, probe, bad_time, too_old (or too far ahead).
    """
    found = Signed(
        timestamp=headers.get("wechatpay-timestamp", ""), nonce=headers.get("wechatpay-nonce", ""),
        signature=headers.get("wechatpay-signature", ""), serial=headers.get("wechatpay-serial", ""),
    )  # fmt: skip
    if not (found.timestamp and found.nonce and found.signature and found.serial):
        raise NotVerified("missing_header")
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise NotVerified("signature_type")
    if found.signature.startswith(PROBE):
        raise NotVerified("probe", "a probe of the channel's: it must be refused, and is")
    if not (found.timestamp.isascii() and found.timestamp.isdigit() and len(found.timestamp) <= 12):
        raise NotVerified("bad_time")
    if abs(now.timestamp() - int(found.timestamp)) > WINDOW.total_seconds():
        raise NotVerified("too_old", "more than 5 minutes from our clock: a replay, or one of the clocks is wrong")
    return found


class _Sealed(msgspec.Struct):
    nonce: str
    ciphertext: str
    associated_data: str = ""


class _Certificate(msgspec.Struct):
    serial_no: str
    encrypt_certificate: _Sealed


class _Certificates(msgspec.Struct):
    data: list[_Certificate]


def certificates(body: bytes, key: str) -> dict[str, _keys.VerifyKey]:
    """The platform certificates in an answer of ``GET /v3/certificates``: serial → key.

    They are sealed with the APIv3 key, which proves where they come from.
    """
    found = {}
    for item in msgspec.json.decode(body, type=_Certificates).data:
        sealed = item.encrypt_certificate
        pem = unseal(key, sealed.nonce, sealed.associated_data, sealed.ciphertext)
        certificate = x509.load_pem_x509_certificate(pem)
        if f"{certificate.serial_number:040X}" != item.serial_no.upper():
            raise Unreadable("bad_certificate", "a certificate of another serial number")
        found[item.serial_no.upper()] = _keys.of_certificate(certificate)
    return found


class KeyTable:
    """Serial → key: those of the settings, read at each use, and the platform certificates fetched; thread-safe.

    fetch: gets the platform certificates; None where the settings hold all keys. refresh: how old fetched ones may be.
    spacing: least time between two fetches, since anybody may send a notification with an unknown serial.
    """

    def __init__(
        self, given: Callable[[], Mapping[str, str]], fetch: Callable[[], dict[str, _keys.VerifyKey]] | None,
        refresh: timedelta, spacing: timedelta,
    ) -> None:  # fmt: skip
        self._given, self._fetch = given, fetch
        self._refresh, self._spacing = refresh, spacing
        self._lock = threading.Lock()
        self._fetched: dict[str, _keys.VerifyKey] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def public_key_id(self) -> str:
        """Id of the WeChat Pay public key in the settings; empty without one."""
        return next((name for name in sorted(self._given()) if name.startswith(PUBLIC_KEY_ID)), "")

    def find(self, serial: str, now: datetime) -> _keys.VerifyKey:
        """The key of a serial.

        Raises:
            NotVerified: unknown_key, expired_key.
        """
        key = self._look(serial)
        if self._fetch is not None and not serial.startswith(PUBLIC_KEY_ID) and (key is None or self._is_old(now)):
            self._renew(self._fetch, now)
            key = self._look(serial)
        if key is None:
            raise NotVerified("unknown_key", f"no key of serial {serial[:60]!a}")
        if not key.holds(now):
            raise NotVerified("expired_key", f"the certificate of serial {serial} is not valid now")
        return key

    def keep(self, fetched: dict[str, _keys.VerifyKey], now: datetime) -> None:
        """Take the platform certificates of an answer."""
        with self._lock:
            self._fetched, self._fetched_at = fetched, now

    def _look(self, serial: str) -> _keys.VerifyKey | None:
        for name, text in self._given().items():
            if name == serial or (not name.startswith(PUBLIC_KEY_ID) and name.upper() == serial.upper()):
                return _keys.verify_key(text)
        with self._lock:
            return self._fetched.get(serial.upper())

    def _is_old(self, now: datetime) -> bool:
        with self._lock:
            return self._fetched_at is None or now - self._fetched_at >= self._refresh

    def _renew(self, fetch: Callable[[], dict[str, _keys.VerifyKey]], now: datetime) -> None:
        with self._lock:
            if self._tried_at is not None and now - self._tried_at < self._spacing:
                return
            self._tried_at = now
        try:
            self.keep(fetch(), now)
        except AdapterError as error:
            # Those we have may hold on; a serial that stays unknown is refused as such.
            log.warning("the platform certificates could not be fetched: %s %s", type(error).__name__, error.code)
