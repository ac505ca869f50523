"""order complete: by the platform's word or after the time, and never while a refund is open."""

from pathlib import Path
from typing import Any

import pytest

from jobs import complete
from jobs.env import Env
from jobs.storing import store
from stores.records import Progress
from tests.documents import pulled, refund_document
from tests.factories import at_progress, make_full_order, open_env, put_orders
from tests.fulfilment import FakePlatform, books, document, install, number_of, pull, shipped


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def progress(env: Env, number: str = "1") -> Progress:
    return env.orders.heads([number_of(number)])[number_of(number)].progress


def test_a_shipped_order_completes_after_its_time(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    assert complete.complete(env).counts == {"waiting": 1}
    assert complete.complete(env).counts == {}
    env.clock.advance(env.settings.complete.after - 1)
    assert complete.complete(env).counts == {}
    env.clock.advance(1)
    assert complete.complete(env).counts == {"completed": 1}
    assert progress(env) == Progress.COMPLETED
    assert env.orders.history(number_of("1"))[-1].reason == "after_time"


def test_the_platforms_word_from_before_it_left_completes_at_once(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.change("1", status="completed")
    store(env, "tmall", platform, "orders", [pulled(platform.orders["1"])])  # type: ignore[arg-type]
    assert complete.complete(env).counts == {"completed": 1}
    assert env.orders.history(number_of("1"))[-1].reason == "completed_there"


def test_an_open_refund_keeps_an_order_from_completing(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    complete.complete(env)
    pull(env, platform, refund_document(platform_order_no="1", platform_line_no="1-1", kind="return"))
    env.clock.advance(env.settings.complete.after + 1)
    assert complete.complete(env).counts == {"waiting": 1}
    assert progress(env) == Progress.SHIPPED


def test_an_order_that_is_partly_shipped_does_not_complete_by_time(env: Env) -> None:
    put_orders(env, at_progress(make_full_order(number="1"), Progress.PARTLY_SHIPPED))
    env.clock.advance(env.settings.complete.after * 2)
    assert complete.complete(env).counts == {}


def test_a_dry_run_names_what_is_due_and_writes_nothing(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"), document("2"))
    complete.complete(env)
    env.clock.advance(env.settings.complete.after + 1)
    before = books(env)
    result = complete.complete(env, dry_run=True, limit=1)
    assert [(i.did, i.reason) for i in result.items] == [("completed", "after_time")]
    assert books(env) == before


def test_completing_twice_changes_nothing_more(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    complete.complete(env)
    env.clock.advance(env.settings.complete.after + 1)
    complete.complete(env)
    before = books(env)
    assert complete.complete(env).counts == {} and books(env) == before
