"""What WeChat's interfaces share: the envelope of an answer, access tokens of an app, and the proof of a pushed message.

Source: developers.weixin.qq.com, getStableAccessToken and the message encryption guide; the guide's scheme as in the public SDKs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.core import push, signing
from adapters.core.fields import CHINA, Scalar, count, text
from adapters.core.wire import Act, Answer, Verdict, look_up, until_midnight
from adapters.errors import NotAuthorised, NotVerified, Unreadable
from adapters.ports import AccessToken

TOKEN_PATH = "/cgi-bin/stable_token"
_RID = re.compile(r"rid: ?([0-9A-Za-z-]+)")
_BLOCK = 32


class _Envelope(msgspec.Struct):
    errcode: Scalar = None
    errmsg: Scalar = None
    access_token: Scalar = None


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: Scalar = None


class _Sealed(msgspec.Struct):
    Encrypt: str = ""


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def judge(codes: Mapping[str, Act], answer: Answer, now: datetime) -> Verdict:
    """HTTP 200 always; errcode decides. An answer without one is good only if it is a token.

    A spent day ends at Beijing's midnight. How much of a spent minute is left is not told: the usual waits, which add up
    to more than a minute, go past its end.
    """
    envelope = _decode_envelope(answer.body)
    if envelope.errcode is None:
        if envelope.access_token:
            return Verdict()
        raise ValueError("no errcode")
    code, message = text(envelope.errcode), text(envelope.errmsg)
    rid = _RID.search(message)
    act = look_up(codes, code)
    return Verdict(
        act=act, code="" if act == "ok" else code, message=message, request_id=rid.group(1) if rid else "",
        wait_s=until_midnight(now, CHINA) if act == "quota" else 0.0,
    )  # fmt: skip


def was_refused(old: AccessToken | None, now: datetime, renew_before_s: float) -> bool:
    """Whether a token is replaced long before its end: it was refused, and only force gives another one."""
    return old is not None and old.expires_at is not None and (old.expires_at - now).total_seconds() > renew_before_s


def read_token(body: bytes, now: datetime, shop: str) -> AccessToken:
    """The token in a good answer."""
    got = msgspec.json.decode(body, type=_Token)
    if not got.access_token:
        raise NotAuthorised("the answer holds no token", shop=shop)
    return AccessToken(access=got.access_token, expires_at=now + timedelta(seconds=count(got.expires_in, "expires_in")))


# ------------------------------------------------------------------ pushed messages


def signature(*parts: str) -> str:
    """Lower-case SHA1 of the sorted parts in a row: token, timestamp, nonce, and the cipher text in the safe mode."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def unseal(cipher: str, encoding_key: str) -> tuple[bytes, str]:
    """Open the cipher text of the safe mode: the message, and the app it is for.

    Raises:
        Unreadable: this key does not open it.
    """
    try:
        key = base64.b64decode(encoding_key + "=", validate=True)
        opener = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        plain = opener.update(base64.b64decode(cipher, validate=True)) + opener.finalize()
    except (ValueError, binascii.Error) as error:
        raise Unreadable("decrypt", type(error).__name__) from error
    pad = plain[-1] if plain else 0
    length = int.from_bytes(plain[16:20], "big")
    if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad or 20 + length > len(plain) - pad:
        raise Unreadable("decrypt", "padding or length")
    return plain[20 : 20 + length], plain[20 + length : -pad].decode("utf-8", "replace")


def prove(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], app: str) -> bytes:
    """Prove a pushed message, and give what it says.

    Args:
        headers: with the parameters of the address (signature, timestamp, nonce, msg_signature) beside the fields.
        secrets: each ``token``, or ``token:encodingAESKey`` where messages come sealed.
        app: whom a sealed message must be for.

    Raises:
        NotVerified: no secret proves it. Unreadable: it cannot be opened.
    """
    stamp, nonce = push.header(headers, "timestamp"), push.header(headers, "nonce")
    sealed = _sealed(body)
    given = push.header(headers, *(("msg_signature",) if sealed else ("signature",)))
    for secret in secrets:
        token, _, key = secret.partition(":")
        if signing.same(given, signature(token, stamp, nonce, *((sealed,) if sealed else ()))):
            if not sealed:
                return body
            message, told = unseal(sealed, key)
            if told != app:
                raise NotVerified("other_app", "the app of the message")
            return message
    raise NotVerified("signature", "msg_signature" if sealed else "signature")


def _sealed(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Sealed).Encrypt
    except msgspec.MsgspecError:
        return ""
