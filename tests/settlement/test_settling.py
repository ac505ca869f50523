"""settle: every difference lands in its class, and what was decided can be seen, taken back, and closed."""

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs import settling, settling_decide, settling_export, settling_show
from jobs.env import Env
from jobs.errors import BadFile, BadMove, BadRequest, Busy, PlanOutdated, UnknownThing
from stores.contracts import Change
from stores.records import Progress, Refund, RefundKind, RefundStatus
from stores.records.base import replace
from tests.factories import T0, put_orders
from tests.settlement.office import BOOKED, DAY, SHOP, an_office, books, classes, ledger, row, sold

RULES = 'version = "t"\n[[rule]]\nid = "cents"\namount_from = -2\namount_to = 2\ndays_before = 9\ndays_after = 9\n'


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = an_office(tmp_path)
    yield made
    made.close()


def settle(env: Env, tmp_path: Path, *rows: list[str], name: str = "a.csv", period: str = DAY, **more: Any) -> Any:
    path = ledger(tmp_path / name, rows)
    return settling.platform(env, [path], account=SHOP, period=period, **more)


def items(env: Env, *names: str) -> list[dict[str, Any]]:
    return settling_show.items(env, classes=names)


# ------------------------------------------------------------------ classes


def test_each_difference_lands_in_its_class(env: Env, tmp_path: Path) -> None:
    put_orders(
        env,
        sold(1, 10_000),
        sold(2, 20_000),
        sold(3, 30_000),
        sold(4, 40_000, progress=Progress.CANCELLED, paid_at=None),
    )
    result = settle(
        env, tmp_path, row(1, 10_000), row(2, 19_500), row(9, 5_000), row(1, 10_000), row(4, 40_000),
        row(1, -500, kind="收费", note="天猫佣金{x}"), row(0, -7_000, kind="提现"),
    )  # fmt: skip
    assert result.outcome == "done"
    assert classes(env) == {
        "matched": 1, "amount_differs": 1, "only_theirs": 1, "only_ours": 1, "doubled": 1, "status_differs": 1, "not_an_order": 2,
    }  # fmt: skip
    assert [(i["amount_minor"], i["class"]) for i in items(env, "only_ours")] == [(30_000, "only_ours")]
    differs = items(env, "amount_differs")
    assert differs[0]["amount_minor"] == -500


def test_an_order_that_is_not_due_is_not_missed_and_one_of_another_day_neither(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000, progress=Progress.SHIPPED), sold(2, 20_000, at=T0 - timedelta(days=3)))
    settle(env, tmp_path, row(0, -1, kind="提现"))
    assert classes(env) == {"not_an_order": 1}


def test_goods_without_an_order_are_theirs_alone_and_no_movement_of_the_account(env: Env, tmp_path: Path) -> None:
    nameless = row(1, 500)
    nameless[2] = "X"
    settle(env, tmp_path, nameless)
    assert classes(env) == {"only_theirs": 1}


def test_a_subsidy_alone_is_no_sale_whatever_its_amount(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000, kind="转账", note="平台补贴{x}"))
    assert classes(env) == {"only_theirs": 1, "only_ours": 1}


def test_tolerance_rules_are_read_from_the_settings_and_stand_beside_the_match(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    env = an_office(tmp_path, settlement={"rules": "rules.toml"})
    put_orders(env, sold(1, 10_000), sold(2, 10_000))
    settle(env, tmp_path, row(1, 9_999), row(2, 9_990))
    assert classes(env) == {"matched": 1, "amount_differs": 1}
    assert [(i["rule"], i["delta_minor"]) for i in items(env, "matched")] == [("cents", -1)]
    env.close()


def test_a_fee_is_compared_with_its_rate(tmp_path: Path) -> None:
    env = an_office(tmp_path, settlement={"rates": [{"shops": ["*"], "kind": "commission", "e4": 500}]})
    put_orders(env, sold(1, 10_000), sold(2, 10_001))
    fee = {"kind": "收费", "note": "天猫佣金{x}"}
    settle(env, tmp_path, row(1, 10_000), row(2, 10_001), row(1, -500, **fee), row(2, -640, **fee))
    assert classes(env) == {"matched": 3, "amount_differs": 1}
    assert [(i["kind"], i["delta_minor"]) for i in items(env, "amount_differs") if "delta_minor" in i] == [
        ("commission", -140)
    ]
    env.close()


def test_a_refund_is_expected_and_matched_by_its_number(env: Env, tmp_path: Path) -> None:
    no = put_orders(env, sold(1, 10_000))[0]
    base: dict[str, Any] = {
        "order_no": no, "platform": "taobao", "seller_id": "2200001", "shop": SHOP, "kind": RefundKind.REFUND_ONLY,
        "asked_at": BOOKED, "doc_modified_at": BOOKED, "created_at": BOOKED, "changed_at": BOOKED,
    }  # fmt: skip
    done = Refund(
        refund_no="R" + no,
        platform_refund_no="180000000000000011",
        status=RefundStatus.DONE,
        amount_minor=3_000,
        **base,
    )
    asked = Refund(
        refund_no="R2" + no[1:],
        platform_refund_no="180000000000000022",
        status=RefundStatus.ASKED,
        amount_minor=100,
        **base,
    )
    env.orders.add_refunds([(done, ()), (asked, ())], run_id="t", reason="t")
    title = "售后退款-180000000000000011-T200P"
    settle(env, tmp_path, row(1, 10_000), row(1, -3_000, kind="交易退款", title=title))
    assert classes(env) == {"matched": 2}


# ------------------------------------------------------------------ again


def test_the_same_file_again_and_the_same_matching_again_change_nothing(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000), sold(2, 20_000))
    rows = [row(1, 10_000), row(9, 100)]
    settle(env, tmp_path, *rows)
    before, acts = books(env), env.settlement.acts(active=False)
    result = settle(env, tmp_path, *rows, name="b.csv")
    assert result.counts["files_known"] == 1
    assert books(env) == before and env.settlement.acts(active=False) == acts


