"""Building blocks of request signatures. Which parameters go in, and in what order, each platform writes down."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec


def md5_hex(text: str) -> str:
    """Lower-case MD5 of UTF-8 text, as the platforms' protocols ask; it guards nothing but the protocol."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def hmac_hex(secret: str, text: str, kind: str) -> str:
    """Lower-case HMAC (`md5` or `sha256`) of UTF-8 text."""
    return hmac.new(secret.encode(), text.encode(), kind).hexdigest()


def sorted_pairs(params: Mapping[str, str]) -> str:
    """Names and values joined without anything between, by name in ASCII order; empty names and values are left out."""
    return "".join(f"{name}{params[name]}" for name in sorted(params) if name and params[name] != "")


def sandwiched(params: Mapping[str, str], secret: str) -> str:
    """Upper-case MD5 of all parameters but ``sign``, by name, between two secrets: what the router-like gateways ask."""
    joined = sorted_pairs({name: value for name, value in params.items() if name != "sign"})
    return md5_hex(f"{secret}{joined}{secret}").upper()


def flat(value: Any) -> str:
    """A business parameter as a flat form takes it: truth values as words, lists and objects as JSON text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, dict)):
        return msgspec.json.encode(value).decode()
    return str(value)


def sorted_json(value: Any) -> str:
    """JSON with sorted keys at every level, no blanks, nothing escaped that need not be."""
    return msgspec.json.encode(value, order="sorted").decode()


def hmac_base64(secret: str, body: bytes, kind: str) -> str:
    """Base64 of an HMAC (`sha1` or `sha256`) over raw bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, kind).digest()).decode()


def same(given: str, *true: str) -> bool:
    """Whether a signature is one of the true ones; takes as long whatever differs."""
    return any(hmac.compare_digest(given.encode(), wanted.encode()) for wanted in true)
