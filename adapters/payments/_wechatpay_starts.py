"""Starting a payment at WeChat Pay: the order's body, and what the buyer's device is handed.

Source: from memory and wechatpayv3 2.0.4, which says the same in tests; see `WechatPay.doubtful`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from adapters.core.fields import CHINA
from adapters.errors import KeysRefused, Refused
from adapters.payments._connection import ChannelConnection
from adapters.payments._reading import word
from adapters.payments._wechatpay_signing import lines
from adapters.payments.documents import PayAsk, PayStart

#: characters of a title that are taken
TITLE_LENGTH = 127
#: what the channel cannot take: characters of more than three bytes
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


class _Started(msgspec.Struct):
    prepay_id: str = ""
    code_url: str = ""
    h5_url: str = ""


def order(connection: ChannelConnection, ask: PayAsk) -> dict[str, Any]:
    """The body of a start.

    Raises:
        Refused: the method needs something of the buyer that is missing. KeysRefused: no notify_url in the settings.
    """
    if not connection.notify_url:
        raise KeysRefused("notify_url is not set", code="no_notify_url", shop=connection.alias)
    body: dict[str, Any] = {
        "appid": connection.app_id,
        "mchid": connection.merchant_id,
        "description": plain(ask.title, TITLE_LENGTH) or ask.payment_no,
        "out_trade_no": ask.payment_no,
        "time_expire": ask.expires_at.astimezone(CHINA).isoformat(timespec="seconds"),
        "notify_url": connection.notify_url,
        "amount": {"total": ask.amount_minor, "currency": ask.currency},
    }
    if ask.method == "jsapi":
        body["payer"] = {"openid": _needed(ask.payer, "payer")}
    if ask.method == "h5":
        body["scene_info"] = {"payer_client_ip": _needed(ask.client_ip, "client_ip"), "h5_info": {"type": "Wap"}}
    return body


def read(
    connection: ChannelConnection, ask: PayAsk, answer: bytes, now: datetime, sign: Callable[[bytes], str]
) -> PayStart:
    """What the answer to a start gives the buyer."""
    got = msgspec.json.decode(answer, type=_Started)
    params: dict[str, str] = {}
    if ask.method in ("jsapi", "app"):
        prepay_id, stamp = word(got.prepay_id, "prepay_id"), str(int(now.timestamp()))
        params = (_for_script if ask.method == "jsapi" else _for_app)(connection, prepay_id, stamp, sign)
    return PayStart(
        payment_no=ask.payment_no, method=ask.method, expires_at=ask.expires_at, params=params,
        code_url=word(got.code_url, "code_url") if ask.method == "native" else "",
        url=word(got.h5_url, "h5_url") if ask.method == "h5" else "",
    )  # fmt: skip


def _for_script(
    connection: ChannelConnection, prepay_id: str, stamp: str, sign: Callable[[bytes], str]
) -> dict[str, str]:
    """What the page's script hands to WeChat, signed with our key."""
    app_id, nonce, package = connection.app_id, secrets.token_hex(16), f"prepay_id={prepay_id}"
    return {
        "appId": app_id, "timeStamp": stamp, "nonceStr": nonce, "package": package, "signType": "RSA",
        "paySign": sign(lines(app_id, stamp, nonce, package)),
    }  # fmt: skip


def _for_app(connection: ChannelConnection, prepay_id: str, stamp: str, sign: Callable[[bytes], str]) -> dict[str, str]:
    """What the app's SDK hands to WeChat, signed with our key."""
    app_id, nonce = connection.app_id, secrets.token_hex(16)
    return {
        "appid": app_id, "partnerid": connection.merchant_id, "prepayid": prepay_id, "package": "Sign=WXPay",
        "noncestr": nonce, "timestamp": stamp, "sign": sign(lines(app_id, stamp, nonce, prepay_id)),
    }  # fmt: skip


def plain(text: str, length: int) -> str:
    """A text as the channel takes it: no characters of four bytes, no more than so many."""
    return _BEYOND.sub("", text).strip()[:length]


def _needed(value: str, name: str) -> str:
    if not value:
        raise Refused(f"{name} is missing", code=f"no_{name}")
    return value