def test_rows_that_come_in_two_files_are_counted_once(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000))
    result = settle(env, tmp_path, row(1, 10_000), row(9, 100), name="b.csv")
    assert result.counts["doubled"] == 1 and classes(env) == {"matched": 1, "only_theirs": 1}


def test_the_same_sale_stated_later_by_another_row_is_doubled(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000))
    settle(env, tmp_path, row(1, 10_000, ref="20260302"), name="b.csv")
    assert classes(env) == {"matched": 1, "doubled": 1}


def test_what_stands_open_is_explained_by_a_later_file_and_by_a_later_order(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(2, 20_000))
    assert classes(env) == {"only_ours": 1, "only_theirs": 1}
    put_orders(env, sold(2, 20_000))
    env.clock.advance(2 * 86_400 + 1)
    assert settling.recheck(env).counts["matched"] == 1
    settle(env, tmp_path, row(1, 10_000, at=BOOKED + timedelta(days=1)), name="b.csv", period="2026-03-02")
    assert classes(env) == {"matched": 2} and env.settlement.suspense() == []


def test_a_recheck_before_its_time_leaves_everything_alone_and_at_its_time_counts(env: Env, tmp_path: Path) -> None:
    settle(env, tmp_path, row(2, 20_000))
    before = books(env)
    settling.recheck(env)
    assert books(env) == before
    env.clock.advance(2 * 86_400 + 1)
    settling.recheck(env)
    assert [s.checks for s in env.settlement.suspense()] == [1]
    settling.recheck(env)
    assert [s.checks for s in env.settlement.suspense()] == [1]


def test_an_order_that_changes_after_it_was_matched_is_looked_at_again(env: Env, tmp_path: Path) -> None:
    no = put_orders(env, sold(1, 10_000))[0]
    settle(env, tmp_path, row(1, 10_000))
    change = Change(order_no=no, expect=1, reason="t", set={"paid_minor": 9_000})
    assert env.orders.apply([change], run_id="t")[0].ok
    settling.recheck(env)
    assert classes(env) == {"amount_differs": 1}
    back = Change(order_no=no, expect=2, reason="t", set={"paid_minor": 10_000})
    env.orders.apply([back], run_id="t")
    settling.recheck(env)
    assert classes(env) == {"matched": 1} and env.settlement.suspense() == []


def test_another_run_at_the_same_shop_is_waited_for(env: Env, tmp_path: Path) -> None:
    env.ledger.acquire(f"settle:{SHOP}", holder="other", ttl_s=60)
    with pytest.raises(Busy):
        settle(env, tmp_path, row(1, 1))
    assert env.settlement.files() == []


# ------------------------------------------------------------------ what cannot be read


