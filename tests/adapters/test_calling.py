"""The calling loop: waits, bounds, tokens, and what reaches the caller."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.core.transport import tls_context
from adapters.core.wire import Call, look_up
from adapters.errors import AdapterError, NotAuthorised, QuotaSpent, Retryable, Throttled, Unsupported
from adapters.ports import AccessToken, Limit, Retry
from tests.adapters.fakes import FakeDouyin, FakeTaobao
from tests.adapters.kit import NOON, Rig

CALL = Call(api="/a/b", params={})
GOOD = {"code": 10000, "data": {}}


def test_tls_below_1_2_is_not_spoken() -> None:
    assert tls_context().minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls_context().verify_mode == ssl.CERT_REQUIRED


def test_waits_are_bounded_in_time_as_well_as_in_number() -> None:
    retry = Retry(waits_s=(10.0, 30.0, 60.0), within_s=45.0)
    with Rig("douyin", lambda _: httpx.Response(500), retry=retry) as rig, pytest.raises(Retryable):
        rig.adapter.call(CALL)
    assert rig.clock.sleeps == [10.0, 30.0]


def test_a_platform_that_throttles_for_ever_is_given_up() -> None:
    with Rig("douyin", lambda _: httpx.Response(429, headers={"Retry-After": "1"})) as rig, pytest.raises(Throttled):
        rig.adapter.call(CALL)
    assert 20 <= len(rig.server.seen) <= 22


def test_retry_after_may_be_a_date() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.server.next(httpx.Response(429, headers={"Retry-After": "Thu, 20 Nov 2025 04:00:09 GMT"}))
        rig.adapter.call(CALL)
    assert rig.clock.sleeps == [9.0]


def test_a_retry_after_that_means_nothing_falls_back_to_the_setting() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.server.next(httpx.Response(429, headers={"Retry-After": "soon"}))
        rig.adapter.call(CALL)
    assert rig.clock.sleeps == [10.0]


def test_whoever_shares_the_key_waits_too() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.server.next(httpx.Response(429, headers={"Retry-After": "5"}))
        rig.adapter.call(CALL)
        key = "douyin:12129701:shop-1:/a/b"
        rig.limiter.push_back(key, 3.0)
        rig.adapter.call(CALL)
        rig.adapter.call(Call(api="/c/d", params={}))
    assert rig.clock.sleeps == [5.0, 3.0]


def test_being_throttled_is_told_to_all_who_share_the_key() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.server.next(httpx.Response(429, headers={"Retry-After": "5"}))
        rig.adapter.call(CALL)
    assert rig.limiter.pushed == [("douyin:12129701:shop-1:/a/b", 5.0)]
    assert rig.clock.sleeps == [5.0]


def test_a_rate_from_the_settings_replaces_the_table() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.adapter.call(Call(api="/order/searchList", params={}))
    with Rig("douyin", lambda _: GOOD, options={"rate_per_s": 5}) as slow:
        slow.adapter.call(Call(api="/order/searchList", params={}))
    assert rig.limiter.taken[0][1] == Limit(rate_per_s=600, burst=60)
    assert slow.limiter.taken[0][1] == Limit(rate_per_s=5, burst=5)


def test_spacing_is_slept_through_the_clock() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.adapter.limits = {"*": Limit(spacing_s=2.0)}  # type: ignore[misc]
        rig.adapter.call(CALL)
        rig.adapter.call(CALL)
    assert rig.clock.sleeps == [2.0]


@pytest.mark.parametrize("value", ["many", True, -1.5])
def test_an_option_of_the_wrong_kind_is_refused_at_once(value: Any) -> None:
    with pytest.raises(Unsupported, match="page_size"):
        Rig("douyin", FakeDouyin(), options={"page_size": value})


def test_a_quota_that_is_spent_says_until_when_and_breaks_nothing() -> None:
    words = "This ban will last for 36000 more seconds"
    error = {"error_response": {"code": 7, "sub_code": "accesscontrol.limited-by-app-access-count", "sub_msg": words}}
    with Rig("taobao", lambda _: error) as rig, pytest.raises(QuotaSpent) as caught:
        rig.pull()
    assert caught.value.until == NOON + timedelta(hours=10)
    assert rig.clock.sleeps == [] and rig.breaker.failures == 0


def test_a_shop_without_a_token_asks_for_the_merchant() -> None:
    with Rig("taobao", FakeTaobao(), stored=None) as rig, pytest.raises(NotAuthorised):
        rig.pull()
    assert rig.server.seen == []


def test_a_token_from_the_settings_is_used_and_never_renewed() -> None:
    world = FakeTaobao(1)
    with Rig("taobao", world, token=lambda: "fixed") as rig:
        rig.pull()
        assert rig.server.seen[0].form["session"] == "fixed"
        rig.server.next(world.token_expired)
        with pytest.raises(NotAuthorised, match="settings"):
            rig.pull()


def test_a_token_another_process_renewed_is_taken() -> None:
    world = FakeTaobao(1)
    with Rig("taobao", world) as rig:
        rig.pull()
        rig.tokens.token = AccessToken(access="theirs", refresh="r", expires_at=NOON + timedelta(days=9))
        rig.server.next(world.token_expired)
        assert rig.pull()[0].report.proof
        assert rig.server.seen[-1].form["session"] == "theirs"
    assert rig.tokens.made == 0


def test_a_token_that_still_holds_is_used_on_when_renewing_early_fails() -> None:
    world = FakeDouyin(1)

    def handler(seen: Any) -> Any:
        return {"code": 50002, "sub_code": "isv.business-failed:9"} if "token" in seen.path else world(seen)

    with Rig("douyin", handler) as rig:
        assert rig.tokens.token is not None and rig.tokens.token.expires_at is not None
        rig.clock.set(rig.tokens.token.expires_at - timedelta(minutes=10))
        rig.adapter.current(["1", "2", "3"])
        renewals = [s for s in rig.server.seen if "token" in s.path]
        assert len(renewals) == 1, "not before every call"
        rig.clock.set(rig.tokens.token.expires_at + timedelta(seconds=1))
        with pytest.raises(NotAuthorised):
            rig.adapter.call(CALL)


def test_base_url_replaces_scheme_and_host_and_may_hold_the_entry() -> None:
    for base in ("http://127.0.0.1:9000", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/router/rest"):
        with Rig("taobao", FakeTaobao(), base_url=base) as rig:
            rig.pull()
            assert str(rig.server.seen[0].url) == "http://127.0.0.1:9000/router/rest"
            rig.adapter.renew_token()
            assert str(rig.server.seen[-1].url) == "http://127.0.0.1:9000/token"
    with Rig("taobao", FakeTaobao()) as rig:
        rig.pull()
        rig.adapter.renew_token()
        assert [str(s.url) for s in rig.server.seen] == [
            "https://gw.api.taobao.com/router/rest", "https://oauth.taobao.com/token",
        ]  # fmt: skip


def test_a_closed_adapter_says_so() -> None:
    rig = Rig("taobao", FakeTaobao())
    rig.adapter.close()
    with pytest.raises(RuntimeError, match="closed"):
        rig.pull()


def test_labels_are_the_same_for_the_same_call_and_hide_its_values() -> None:
    a, b = Call(api="x", params={"phone": "13800000000"}), Call(api="x", params={"phone": "13800000001"})
    assert a.label == Call(api="x", params={"phone": "13800000000"}).label != b.label
    assert "138" not in a.label


def test_every_request_carries_a_number_of_its_own() -> None:
    with Rig("douyin", lambda _: GOOD) as rig:
        rig.adapter.call(CALL)
        rig.adapter.call(CALL)
    numbers = [s.headers["x-request-id"] for s in rig.server.seen]
    assert len(set(numbers)) == 2


def test_the_longest_beginning_decides_and_nothing_means_unknown() -> None:
    table: dict[str, Any] = {"isv.*": "final", "isv.token*": "token", "15": "retry"}
    assert look_up(table, "isv.token-gone") == "token"
    assert look_up(table, "isv.other") == "final"
    assert look_up(table, "zzz", "15") == "retry"
    assert look_up(table, "", "zzz") == "unknown"


def test_windows_need_aware_times() -> None:
    with Rig("taobao", FakeTaobao()) as rig, pytest.raises(ValueError, match="aware"):
        rig.adapter.pull("orders", rig.adapter.scans["orders"][0], datetime(2025, 1, 1), NOON)  # noqa: DTZ001


def test_a_pull_that_is_left_early_proves_nothing() -> None:
    with Rig("taobao", FakeTaobao(120), options={"page_size": 20}) as rig:
        pull = rig.adapter.pull("orders", rig.adapter.scans["orders"][0], NOON - timedelta(hours=2), NOON)
        for _ in pull:
            break
    assert pull.report.proof == "" and pull.report.reason


def test_a_window_that_reaches_into_this_second_is_read_twice() -> None:
    world = FakeTaobao(60, start=NOON - timedelta(minutes=10), step_s=5)
    with Rig("taobao", world) as rig:
        pull, _ = rig.pull(start=NOON - timedelta(minutes=30), end=NOON)
        pages = pull.report.pages
        rig.clock.set(NOON + timedelta(seconds=1))
        settled, _ = rig.pull(start=NOON - timedelta(minutes=30), end=NOON)
    assert pull.report.proof == settled.report.proof == "counted"
    assert pages == 2 * settled.report.pages


def test_a_failure_in_the_middle_says_why_the_window_is_open() -> None:
    world = FakeTaobao(120)
    with Rig("taobao", world, retry=Retry(waits_s=())) as rig:
        rig.server.next(world, httpx.Response(500))
        pull = rig.adapter.pull("orders", rig.adapter.scans["orders"][0], NOON - timedelta(hours=2), NOON)
        with pytest.raises(AdapterError):
            list(pull)
    assert pull.report.proof == "" and "Retryable" in pull.report.reason and pull.report.items == 50
