"""Tokens: how each platform hands them out, lets them end, and renews them."""

from __future__ import annotations

from tests.sandbox.callers import Douyin, Jd, Taobao, Wechat, arm, gate_of

_DAY = 86400


def test_wechat_gives_the_current_token_until_five_minutes_before_its_end() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    first = caller.token()
    assert first["expires_in"] == 7200
    caller.world.advance(caller.world.start + 7200 - 301)
    again = caller.token()
    assert again == {"access_token": first["access_token"], "expires_in": 301}
    caller.world.advance(caller.world.now + 1)
    fresh = caller.token()
    assert fresh["access_token"] != first["access_token"]
    assert fresh["expires_in"] == 7200
    # both work in between, then only the new one
    caller.access = first["access_token"]
    assert caller.ids(0, 1)["errcode"] == 0
    caller.world.advance(caller.world.start + 7200)
    assert caller.ids(0, 1)["errcode"] == 42001
    caller.access = fresh["access_token"]
    assert caller.ids(0, 1)["errcode"] == 0


def test_wechat_force_kills_the_old_token_but_not_too_often() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    old = caller.token()["access_token"]
    forced = caller.token(force_refresh=True)["access_token"]
    assert forced != old
    caller.access = old
    assert caller.ids(0, 1)["errcode"] == 42001
    assert caller.token(force_refresh=True)["errcode"] == 45011
    for _ in range(19):
        caller.world.advance(caller.world.now + 30)
        assert caller.token(force_refresh=True)["access_token"]
    caller.world.advance(caller.world.now + 30)
    assert caller.token(force_refresh=True)["errcode"] == 45009
    assert len(caller.world.book.of("effect", effect="token", grant="force")) == 20


def test_wechat_refuses_wrong_keys() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    assert caller.token(appid="wxother")["errcode"] == 40013
    assert caller.token(secret="other")["errcode"] == 40125
    assert caller.token(grant_type="other")["errcode"] == 40002


def test_taobao_refreshes_and_says_why_a_session_is_refused() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    box = caller.world.tokens["taobao"]
    token = box.latest
    assert token is not None
    caller.access = ""
    assert caller.trades(0, 1)["code"] == 26
    caller.access = "other"
    assert (caller.trades(0, 1)["code"], caller.trades(0, 1)["sub_code"]) == (27, "invalid-sessionkey")
    caller.access = token.access
    caller.world.advance(token.expires)
    assert caller.trades(0, 1)["sub_code"] == "session-expired"
    reply = caller.refresh(token.refresh)
    assert reply["taobao_user_id"] == caller.shop.seller_id
    caller.access = reply["access_token"]
    assert "sub_code" not in caller.trades(caller.world.now - 60, caller.world.now)
    assert caller.refresh("nonsense")["error"] == "invalid_grant"
    caller.world.advance(token.refresh_expires)
    assert caller.refresh(token.refresh)["error"] == "invalid_grant"


def test_jd_renews_only_within_the_last_day_and_never_after_the_end() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    token = caller.world.tokens["jd"].latest
    assert token is not None

    def renew() -> dict[str, object]:
        reply: dict[str, object] = caller.oauth(
            "/oauth2/refresh_token", grant_type="refresh_token", refresh_token=token.refresh
        )
        return reply

    assert renew()["code"] == 401
    caller.world.advance(token.expires - _DAY)
    assert renew()["access_token"]
    caller.world.advance(token.expires)
    assert renew()["code"] == 401
    assert caller.search(0, 1)["code"] == "19"
    caller.access = ""
    assert caller.search(0, 1)["code"] == "18"
    code = f"code-{caller.shop.seller_id}"
    fresh = caller.oauth("/oauth2/access_token", grant_type="authorization_code", code=code)
    caller.access = fresh["access_token"]
    assert caller.search(caller.world.now - 60, caller.world.now)["code"] == "0"


def test_jd_renews_a_killed_token_at_once() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    token = caller.world.tokens["jd"].latest
    assert token is not None
    arm(caller.world, "token_expired", platform="jd")
    assert caller.search(0, 1)["code"] == "19"
    words = {"grant_type": "refresh_token", "refresh_token": token.refresh}
    caller.access = caller.oauth("/oauth2/refresh_token", **words)["access_token"]
    assert caller.search(caller.world.now - 60, caller.world.now)["code"] == "0"


def test_douyin_creates_by_shop_and_refreshes_late() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    wrong = caller.raw("/token/create", grant_type="authorization_self", shop_id="1")
    assert (wrong["code"], wrong["sub_code"].partition(":")[0]) == (50001, "dop.token-generate-failed")
    made = caller.raw("/token/create", grant_type="authorization_self", shop_id=caller.shop.seller_id)["data"]
    assert made["expires_in"] == 7 * _DAY
    refresh = {"grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    # early it is the same token
    assert caller.raw("/token/refresh", **refresh)["data"]["access_token"] == made["access_token"]
    caller.access = made["access_token"]
    caller.world.advance(caller.world.start + 7 * _DAY)
    assert caller.call("/order/orderDetail", shop_order_id="1")["sub_code"] == "isv.access-token-expired"
    caller.access = caller.raw("/token/refresh", **refresh)["data"]["access_token"]
    assert caller.call("/order/orderDetail", shop_order_id="1")["sub_code"].startswith("isv.business-failed")
    caller.world.advance(caller.world.start + 14 * _DAY)
    assert caller.raw("/token/refresh", **refresh)["code"] == 50001
