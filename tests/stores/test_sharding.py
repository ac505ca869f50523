"""Every table has its mark, and what is sharded can be: its route key is part of each unique constraint."""

import pytest
import sqlalchemy as sa

from jobs.rules import numbers
from sql import sharding, versions

TABLES = {t.name: t for store in versions.HEADS for t in versions.metadata_of(store).tables.values()}


def test_marks_and_tables_are_the_same_set() -> None:
    assert set(sharding.MARKS) == set(TABLES)


@pytest.mark.parametrize("name", [n for n, m in sharding.MARKS.items() if m.how == "sharded"])
def test_unique_constraints_contain_the_route_key(name: str) -> None:
    by, table = sharding.MARKS[name].by, TABLES[name]
    assert by in {c.name for c in table.primary_key.columns}
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            assert by in {c.name for c in constraint.columns}
    assert all(by in {c.name for c in index.columns} for index in table.indexes if index.unique)


def test_only_the_three_ways_are_used() -> None:
    assert {m.how for m in sharding.MARKS.values()} <= {"sharded", "single", "broadcast"}
    assert all(bool(m.by) == (m.how == "sharded") for m in sharding.MARKS.values())


def test_an_order_and_its_refund_route_to_the_same_table() -> None:
    order = numbers.order_no("taobao", "2200001", "3890012345678901234")
    refund = numbers.refund_no("taobao", "2200001", "180001", order)
    assert sharding.shard_of(order) == sharding.shard_of(refund) == (int(order[-3:]) // 64, int(order[-3:]) % 64)
