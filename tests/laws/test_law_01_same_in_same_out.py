"""Law 1: same in, same out. An order number depends on the seller and the platform's number alone; pushing twice is once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs import push
from jobs.errors import BadSettings
from jobs.platforms import connect
from jobs.rules.numbers import order_no
from jobs.storing import store
from tests.documents import SELLER, order_document, pulled
from tests.factories import open_env

SHOP = {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s"}


def test_a_shop_alias_is_only_a_name(tmp_path: Path) -> None:
    numbers = []
    for alias in ("tmall", "renamed"):
        env = open_env(tmp_path / alias, shops={alias: SHOP})
        store(env, alias, SimpleNamespace(name="taobao"), "orders", [pulled(order_document())])  # type: ignore[arg-type]
        push.push(env)
        numbers += [o.order_no for o in env.orders.heads([order_no("taobao", SELLER, "3890012345678901234")]).values()]
        env.close()
    assert len(numbers) == 2 and len(set(numbers)) == 1


def test_two_aliases_for_one_seller_are_refused_with_both_names(tmp_path: Path) -> None:
    env = open_env(tmp_path, shops={"one": SHOP, "two": SHOP})
    connect(env, "one").close()
    with pytest.raises(BadSettings, match=r"'two': seller_taken by alias one"):
        connect(env, "two")
    env.close()


def test_any_order_of_arrival_gives_the_same_order(tmp_path: Path) -> None:
    older = order_document(status="unpaid", paid_at=None, paid_minor=0)
    newer = order_document(modified_at=older.modified_at.replace(hour=3))
    seen = []
    for n, documents in enumerate(([older, newer], [newer, older])):
        env = open_env(tmp_path / str(n), shops={"tmall": SHOP})
        for document in documents:
            store(env, "tmall", SimpleNamespace(name="taobao"), "orders", [pulled(document)])  # type: ignore[arg-type]
            push.push(env)
        head = next(iter(env.orders.heads([order_no("taobao", SELLER, older.platform_order_no)]).values()))
        seen.append((head.progress, head.paid_minor, head.doc_hash))
        env.close()
    assert seen[0] == seen[1]
