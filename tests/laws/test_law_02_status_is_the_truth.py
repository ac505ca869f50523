"""Law 2: the status column is the truth, an event is a hint. Nothing waits for an event; a wrong hint changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stores
from adapters.documents import OrderDocument
from jobs import audit, merge, push, ship, source
from jobs.errors import UnknownThing
from jobs.following import STAGES as STAGES_OF
from jobs.telling import RECEIVED, topic
from stores.contracts import Event
from stores.records import ParcelState, Progress
from tests.factories import T0
from tests.fulfilment import books, number_of
from tests.laws.market import STAGES, Office, check_day, office, orders, play, reopened, settle

DOCUMENTS = orders(6)
NUMBERS = [number_of(d.platform_order_no) for d in DOCUMENTS]
CHAIN = list(STAGES)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path)
    made.market.sells(*DOCUMENTS)
    yield made
    made.env.close()


@pytest.mark.parametrize("stage", CHAIN[1:-1])
def test_a_process_that_was_told_nothing_finds_all_that_waits_for_its_stage(shop: Office, stage: str) -> None:
    """Whoever did the stages before is gone, and no event of theirs was kept: the stage works from the stores alone."""
    play(shop, *CHAIN[: CHAIN.index(stage)])
    fresh = reopened(shop)
    before = _waiting(fresh)
    play(fresh, stage)
    assert before and not before & _waiting(fresh), f"{stage} left something of {before}"
    fresh.env.close()


def _waiting(o: Office) -> set[tuple[str, str]]:
    """Everything in the chain with the word of its status column."""
    env = o.env
    inbox = {(key, "inbox:" + e.status) for key, e in env.inbox.get(_keys()).items() if e.status == "waiting"}
    heads = {(no, "order:" + h.progress) for no, h in env.orders.heads(NUMBERS).items() if h.progress != "shipped"}
    parcels = {(p.parcel_no, "parcel:" + p.state) for p in env.orders.find_parcels() if p.state != ParcelState.SHIPPED}
    told = {(e.key, "effect:" + e.state) for e in env.ledger.effects(state="intent")}
    # an order waits for its parcel while that is packed: then the parcel's own status says so
    return inbox | told | (parcels or heads)


def _keys() -> list[str]:
    return [f"orders:taobao:2200001:{d.platform_order_no}" for d in DOCUMENTS]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hints=st.lists(st.sampled_from([*CHAIN, "arrive"]), max_size=20), arrivals=st.permutations(range(6)))
def test_stages_fired_in_any_order_and_number_come_to_the_same_end(hints: list[str], arrivals: list[int]) -> None:
    """Events dropped, doubled and turned round are stages that are not run, run twice and run in the wrong order."""
    with TemporaryDirectory() as folder:
        o = office(Path(folder))
        left = [DOCUMENTS[i] for i in arrivals]
        for hint in hints:
            if hint == "arrive":
                o.market.sells(*[placed(left.pop(), o) for _ in left[:1]])
            else:
                play(o, hint)
        o.market.sells(*[placed(d, o) for d in left])
        settle(o, rounds=2)
        check_day(o, DOCUMENTS)
        o.env.close()


def placed(document: OrderDocument, o: Office) -> OrderDocument:
    """The order as it is when it is placed now."""
    return msgspec.structs.replace(document, modified_at=o.env.clock.now())


def test_hints_about_orders_that_are_elsewhere_change_nothing(shop: Office) -> None:
    play(shop, *CHAIN[: CHAIN.index("merge")])
    before = books(shop.env)
    doubled = [*reversed(NUMBERS), *NUMBERS]
    assert audit.audit(shop.env, orders=doubled).counts == {"skipped": len(NUMBERS)}
    assert source.source(shop.env, orders=doubled).counts == {"skipped": len(NUMBERS)}
    assert books(shop.env) == before
    with pytest.raises(UnknownThing):
        audit.audit(shop.env, orders=["0" * 37])
    assert books(shop.env) == before


def test_every_consumer_run_again_and_again_moves_nothing_twice(shop: Office) -> None:
    settle(shop, rounds=1)
    before, steps = books(shop.env), [len(shop.env.orders.history(no)) for no in NUMBERS]
    for _ in range(2):
        push.push(shop.env)
        audit.audit(shop.env)
        source.source(shop.env)
        merge.merge(shop.env)
        ship.ship(shop.env)
        play(shop, "notices")
    assert books(shop.env) == before
    assert [len(shop.env.orders.history(no)) for no in NUMBERS] == steps
    check_day(shop, DOCUMENTS)


def lie(bus: Any, *numbers: str) -> None:
    """Events of things that never were, of the wrong stage, doubled and back to front."""
    topics = [RECEIVED, *(topic(p) for p in Progress)]
    events = [Event(topic=t, key=n, at=T0) for t in reversed(topics) for n in (*reversed(numbers), *numbers, "nobody")]
    bus.publish(events)


@pytest.mark.parametrize("told", ["lies", "nothing"])
def test_with_a_bus_that_lies_or_forgets_the_day_is_the_same(tmp_path: Path, told: str) -> None:
    url = f"sqlite:{tmp_path / 'bus.db'}"
    o = office(tmp_path / "office", stores={"bus": url})
    o.market.sells(*DOCUMENTS)
    for stage in CHAIN:
        bus = stores.open_bus(url, clock=o.env.clock)
        if told == "lies":
            lie(bus, *NUMBERS)
        else:
            for job, stage_of in STAGES_OF.items():
                taken = bus.take(stage_of.topic, job, limit=1000)
                bus.acknowledge(stage_of.topic, job, [i for i, _ in taken])
        bus.close()
        play(o, stage)
    check_day(o, DOCUMENTS)
    o.env.close()


def test_the_same_event_taken_twice_is_acknowledged_once(tmp_path: Path) -> None:
    """The bus itself repeats until it is told: whoever dies between work and word gets the event again."""
    o = office(tmp_path)
    bus = stores.open_bus(f"sqlite:{tmp_path / 'bus.db'}", clock=o.env.clock)
    bus.publish([Event(topic="created", key=NUMBERS[0], at=T0)])
    [(first, event)] = bus.take("created", "audit", limit=10)
    [(again, same)] = bus.take("created", "audit", limit=10)
    assert (first, event) == (again, same)
    bus.acknowledge("created", "audit", [first])
    assert bus.take("created", "audit", limit=10) == [] and bus.backlog("created", "audit") == 0
    bus.close()
    o.env.close()
