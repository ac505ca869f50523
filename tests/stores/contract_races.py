"""Races by racing: what several processes do at once in the stores of any engine. An engine's test gives `place`."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import stores
from stores.privacy import Privacy
from stores.records import Progress
from tests.stores.clocks import FixedClock
from tests.stores.contract_inbox import item
from tests.stores.contract_orders import a_change, a_new, number
from tests.stores.contract_payments import all_paid

_HEAD = """
import sys, stores
from datetime import UTC, datetime
from stores.contracts import Change
from stores.privacy import Privacy
from stores.records import Progress

class Clock:
    def now(self): return datetime.now(UTC)

url, name = sys.argv[1:3]
more = {"clock": Clock(), "privacy": Privacy([b"k" * 32])}
say = lambda text: (sys.stdout.write(text + "\\n"), sys.stdout.flush())
def ready():
    say("ready")
    sys.stdin.readline()
"""

_CLAIM_ORDERS = (
    _HEAD
    + """
store = stores.open_orders(url, **more)
ready()
while True:
    claimed = store.claim(Progress.CREATED, limit=5, lease_s=600, worker=name)
    if not claimed.orders:
        break
    moves = [Change(order_no=f.order.order_no, expect=f.order.version, to=Progress.AUDITED, reason=name, token=claimed.token)
             for f in claimed.orders]
    assert all(o.result == "done" for o in store.apply(moves, run_id=name))
    say("\\n".join(f.order.order_no for f in claimed.orders))
store.close()
"""
)

_CLAIM_INBOX = (
    _HEAD
    + """
store = stores.open_inbox(url, **more)
ready()
while True:
    token, found = store.claim("orders", limit=5, lease_s=600, worker=name)
    if not found:
        break
    assert all(o.ok for o in store.settle(token, [(e.key, "pushed", "added", {}) for e in found]))
    say("\\n".join(e.key for e in found))
store.close()
"""
)

_MOVE = (
    _HEAD
    + """
store = stores.open_orders(url, **more)
ready()
for n in range(40):
    no = f"ORDER{n:032d}"
    if store.apply([Change(order_no=no, expect=1, to=Progress.AUDITED, reason=name)], run_id=name)[0].result == "done":
        say(no)
store.close()
"""
)

_LEASE = (
    _HEAD
    + """
store = stores.open_ledger(url, **more)
ready()
for n in range(30):
    lease = store.acquire(f"job:{n}", holder=name, ttl_s=600)
    if lease:
        say(f"job:{n}")
store.close()
"""
)


_DIE = (
    _HEAD
    + """
import os
from stores import orders_adding
from tests.stores.contract_orders import a_new
store = stores.open_orders(url, **more)
many = orders_adding.many
def stop(connection, statement, rows):
    if statement.startswith("INSERT INTO history"):
        os._exit(7)
    return many(connection, statement, rows)
orders_adding.many = stop
store.add([a_new(n) for n in range(5)], run_id="r")
"""
)


def race(script: str, url: str, names: str = "pqr") -> list[list[str]]:
    """Start one process per name, let all go at once, and return what each printed."""
    words = [sys.executable, "-c", script, url]
    racers = [subprocess.Popen([*words, n], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in names]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=120)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(racers)
    return said


_RESERVE = (
    _HEAD
    + """
from stores.records import Ask
store = stores.open_stock(url, clock=more["clock"])
ready()
granted = 0
for n in range(60):
    no = f"{name}-{n}"
    asks = [Ask(reservation_id=f"{no}:1", order_no=no, attempt=1, warehouse="W1", items=(("A", 1), ("B", 1)))]
    granted += store.reserve(asks, run_id="r")[0].granted
say(str(granted))
store.close()
"""
)

_SWAP = (
    _HEAD
    + """
store = stores.open_ledger(url, **more)
ready()
for _ in range(30):
    while True:
        old = store.value("n")
        if store.swap("n", old, str(int(old or 0) + 1)):
            break
store.close()
"""
)

_ADD = (
    _HEAD
    + """
from tests.stores.contract_orders import a_new
store = stores.open_orders(url, **more)
ready()
for n in range(0, 90, 3):
    start = 1000 * ord(name) + n
    assert all(o.result == "done" for o in store.add([a_new(start + i) for i in range(3)], run_id=name))
store.close()
"""
)


_ASK_BACK = (
    _HEAD
    + """
from tests.stores.contract_payments import a_back
store = stores.open_orders(url, **more)
ready()
for n in range(30):
    own = "pqr".index(name) * 30 + n
    if store.add_backs([a_back(own, 1, 1, 70)], run_id=name, reason="race")[0].result == "done":
        say(f"B{own:03d}")
store.close()
"""
)

_PAY = (
    _HEAD
    + """
from tests.stores.contract_orders import a_change
from tests.stores.contract_payments import a_payment, paid
store = stores.open_orders(url, **more)
ready()
for n in range(1, 21):
    if store.add_payments([a_payment(n, n)], run_id=name, reason="race")[0].result == "done":
        say(f"asked-{n}")
    change = paid(n, n, order=a_change(n, to=Progress.CREATED))
    if store.apply_payments([change], run_id=name)[0].result == "done":
        say(f"paid-{n}")
