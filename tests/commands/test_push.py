"""oms push"""

from __future__ import annotations

from collections.abc import Callable

from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_documents_become_orders_and_refunds(at: At) -> None:
    oms = at("synced")
    said = oms("push", "orders", "--json")
    assert said.code == 0
    assert said.document["counts"]["added"] > 20
    assert len(oms("order", "list", "--json").lines) == said.document["counts"]["added"]


def test_pushing_twice_adds_nothing(at: At) -> None:
    assert at("pushed")("push", "orders", "--json").document["counts"] == {}


def test_a_dry_run_adds_nothing_and_lists_what_it_would(at: At) -> None:
    oms = at("synced")
    said = oms("push", "orders", "--limit", "3", "--dry-run", "--json")
    assert len([i for i in said.document["items"] if i["ref"].startswith("orders:")]) == 3
    assert oms("order", "list", "--json").lines == []


def test_a_run_leaves_its_record(at: At) -> None:
    oms = at("synced")
    run = oms("push", "orders", "--json").document["run_id"]
    assert oms("jobs", "history", "push orders", "--json").lines[0]["run_id"] == run


def test_the_platform_is_told_of_parcels_once(at: At) -> None:
    oms = at("shipped")
    told = oms("push", "shipments", "--json").document["counts"]
    assert sum(told.values()) > 0
    assert oms("push", "shipments", "--json").document["counts"] == {}


def test_the_preview_of_levels_lists_every_listing_and_sends_nothing(at: At) -> None:
    oms = at("sourced")
    said = oms("push", "stock", "--dry-run", "--json")
    assert said.code == 0
    assert said.document["items"]
    assert oms("status", "--json").document["effects"] == {}
