"""What WeChat's interfaces share here: the envelope, the body, and the token of an app.

Source: developers.weixin.qq.com, getStableAccessToken and the common error codes.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from adapters.sandbox.wire import Request, Response, answer, decode, digest
from adapters.sandbox.world import World

_DAY = 86400
TOKEN = "/cgi-bin/stable_token"
#: a new token is handed out this long before the old one's end; both work meanwhile
_OVERLAP_S = 300
_TOKEN_ERRORS = {
    "missing": (41001, "access_token missing"),
    "unknown": (40001, "invalid credential, access_token is invalid or not latest"),
    "expired": (42001, "access_token expired"),
}


class Refusal(Exception):
    """WeChat says no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


def need(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, "", []):
            raise Refusal(40097, f"invalid args: {name}")


def error(refusal: Refusal, request_id: str) -> Response:
    """The envelope of a refusal."""
    n = digest("rid", request_id)
    rid = f"{n >> 32:08x}-{n & 0xFFFFFFFF:08x}-{digest(request_id) & 0xFFFFFFFF:08x}"
    return answer({"errcode": refusal.code, "errmsg": f"{refusal.text} rid: {rid}"})


def throttled() -> Refusal:
    return Refusal(45011, "api minute-quota reach limit, please retry next minute")


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a POST."""
    if request.method != "POST":
        raise Refusal(43002, "require POST method")
    if not request.body:
        raise Refusal(44002, "empty post data")
    body = decode(request.body)
    if not isinstance(body, dict):
        raise Refusal(47001, "data format error")
    return body


def check(world: World, platform: str, request: Request) -> None:
    """Refuse a token that is not alive."""
    state = world.tokens[platform].check(request.params().get("access_token", ""), world.now)
    if state != "ok":
        raise Refusal(*_TOKEN_ERRORS[state])


def token(world: World, platform: str, body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """/cgi-bin/stable_token: the current token until shortly before its end; with force_refresh a new one at once."""
    shop, box = world.shops[platform], world.tokens[platform]
    if body.get("grant_type") != "client_credential":
        raise Refusal(40002, "invalid grant_type")
    if body.get("appid") != shop.app_key:
        raise Refusal(40013, "invalid appid")
    if body.get("secret") != shop.app_secret:
        raise Refusal(40125, "invalid appsecret")
    force = body.get("force_refresh") is True
    if force:
        _force(world, platform)
    latest = box.latest
    if latest is None or force or not box.alive(latest, world.now + _OVERLAP_S):
        latest = box.issue(world.now)
        grant = "force" if force else "normal"
        world.book.write("effect", effect="token", platform=platform, grant=grant, request_id=request_id)
    return {"access_token": latest.access, "expires_in": latest.expires - world.now}


def _force(world: World, platform: str) -> None:
    """Kill what lives; at most 20 times a day and at least 30 s apart."""
    box = world.tokens[platform]
    today = [t for t in box.forced if t > world.now - _DAY]
    if len(today) >= 20:
        raise Refusal(45009, "reach max api daily quota limit")
    if today and world.now - today[-1] < 30:
        raise throttled()
    box.forced.append(world.now)
    box.kill(world.now)


def pack(window: str, at: int, no: str) -> str:
    """A cursor: behind this item of this query."""
    raw = msgspec.json.encode([f"{digest(window):x}"[:8], at, no])
    return base64.b64encode(raw).decode()


def unpack(window: str, key: str, name: str) -> tuple[int, str]:
    """What a cursor stands for."""
    try:
        mark, at, no = msgspec.json.decode(base64.b64decode(key, validate=True))
    except (ValueError, msgspec.DecodeError) as wrong:
        raise Refusal(40097, f"invalid args: {name}") from wrong
    if mark != f"{digest(window):x}"[:8]:
        raise Refusal(40097, f"invalid args: {name} belongs to another query")
    return int(at), str(no)
