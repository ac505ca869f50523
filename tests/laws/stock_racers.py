"""What racing processes do to one stock store; each runs in a process of its own."""

from __future__ import annotations

import random
from pathlib import Path

from jobs.env import Env
from stores.records import Ask, Reservation, StockMove

SKUS = ("A", "B")


def shopper(env: Env, me: str, rounds: int) -> None:
    """Hold, give back and ship at random, asking everything twice as one does whose answers get lost."""
    dice, stock = random.Random(me), env.stock
    for n in range(rounds):
        no = f"{me}-{n}"
        items = tuple((sku, dice.randint(1, 3)) for sku in dice.sample(SKUS, dice.randint(1, 2)))
        ask = Ask(reservation_id=f"{no}:1", order_no=no, attempt=1, warehouse="W", items=tuple(sorted(items)))
        answers = [stock.reserve([ask], run_id=me)[0] for _ in range(2)]
        if not answers[0].granted:
            assert answers[0].missing or answers[1].granted
            _restock(env, f"{no}:more", dice.randint(0, 2))
        elif dice.random() < 0.4:
            assert answers[1].granted
            assert [stock.release([(ask.reservation_id, "W")], run_id=me)[0].ok for _ in range(2)] == [True, True]
        elif dice.random() < 0.7:
            parcel = (f"P-{no}", "W", tuple((no, sku, qty) for sku, qty in ask.items))
            assert [stock.ship([parcel], run_id=me)[0].result for _ in range(2)] == ["done", "already"]


def _restock(env: Env, key: str, qty: int) -> None:
    move = StockMove(key=key, kind="adjust", warehouse="W", sku="A", on_hand=qty, at=env.clock.now())
    env.stock.move([move, move], run_id=key)


def watcher(env: Env, folder: Path, racers: int) -> None:
    """Look at one moment after another until the others are done: none may show what is not there."""
    while len(list(folder.glob("*.done"))) < racers:
        snapshot = env.stock.snapshot()
        told = {sku: [0, 0] for sku in SKUS}
        for part in env.stock.journal(until=snapshot.position):
            for e in part:
                told[e.sku][0] += e.on_hand
                told[e.sku][1] += e.held
        for level in snapshot.levels:
            assert level.on_hand >= level.held >= 0, level
            assert [level.on_hand, level.held] == told[level.sku], "counter and journal are not one step"


def trier(env: Env, folder: Path, attempts: int) -> None:
    """One order is tried again and again, with six and seven pieces in turn; there are never eight."""
    for attempt in range(2, attempts + 2):
        items = (("A", 6 + attempt % 2),)
        [answer] = env.stock.reserve(
            [Ask(reservation_id=f"o:{attempt}", order_no="o", attempt=attempt, warehouse="W", items=items)], run_id="t"
        )
        assert answer.granted, attempt
    (folder / "trier.done").touch()


def onlooker(env: Env, folder: Path) -> None:
    """At no moment does the order hold nothing, or two attempts."""
    while not (folder / "trier.done").exists():
        [level] = env.stock.levels()
        assert level.held in (6, 7), level
        states = [r.state for r in env.stock.reservations(["o"])["o"]]
        assert states.count("open") == 1, states


def open_pieces(found: list[Reservation]) -> dict[str, int]:
    """What reservations still hold, per SKU."""
    out: dict[str, int] = {}
    for r in found:
        for sku, qty in r.items:
            out[sku] = out.get(sku, 0) + qty - r.shipped.get(sku, 0)
    return out
