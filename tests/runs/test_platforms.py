"""The ports adapters get from the house: rates, tokens and breakers in the ledger, shared by all who work for a shop."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.errors import NotAuthorised, QuotaSpent, Retryable, ShopBroken
from adapters.ports import AccessToken, Limit
from jobs.env import Env, SystemClock
from jobs.errors import BadSettings, UnknownThing
from jobs.platforms import LedgerBreaker, LedgerLimiter, LedgerTokens, connect
from tests.factories import SHOPS, FixedClock, open_env

TROUBLE = Retryable("the server failed")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path, breaker={"failures": 3, "rest": "10m"})
    yield made
    made.close()


@pytest.fixture
def clock(env: Env) -> FixedClock:
    assert isinstance(env.clock, FixedClock)
    return env.clock


def limiters(env: Env) -> tuple[LedgerLimiter, LedgerLimiter]:
    """As two processes have them: nothing in common but the ledger."""
    return LedgerLimiter(env.ledger, env.clock.now), LedgerLimiter(env.ledger, env.clock.now)


# ------------------------------------------------------------------ rates


def test_spacing_is_kept_by_all_who_call_under_one_key(env: Env, clock: FixedClock) -> None:
    one, other = limiters(env)
    limit = Limit(spacing_s=2.0)
    assert [one.take("k", limit), other.take("k", limit), one.take("k", limit)] == [0.0, 2.0, 4.0]
    assert other.take("another key", limit) == 0.0
    clock.advance(60)
    assert other.take("k", limit) == 0.0


def test_a_bucket_gives_its_burst_and_then_its_rate(env: Env, clock: FixedClock) -> None:
    one, other = limiters(env)
    limit = Limit(rate_per_s=2.0, burst=3)
    assert [one.take("k", limit) for _ in range(3)] == [0.0, 0.0, 0.0]
    # callers that wait for their turn are not let in together
    assert [other.take("k", limit), one.take("k", limit), other.take("k", limit)] == [0.5, 1.0, 1.5]
    clock.advance(100)
    assert [one.take("k", limit) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_points_are_taken_by_cost_and_restored_with_time(env: Env, clock: FixedClock) -> None:
    one, other = limiters(env)
    limit = Limit(points=100.0, restore_per_s=10.0)
    assert one.take("k", limit, cost=80.0) == 0.0
    assert [other.take("k", limit, cost=50.0), one.take("k", limit, cost=50.0)] == [3.0, 8.0]
    clock.advance(30)
    assert other.take("k", limit, cost=100.0) == 0.0


def test_what_the_platform_blocks_is_blocked_for_all_and_ends(env: Env, clock: FixedClock) -> None:
    one, other = limiters(env)
    one.push_back("k", 30.0)
    one.push_back("k", 5.0)  # a shorter word takes nothing back
    assert other.take("k", Limit()) == 30.0
    clock.advance(10)
    assert other.take("k", Limit()) == 20.0
    clock.advance(20)
    assert other.take("k", Limit()) == 0.0


def test_a_daily_quota_ends_with_the_day_and_says_when(env: Env, clock: FixedClock) -> None:
    one, other = limiters(env)
    limit = Limit(daily=2)
    assert [one.take("k", limit), other.take("k", limit)] == [0.0, 0.0]
    with pytest.raises(QuotaSpent) as caught:
        one.take("k", limit)
    assert caught.value.until is not None and caught.value.until > clock.now()
    clock.advance((caught.value.until - clock.now()).total_seconds())
    assert other.take("k", limit) == 0.0


def test_calls_that_race_for_a_turn_get_one_each(env: Env) -> None:
    env.ledger.now()
    limit = Limit(spacing_s=1.0)
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda _: LedgerLimiter(env.ledger, env.clock.now).take("k", limit), range(12)))
    assert sorted(waits) == [float(n) for n in range(12)]


# ------------------------------------------------------------------ breakers


def breaker(env: Env, shop: str = "tmall") -> LedgerBreaker:
    return LedgerBreaker(env.ledger, shop, env.clock.now, env.settings.breaker)


def test_the_breaker_opens_after_the_third_failure_for_every_process_and_for_this_shop(env: Env) -> None:
    for _ in range(2):
        breaker(env).failure(TROUBLE)
        breaker(env).check()
    breaker(env).failure(TROUBLE)
    with pytest.raises(ShopBroken, match="rests until"):
        breaker(env).check()
    breaker(env, "another").check()


def test_a_success_in_between_starts_the_count_again(env: Env) -> None:
    for _ in range(5):
        breaker(env).failure(TROUBLE)
        breaker(env).failure(TROUBLE)
        breaker(env).success()
    breaker(env).check()


def test_after_its_rest_the_shop_is_tried_and_one_more_failure_opens_again(env: Env, clock: FixedClock) -> None:
    for _ in range(3):
        breaker(env).failure(TROUBLE)
    clock.advance(601)
    breaker(env).check()
    breaker(env).failure(TROUBLE)
    with pytest.raises(ShopBroken):
        breaker(env).check()
    clock.advance(601)
    breaker(env).success()
    breaker(env).failure(TROUBLE)
    breaker(env).check()


# ------------------------------------------------------------------ tokens


def token(env: Env, access: str) -> AccessToken:
    ends = env.clock.now() + timedelta(hours=2)
    return AccessToken(access=access, refresh=f"r-{access}", expires_at=ends, seller_id="2200001")


def test_a_renewed_token_is_kept_for_everybody_and_encrypted(env: Env) -> None:
    made = LedgerTokens(env, "tmall").renew(None, lambda: token(env, "one"))
    assert LedgerTokens(env, "tmall").load() == made == token(env, "one")
    assert LedgerTokens(env, "another").load() is None
    files = [p.read_bytes() for p in env.data.glob("ledger.db*")]
    assert files and not any(b"r-one" in data for data in files)


def test_who_comes_late_gets_the_token_another_process_made(env: Env) -> None:
    old = LedgerTokens(env, "tmall").renew(None, lambda: token(env, "one"))
    LedgerTokens(env, "tmall").renew(old, lambda: token(env, "two"))

    def never() -> AccessToken:
        raise AssertionError("it was renewed already")

    assert LedgerTokens(env, "tmall").renew(old, never).access == "two"


def test_of_many_who_renew_at_once_only_one_asks_the_platform(tmp_path: Path) -> None:
    # the others really wait for the one, so the clock must go
    env = open_env(tmp_path, clock=SystemClock())
    try:
        _race_for_a_token(env)
    finally:
        env.close()


def _race_for_a_token(env: Env) -> None:
    old = LedgerTokens(env, "tmall").renew(None, lambda: token(env, "one"))
    asked: list[int] = []
    began = threading.Barrier(4)

    def make() -> AccessToken:
        asked.append(1)
        # long enough for the others to come to the lease
        threading.Event().wait(0.2)
        return token(env, f"two-{len(asked)}")

    def renew(_: int) -> str:
        began.wait()
        return LedgerTokens(env, "tmall").renew(old, make).access

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(renew, range(4)))
    assert got == ["two-1"] * 4 and len(asked) == 1


def test_a_renewal_that_fails_frees_the_way_for_the_next(env: Env) -> None:
    def refused() -> AccessToken:
        raise NotAuthorised("the merchant must authorise again")

    with pytest.raises(NotAuthorised):
        LedgerTokens(env, "tmall").renew(None, refused)
    assert LedgerTokens(env, "tmall").renew(None, lambda: token(env, "one")).access == "one"


# ------------------------------------------------------------------ the adapter of a shop


def test_a_shop_gets_its_adapter_with_rates_tokens_and_breaker_in_the_ledger(env: Env) -> None:
    platform = connect(env, "tmall")
    try:
        assert (platform.name, platform.shop, platform.seller_id) == ("taobao", "tmall", "2200001")
        kinds = [type(getattr(platform.connection, name)) for name in ("limiter", "tokens", "breaker")]
        assert kinds == [LedgerLimiter, LedgerTokens, LedgerBreaker]
        assert env.ledger.sellers()["tmall"][:2] == ("taobao", "2200001")
    finally:
        platform.close()


def test_an_unknown_shop_has_no_adapter_and_one_seller_only_one_alias(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="one seller has one alias"):
        _two_aliases(tmp_path)


def _two_aliases(folder: Path) -> None:
    first = open_env(folder)
    connect(first, "tmall").close()
    with pytest.raises(UnknownThing, match="nobody"):
        connect(first, "nobody")
    first.close()
    second = open_env(folder, shops={"renamed": SHOPS["tmall"]})
    try:
        connect(second, "renamed")
    finally:
        second.close()