store.close()
"""
)


class RacesContract:
    """`place`: a store's name → the URL of an empty database for it."""

    def test_processes_claiming_orders_move_each_once(self, place: Callable[[str], str]) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        store.add([a_new(n) for n in range(120)], run_id="r")
        said = race(_CLAIM_ORDERS, url)
        assert sorted(no for part in said for no in part) == [number(n) for n in range(120)]
        assert store.counts() == {("flag", "audited"): 120}
        assert all(len(store.history(number(n))) == 2 for n in range(120))
        store.close()

    def test_processes_claiming_documents_settle_each_once(self, place: Callable[[str], str]) -> None:
        url = place("inbox")
        store = stores.open_inbox(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        store.put([item(f"{n:03d}") for n in range(120)])
        said = race(_CLAIM_INBOX, url)
        assert sorted(key for part in said for key in part) == [item(f"{n:03d}").key for n in range(120)]
        assert store.counts() == {("tmall", "orders", "pushed"): 120}
        store.close()

    def test_of_processes_that_read_the_same_version_one_writes(self, place: Callable[[str], str]) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        store.add([a_new(n) for n in range(40)], run_id="r")
        said = race(_MOVE, url)
        assert sorted(no for part in said for no in part) == [number(n) for n in range(40)]
        store.close()

    def test_processes_asking_money_back_get_no_more_than_was_paid(self, place: Callable[[str], str]) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        all_paid(store, 1)
        said = race(_ASK_BACK, url)
        # 1,000 were paid: fourteen times 70, and nobody gets the last 20
        assert sum(map(len, said)) == 14
        [payment] = store.find_payments()
        assert (payment.paid_minor, payment.promised_minor, payment.backed_minor) == (1000, 980, 0)
        assert sorted(b.back_no for b in store.find_backs()) == sorted(no for part in said for no in part)
        store.close()

    def test_of_processes_that_collect_one_order_one_asks_and_one_is_told_that_it_was_paid(
        self, place: Callable[[str], str]
    ) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        store.add([a_new(n, progress=Progress.UNPAID, paid_at=None) for n in range(1, 21)], run_id="r")
        said = race(_PAY, url)
        once = [f"{what}-{n}" for what in ("asked", "paid") for n in range(1, 21)]
        assert sorted(word for part in said for word in part) == sorted(once)
        assert {len(store.history(number(n))) for n in range(1, 21)} == {2}
        store.close()

    def test_of_processes_that_want_a_lease_one_gets_it(self, place: Callable[[str], str]) -> None:
        url = place("ledger")
        store = stores.open_ledger(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        said = race(_LEASE, url)
        assert sorted(name for part in said for name in part) == sorted(f"job:{n}" for n in range(30))
        assert {lease.name: lease.token for lease in store.leases()} == {f"job:{n}": 1 for n in range(30)}
        store.close()

    def test_a_process_that_dies_within_a_batch_leaves_nothing_of_it(self, place: Callable[[str], str]) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        root = Path(stores.__file__).parent.parent
        died = subprocess.run([sys.executable, "-c", _DIE, url, "p"], timeout=60, cwd=root)
        assert died.returncode == 7
        assert list(store.dump()) == []
        assert store.add([a_new(1)], run_id="r")[0].result == "done"
        assert store.apply([a_change(1, to=Progress.AUDITED)], run_id="r")[0].ok
        store.close()

    def test_processes_racing_for_the_last_pieces_grant_exactly_what_there_is(
        self, place: Callable[[str], str]
    ) -> None:
        url, clock = place("stock"), FixedClock()
        store = stores.open_stock(url, clock=clock)
        store.count(
            [("A", "W1", "A", 70, clock.now()), ("B", "W1", "B", 500, clock.now())], run_id="r", reason="opening"
        )
        assert sum(int(n) for part in race(_RESERVE, url) for n in part) == 70
        assert {level.sku: level.available for level in store.levels()} == {"A": 0, "B": 430}
        assert sum(e.held for batch in store.journal() for e in batch if e.sku == "A") == 70
        store.close()

    def test_processes_that_swap_lose_no_step(self, place: Callable[[str], str]) -> None:
        url = place("ledger")
        store = stores.open_ledger(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        race(_SWAP, url)
        assert store.value("n") == "90"
        store.close()

    def test_who_reads_the_feed_while_processes_write_misses_nothing(self, place: Callable[[str], str]) -> None:
        url = place("orders")
        store = stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))
        seen: list[str] = []
        cursor, over = "", threading.Event()

        def follow() -> None:
            nonlocal cursor
            while True:
                ended = over.is_set()
                batches, cursor = store.feed(cursor)
                seen.extend(no for _, numbers in batches for no in numbers)
                if ended and not batches:
                    return

        reader = threading.Thread(target=follow)
        reader.start()
        race(_ADD, url)
        over.set()
        reader.join(60)
        assert sorted(seen) == [number(1000 * ord(name) + n) for name in "pqr" for n in range(90)]
        store.close()
