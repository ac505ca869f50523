"""oms jobs"""

from __future__ import annotations

from collections.abc import Callable

from jobs.catalogue import CATALOGUE
from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_the_catalogue_is_listed_with_last_and_next(at: At) -> None:
    rows = {r["name"]: r for r in at("synced")("jobs", "list", "--json").lines}
    assert list(rows) == [j.name for j in CATALOGUE]
    assert rows["sync orders"]["outcome"] == "done"
    assert rows["sync orders"]["command"] == "oms sync orders --due"
    assert rows["merge run"]["last_run"] is None
    assert all(r["next_due"] for r in rows.values())


def test_a_job_is_run_as_cron_would(at: At) -> None:
    oms = at("synced")
    said = oms("jobs", "run", "push orders", "--json")
    assert (said.code, said.document["job"]) == (0, "push orders")
    assert oms("jobs", "history", "--limit", "1", "--json").lines[0]["job"] == "push orders"


def test_an_unknown_job_is_named_with_the_known_ones(at: At) -> None:
    said = at("empty")("jobs", "run", "push everything")
    assert said.code == 32
    assert "push orders" in said.err


def test_history_is_newest_first(at: At) -> None:
    rows = at("sourced")("jobs", "history", "--json").lines
    assert [r["started_at"] for r in rows] == sorted((r["started_at"] for r in rows), reverse=True)
    assert {"sync orders", "push orders", "order audit"} <= {r["job"] for r in rows}


def test_locks_are_shown_and_broken_on_record(at: At) -> None:
    import jobs

    oms = at("empty")
    with jobs.open() as office:
        lease = office.env.ledger.acquire("sync orders:x", holder="elsewhere", ttl_s=600)
        assert lease
    assert [r["name"] for r in oms("jobs", "locks", "--json").lines] == ["sync orders:x"]
    said = oms("jobs", "locks", "--break", "sync orders:x", "--by", "anna", "--json")
    assert said.lines[0]["holder"] == "elsewhere"
    with jobs.open() as office:
        assert not office.env.ledger.holds(lease)
        assert [a.act for a in office.env.ledger.audit_trail(ref="sync orders:x")] == ["break_lock"]
    assert oms("jobs", "locks", "--break", "sync orders:x").code == 32


def test_cron_lines_name_user_command_and_settings(oms: Shell) -> None:
    text = oms("jobs", "cron", "--user", "brand").out
    line = next(x for x in text.splitlines() if "sync orders" in x and not x.startswith("#"))
    assert line.startswith("* * * * * brand /")
    assert line.endswith(f"sync orders --due --config {oms.folder / 'oms.toml'}")


def test_cron_lines_can_be_written_to_a_file(oms: Shell) -> None:
    said = oms("jobs", "cron", "--user", "brand", "--out", "oms.cron")
    assert (said.code, said.out) == (0, "")
    assert "sync refunds --due" in (oms.folder / "oms.cron").read_text()
    assert oms("jobs", "cron", "--out", "no/such/folder").code == 33


def test_cron_without_settings_has_nothing_to_name(shell: Shell) -> None:
    said = shell("jobs", "cron")
    assert said.code == 2
    assert "next:  oms init" in said.err


def test_nothing_parked_is_an_empty_list(at: At) -> None:
    assert at("pushed")("jobs", "parked", "--json") == (0, "", "")


def test_retry_needs_to_know_what(at: At) -> None:
    oms = at("pushed")
    assert oms("jobs", "retry").code == 2
    assert oms("jobs", "retry", "ship:nowhere", "--json").document["counts"].get("replayed", 0) == 0
