"""oms order"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from stores.records import InboxEntry, InboxItem
from tests.commands.conftest import Shell
from tests.commands.day import Day

At = Callable[[str], Shell]


def first(oms: Shell, *words: str) -> dict[str, Any]:
    """The first order that a listing gives."""
    found: dict[str, Any] = oms("order", "list", *words, "--json").lines[0]
    return found


def test_a_list_can_be_narrowed(at: At) -> None:
    oms = at("sourced")
    sourced = oms("order", "list", "--progress", "sourced", "--json").lines
    assert sourced and {o["progress"] for o in sourced} == {"sourced"}
    assert {o["held"] for o in oms("order", "list", "--held", "--json").lines} == {1}
    assert oms("order", "list", "--shop", "jd*", "--json").code == 32, "no shop is not all shops"
    assert len(oms("order", "list", "--limit", "2", "--json").lines) == 2


def test_an_unknown_progress_is_refused_with_the_known_ones(at: At) -> None:
    said = at("pushed")("order", "list", "--progress", "shiped")
    assert said.code == 2
    assert "shipped" in said.err


def test_an_order_is_found_by_the_platforms_number(at: At) -> None:
    oms = at("pushed")
    order = first(oms)
    found = oms("order", "search", "--number", order["platform_order_no"], "--json").lines
    assert [o["order_no"] for o in found] == [order["order_no"]]
    assert oms("order", "show", order["platform_order_no"], "--json").document["order"]["order_no"] == order["order_no"]


def test_an_order_that_is_not_there_is_said_so(at: At) -> None:
    said = at("pushed")("order", "show", "123", "--json")
    assert (said.code, said.told["error"]) == (32, "UnknownThing")
    assert said.told["hint"].startswith("oms order search")


def test_the_receiver_is_shown_only_when_it_is_revealed_and_that_is_on_record(at: At) -> None:
    oms = at("pushed")
    number = first(oms)["order_no"]
    assert "receiver" not in oms("order", "show", number, "--json").document
    shown = oms("order", "show", number, "--reveal", "--by", "anna", "--json").document["receiver"]
    assert set(shown) >= {"name", "phone", "address"}
    import jobs

    with jobs.open() as office:
        trail = office.env.ledger.audit_trail(ref=number)
    assert [(a.who, a.act) for a in trail] == [("anna", "reveal")]


def test_explain_says_every_step_and_what_it_waits_for(at: At) -> None:
    oms = at("sourced")
    number = first(oms, "--progress", "sourced")["order_no"]
    told = oms("order", "explain", number, "--json").document
    assert [s["to_state"] for s in told["history"]][-1] == "sourced"
    assert "oms merge run" in told["waits_for"]
    assert "sourced" in oms("order", "explain", number).out


def test_audit_holds_with_a_reason_and_lists_it(at: At) -> None:
    oms = at("pushed")
    said = oms("order", "audit", "--json")
    assert said.code == 0
    held = [i for i in said.document["items"] if i["did"] == "held"]
    assert held and all(i["reason"].startswith("audit.") for i in held)


def test_source_can_be_asked_for_single_orders(at: At) -> None:
    oms = at("pushed")
    oms("order", "audit")
    number = first(oms, "--progress", "audited")["order_no"]
    (oms.folder / "numbers.txt").write_text(f"{number}\n")
    assert oms("order", "source", "--orders", "numbers.txt").code == 0
    done = oms("order", "list", "--progress", "sourced", "--json").lines
    assert {o["order_no"] for o in done} <= {number}


def test_a_held_order_does_not_move_until_it_is_released(at: At) -> None:
    oms = at("pushed")
    number = first(oms, "--progress", "created")["order_no"]
    assert oms("order", "hold", number, "--note", "call back", "--by", "anna").code == 0
    oms("order", "audit")
    assert oms("order", "show", number, "--json").document["order"]["progress"] == "created"
    assert oms("order", "release", number, "--by", "anna").code == 0
    oms("order", "audit")
    assert oms("order", "show", number, "--json").document["order"]["progress"] == "audited"


def test_hold_without_a_number_is_a_usage_error(at: At) -> None:
    said = at("pushed")("order", "hold")
    assert said.code == 2
    assert "NUMBER" in said.err


def test_cancel_gives_the_stock_back(at: At) -> None:
    oms = at("sourced")
    number = first(oms, "--progress", "sourced")["order_no"]
    held = sum(x["held"] for x in oms("stock", "show", "--json").lines)
    assert oms("order", "cancel", number, "--reason", "buyer called", "--dry-run").code == 0
    assert oms("order", "cancel", number, "--reason", "buyer called").code == 0
    assert oms("order", "show", number, "--json").document["order"]["progress"] == "cancelled"
    assert sum(x["held"] for x in oms("stock", "show", "--json").lines) < held


def test_an_edit_is_kept_and_recorded(at: At) -> None:
    oms = at("pushed")
    number = first(oms, "--progress", "created")["order_no"]
    assert oms("order", "edit", number, "city=杭州市", "--by", "anna").code == 0
    assert oms("order", "show", number, "--json").document["order"]["region"]["city"] == "杭州市"


def test_what_the_buyer_received_is_completed_after_its_time(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("shipped")
    assert "completed" not in oms("order", "complete", "--json").document["counts"]
    later = datetime.fromisoformat(os.environ["OMS__CLOCK__START"]) + timedelta(days=16)
    monkeypatch.setenv("OMS__CLOCK__START", later.isoformat())
    shipped = {o["order_no"] for o in oms("order", "list", "--progress", "shipped", "--json").lines}
    assert oms("order", "complete", "--dry-run", "--json").document["dry_run"]
    assert oms("order", "complete").code == 0
    assert {o["order_no"] for o in oms("order", "list", "--progress", "completed", "--json").lines} == shipped


def test_a_marketplaces_unpaid_orders_do_not_expire_here(at: At) -> None:
    oms = at("pushed")
    unpaid = oms("order", "list", "--progress", "unpaid", "--json").lines
    said = oms("order", "expire", "--json")
    assert (said.code, said.document["outcome"]) == (0, "done")
    assert oms("order", "list", "--progress", "unpaid", "--json").lines == unpaid


def test_replay_needs_keys_or_a_reason(at: At) -> None:
    assert at("pushed")("order", "replay").code == 2


def test_what_was_parked_is_read_again_and_replayed(at: At, day: Day) -> None:
    import jobs

    with jobs.open(day.stage("synced") / "oms.toml") as other:
        entry = next(iter(next(iter(other.env.inbox.scan("orders")))))
    oms = at("empty")
    with jobs.open() as office:
        office.env.inbox.put([unread(entry)])
    assert [r["ref"] for r in oms("jobs", "parked", "--json").lines] == [entry.key]
    assert oms("status", "--json").document["parked"] == 1
    assert oms("order", "replay", entry.key, "--json").document["counts"]["read_again"] == 1
    assert oms("jobs", "parked", "--json").lines == []
    assert oms("push", "orders", "--json").document["counts"]["added"] == 1


def unread(entry: InboxEntry) -> InboxItem:
    """The same item as if it could not have been read when it came."""
    return InboxItem(
        key=entry.key, kind=entry.kind, platform=entry.platform, seller_id=entry.seller_id, shop=entry.shop,
        number=entry.number, modified_at=entry.modified_at, hash="unread", document=b"", raw=b"{}", parked="unreadable",
    )  # fmt: skip


OWN = """\
data = "data"
[shops.hotline]
platform = "own"
seller_id = "hotline"
"""


def test_own_orders_come_from_the_filled_template_and_their_receivers_are_shown_nowhere(shell: Shell) -> None:
    shell.settings(OWN)
    assert shell("order", "import", "--template", "orders.csv", "--json").document["columns"] > 20
    path = shell.folder / "orders.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("EXAMPLE", "A1"), encoding="utf-8")
    seen = shell("order", "import", "orders.csv", "--dry-run", "--json")
    assert [(i["ref"], i["did"]) for i in seen.document["items"]] == [("A1", "new")]
    assert shell("order", "list", "--json").lines == []
    assert shell("order", "import", "orders.csv").code == 0 and shell("push", "orders").code == 0
    again = shell("order", "import", "orders.csv", "--json")
    assert again.document["counts"] == {"rows": 1, "same": 1}
    [head] = shell("order", "list", "--json").lines
    assert (head["platform_order_no"], head["payable_minor"], head["progress"]) == ("A1", 19_600, "created")
    assert not any(word in seen.out + again.out for word in ("李娜", "13800000000", "示例路"))


def test_a_bad_own_order_ends_partial_and_names_the_file_to_correct(shell: Shell) -> None:
    shell.settings(OWN)
    shell("order", "import", "--template", "orders.csv")
    path = shell.folder / "orders.csv"
    path.write_text(
        path.read_text(encoding="utf-8-sig").replace("EXAMPLE", "A1").replace("196.00", "1"), encoding="utf-8"
    )
    said = shell("order", "import", "orders.csv", "--errors", "bad.csv", "--json")
    assert (said.code, said.document["items"][0]["reason"]) == (3, "sum_differs")
    assert "bad.csv" in said.document["hint"] and (shell.folder / "bad.csv").exists()


def test_words_of_an_import_that_do_not_fit_are_refused(shell: Shell) -> None:
    shell.settings(OWN)
    for words in (
        (),
        ("x.csv", "--template", "t.csv"),
        ("x.csv", "--chinese"),
        ("--template", "t.csv", "--dry-run"),
        ("x.pdf",),
    ):
        assert shell("order", "import", *words).code == 2, words
    assert shell("order", "import", "gone.csv").code == 33
