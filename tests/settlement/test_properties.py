"""For any books and any statements: importing and matching again changes nothing, undo restores the books to the letter."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import settling, settling_decide
from jobs.env import Env
from stores.records.settlement import OPEN_CLASSES
from tests.factories import put_orders
from tests.settlement.office import DAY, SHOP, an_office, books, ledger, row, sold

#: order, amount: few of both, so that they meet, differ, double and miss each other
ORDERS = st.dictionaries(st.integers(1, 6), st.sampled_from([1_000, 1_001, 2_000]), max_size=6)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 7), st.sampled_from([1_000, 1_001, 2_000, -500]), st.sampled_from(["交易付款", "交易退款", "收费", "提现"]),
        st.integers(0, 2),
    ),
    max_size=10,
)  # fmt: skip
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def made(rows: list[tuple[int, int, str, int]]) -> list[list[str]]:
    return [row(n, minor, kind=kind, ref=f"2026{n}{minor}{kind_no(kind)}{twin}") for n, minor, kind, twin in rows]


def kind_no(kind: str) -> int:
    return ["交易付款", "交易退款", "收费", "提现"].index(kind)


def settle(env: Env, folder: Path, rows: Any, name: str, **more: Any) -> None:
    settling.platform(env, [ledger(folder / name, made(rows))], account=SHOP, period=DAY, **more)


@QUICK
@given(orders=ORDERS, first=ROWS, second=ROWS)
def test_importing_and_matching_again_changes_nothing(
    orders: dict[int, int], first: list[Any], second: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        env = an_office(Path(name))
        try:
            put_orders(env, *(sold(n, minor) for n, minor in orders.items()))
            settle(env, env.root, first, "a.csv")
            settle(env, env.root, second, "b.csv")
            before = books(env)
            settle(env, env.root, first, "c.csv")
            settle(env, env.root, second, "d.csv")
            settling.recheck(env)
            assert books(env) == before
            check_books(env)
        finally:
            env.close()


@QUICK
@given(orders=ORDERS, late=ORDERS, first=ROWS, second=ROWS, assigned=st.booleans())
def test_undo_restores_the_books_to_the_letter_act_by_act(
    orders: dict[int, int], late: dict[int, int], first: list[Any], second: list[Any], assigned: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        env = an_office(Path(name))
        try:
            put_orders(env, *(sold(n, minor) for n, minor in orders.items()))
            seen = {0: books(env)}
            for step, rows in enumerate((first, second)):
                settle(env, env.root, rows, f"{step}.csv", match=False)
                seen[_newest(env)] = books(env)
                settling.platform(env, [], account=SHOP, period=DAY)
                seen[_newest(env)] = books(env)
                if assigned and env.settlement.suspense():
                    settling_decide.assign(
                        env, [], account=SHOP, classes=OPEN_CLASSES, owner="li", reason=f"r{step}", by="li"
                    )
                    seen[_newest(env)] = books(env)
                put_orders(env, *(sold(n, minor) for n, minor in late.items() if n not in orders and not step))
            while env.settlement.acts(account=SHOP):
                assert books(env) == seen[_newest(env)]
                if env.settlement.acts(account=SHOP, limit=1)[0].kind != "import":
                    check_books(env)
                settling_decide.undo(env, account=SHOP, by="li")
            assert books(env) == seen[0]
        finally:
            env.close()


def _newest(env: Env) -> int:
    found = env.settlement.acts(account=SHOP, limit=1)
    return found[0].act_id if found else 0


def check_books(env: Env) -> None:
    """Each line is in one place: repeated from another file, in one match, or open; sums over the places are the files'."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, values in env.settlement.dump():
        tables.setdefault(table, []).append(values)
    lines = {x["line_id"]: x for x in tables.get("statement_lines", [])}
    matched = [m["ref_id"] for m in tables.get("match_members", []) if m["side"] == "line"]
    differing = ("amount_differs", "status_differs")
    opened = [s["ref_id"] for s in tables.get("suspense", []) if s["side"] == "line" and s["class_"] not in differing]
    repeats = [i for i, x in lines.items() if x["doubled_of"]]
    assert sorted(matched + opened + repeats) == sorted(lines)
    whole = sum(t["in"] + t["out"] for f in env.settlement.files() for t in f.totals.values())
    assert whole == sum(x["amount_minor"] for x in lines.values())
    stated = sum(r["stated_minor"] for r in env.settlement.summary())
    assert stated == whole - sum(lines[i]["amount_minor"] for i in repeats)
