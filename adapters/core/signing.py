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


def sorted_json(value: Any) -> str:
    """JSON with sorted keys at every level, no blanks, nothing escaped that need not be."""
    return msgspec.json.encode(value, order="sorted").decode()


def hmac_base64(secret: str, body: bytes, kind: str) -> str:
    """Base64 of an HMAC (`sha1` or `sha256`) over raw bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, kind).digest()).decode()


def same(given: str, *true: str) -> bool:
    """Whether a signature is one of the true ones; takes as long whatever differs."""
    return any(hmac.compare_digest(given.encode(), wanted.encode()) for wanted in true)