def test_rows_that_cannot_be_read_are_parked_told_and_written_to_a_file(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    bad = row(2, 500)
    bad[4] = "soon"
    out = tmp_path / "bad.csv"
    result = settle(env, tmp_path, row(1, 10_000), bad, errors=out)
    assert (result.outcome, result.exit_code) == ("partial", 3)
    assert [(i.did, i.reason, i.facts["row"]) for i in result.items] == [("parked", "time", 4)]
    told = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert (told[0]["row"], told[0]["column"], told[0]["发生时间"]) == ("4", "发生时间", "soon")
    assert "对方账号" not in told[0]
    settle(env, tmp_path, row(1, 10_000), name="b.csv", period="2026-03-02", errors=out)
    assert not out.exists()


def test_a_file_that_is_no_statement_imports_nothing(env: Env, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadFile, match="no layout fits"):
        settling.platform(env, [path], account=SHOP, period=DAY)
    with pytest.raises(BadFile, match="no layout 'nothing'"):
        settling.platform(env, [path], account=SHOP, period=DAY, layout="nothing")
    with pytest.raises(BadRequest, match="no period"):
        settling.platform(env, [path], account=SHOP, period="2026-3")
    with pytest.raises(UnknownThing):
        settling.platform(env, [path], account="nobody", period=DAY)
    assert env.settlement.files() == [] and env.settlement.acts(active=False) == []


# ------------------------------------------------------------------ decisions


def test_owner_and_reason_are_kept_through_later_matchings(env: Env, tmp_path: Path) -> None:
    settle(env, tmp_path, row(1, 100), row(2, 200))
    settling_decide.assign(env, ["line:1"], owner="wang", reason="asked", by="li")
    settling_decide.assign(env, [], account=SHOP, classes=["only_theirs"], owner="zhao", reason="", by="li")
    settle(env, tmp_path, row(3, 300), name="b.csv")
    found = {s.ref: (s.owner, s.reason) for s in env.settlement.suspense()}
    assert found == {"line:1": ("zhao", "asked"), "line:2": ("zhao", ""), "line:3": ("", "")}
    with pytest.raises(UnknownThing):
        settling_decide.assign(env, ["line:77"], owner="x", reason="", by="li")
    for refs in ([], ["x:1"]):
        with pytest.raises(BadRequest):
            settling_decide.assign(env, refs, owner="x", reason="", by="li")


@pytest.fixture
def ambiguous(env: Env, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Suggestions that a person must decide: planted as the matching would leave them."""
    from stores.records.settlement import Act, Suggestion, Verdicts

    put_orders(env, sold(1, 10_000), sold(2, 10_000))
    settle(env, tmp_path, row(8, 10_000), row(9, 10_000))
    open_ = env.settlement.suspense()
    made = [
        Suggestion(
            suggestion_id=f"s{n}", account=SHOP, period=DAY, pass_name="ambiguous", rule_id="", delta_minor=0, currency="CNY",
            line_ids=(line,), exp_ids=(exp,),
        )
        for n, (line, exp) in enumerate([(1, 1), (1, 2), (2, 2)])
    ]  # fmt: skip
    held = tuple(replace(s, class_="suggested") for s in open_)
    act = Act(kind="match", account=SHOP, period=DAY, at=T0)
    with settling.holding(env, type("Run", (), {"worker": "t"})(), SHOP) as lease:
        assert env.settlement.apply(Verdicts(act=act, suggest=tuple(made), suspend=held), token=lease.token).ok
    return {i["ref"]: i for i in items(env, "suggested")}


def test_a_suggestion_is_accepted_by_plan_once_and_rules_out_its_rivals(
    env: Env, tmp_path: Path, ambiguous: dict[str, Any]
) -> None:
    assert sorted(ambiguous) == ["s0", "s1", "s2"]
    plan = tmp_path / "plan.json"
    settling_decide.decide(env, accept=["s0"], refuse=["s2"], plan_out=plan)
    done = settling_decide.decide(env, apply=plan, by="li")
    assert done.counts["accepted"] == 1
    assert {s.suggestion_id: s.state for s in env.settlement.suggestions(state="")} == {
        "s0": "accepted",
        "s1": "refused",
        "s2": "refused",
    }
    assert {s.ref: s.class_ for s in env.settlement.suspense()} == {"line:2": "only_theirs", "exp:2": "only_ours"}
    before = books(env)
    assert settling_decide.decide(env, apply=plan, by="li").counts == {"skipped": 2}
    assert books(env) == before


def test_a_changed_or_foreign_plan_is_refused(env: Env, tmp_path: Path, ambiguous: dict[str, Any]) -> None:
    plan = tmp_path / "plan.json"
    settling_decide.decide(env, accept=["s0"], plan_out=plan)
    text = json.loads(plan.read_text(encoding="utf-8"))
    text["items"][0]["decision"] = "refuse"
    plan.write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(PlanOutdated):
        settling_decide.decide(env, apply=plan, by="li")
    with pytest.raises(BadRequest):
        settling_decide.decide(env, accept=["s0"], refuse=["s0"], plan_out=plan)
    with pytest.raises(UnknownThing):
        settling_decide.decide(env, accept=["s9"], plan_out=plan)


# ------------------------------------------------------------------ closing


def test_a_period_is_closed_by_a_plan_and_then_nothing_moves_it(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000), row(9, 100))
    plan = tmp_path / "close.json"
    settling_decide.confirm(env, account=SHOP, period=DAY, plan_out=plan)
    with pytest.raises(BadMove, match="no owner"):
        settling_decide.confirm(env, account=SHOP, period=DAY, apply=plan, by="li")
    settling_decide.assign(env, [], account=SHOP, classes=["only_theirs"], owner="wang", reason="gift", by="li")
    assert settling_decide.confirm(env, account=SHOP, period=DAY, apply=plan, by="li").counts == {"confirmed": 1}
    assert settling_decide.confirm(env, account=SHOP, period=DAY, apply=plan, by="li").counts == {"already": 1}
    with pytest.raises(BadMove, match="confirmed"):
        settling_decide.undo(env, account=SHOP, period=DAY, act=2, by="li")
    with pytest.raises(BadFile, match="confirmed"):
        settle(env, tmp_path, row(8, 1), name="b.csv")
    assert [a.act for a in env.ledger.audit_trail()] == ["settle_confirm"]


def test_figures_that_changed_since_the_plan_stop_the_closing(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000))
    plan = tmp_path / "close.json"
    settling_decide.confirm(env, account=SHOP, period=DAY, plan_out=plan)
    settle(env, tmp_path, row(0, -5, kind="提现"), name="b.csv")
    with pytest.raises(PlanOutdated, match="figures"):
        settling_decide.confirm(env, account=SHOP, period=DAY, apply=plan, by="li")


def test_undo_goes_back_act_by_act_and_whole(env: Env, tmp_path: Path) -> None:
    empty = books(env)
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000), row(9, 5), match=False)
    imported = books(env)
    settling.platform(env, [], account=SHOP, period=DAY)
    settling_decide.assign(env, ["line:2"], owner="wang", reason="x", by="li")
    assert [a.kind for a in settling_decide.acts(env)] == ["assign", "match", "import"]
    with pytest.raises(BadMove, match="later:3"):
        settling_decide.undo(env, account=SHOP, act=2, by="li")
    settling_decide.undo(env, account=SHOP, by="li")
    settling_decide.undo(env, account=SHOP, by="li")
    assert books(env) == imported
    settling_decide.undo(env, account=SHOP, period=DAY, all=True, by="li")
    assert books(env) == empty
    with pytest.raises(UnknownThing):
        settling_decide.undo(env, account=SHOP, by="li")
    with pytest.raises(BadRequest):
        settling_decide.undo(env, account=SHOP, all=True, by="li")


# ------------------------------------------------------------------ looking


def test_an_export_is_harmless_and_its_amounts_are_numbers(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000))
    settle(env, tmp_path, row(1, 10_000, ref="=1+1"), row(9, -5, ref="@cmd"))
    settling_decide.assign(env, ["line:2"], owner="wang", reason="=HYPERLINK(1)", by="li")
    for name in ("a.csv", "a.xlsx"):
        assert settling_export.export(env, account=SHOP, period=DAY, out=tmp_path / f"out-{name}").counts["rows"] == 3
    text = (tmp_path / "out-a.csv").read_text(encoding="utf-8-sig")
    assert "'=1+1" in text and "'@cmd" in text and "'=HYPERLINK(1)" in text and ",-0.05," in text
    sheet = openpyxl.load_workbook(tmp_path / "out-a.xlsx").active
    assert sheet is not None
    cells = [list(r) for r in sheet.iter_rows()]
    assert {type(r[9].value) for r in cells[1:]} <= {int, float}
    assert not any(c.data_type == "f" for r in cells for c in r)


def test_the_overview_gives_every_figure_per_currency(env: Env, tmp_path: Path) -> None:
    put_orders(env, sold(1, 10_000), sold(2, 7_000, currency="USD"))
    settle(env, tmp_path, row(1, 10_000))
    shown = settling_show.overview(env, shops=(SHOP,), period=DAY)
    assert {(r["class"], r["currency"], r["title"]) for r in shown["classes"]} == {
        ("matched", "CNY", "相符"), ("only_ours", "USD", "短款"),
    }  # fmt: skip
    assert [f["totals"] for f in shown["files"]] == [{"CNY": {"count": 1, "in": 10_000, "out": 0}}]
    assert [(a["age"], a["currency"]) for a in shown["aging"]] == [("0-7", "USD")]
    assert {x["name"] for x in settling_show.layouts(env)} >= {"taobao", "jd", "douyin", "wechat_shop"}


def test_ages_count_on_the_stores_clock(env: Env, tmp_path: Path) -> None:
    settle(env, tmp_path, row(9, 5))
    assert env.settlement.aging()[0]["age"] == "0-7"
    env.clock.advance(20 * 86_400)
    assert env.settlement.aging()[0]["age"] == "16-30"


def test_an_export_of_an_account_that_is_not_there_is_refused(env: Env, tmp_path: Path) -> None:
    with pytest.raises(UnknownThing, match="nobody"):
        settling_export.export(env, account="nobody", period=DAY, out=tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
