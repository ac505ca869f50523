"""Group-robot webhook: POST {"msgtype": "text", "text": {"content": …}}, with a signed timestamp where a secret is set.

Source: the webhook form shared by the group robots of DingTalk and WeCom (from memory, unverified): sign is the URL-safe
base64 of HMAC-SHA256(secret, "{milliseconds}\\n{secret}"), sent as `timestamp` and `sign` in the query; errcode 0 is done.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import httpx

from adapters.errors import Refused, Retryable
from adapters.notifiers.base import AlertMessage, Notifier, text_of

#: errcodes that pass: system busy, too many messages
_PASSING = {-1, 130101, 45009}


def sign(secret: str, at_ms: int) -> str:
    """The signature of a moment."""
    text = f"{at_ms}\n{secret}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class Robot(Notifier):
    """A robot in a group chat."""

    def send(self, message: AlertMessage) -> None:
        url, secret = httpx.URL(self.target.url()), self.target.secret()
        if secret:
            now = time.time_ns() // 1_000_000
            url = url.copy_merge_params({"timestamp": str(now), "sign": sign(secret, now)})
        answer = self.post(str(url), {"msgtype": "text", "text": {"content": text_of(message)}})
        code = answer.get("errcode", 0)
        if code in _PASSING:
            raise Retryable("robot", code=str(code))
        if code:
            raise Refused(f"robot: {str(answer.get('errmsg', ''))[:100]}", code=str(code))
