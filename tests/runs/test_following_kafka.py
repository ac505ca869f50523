"""A promotion is near and a topic gets more partitions while workers follow it: nothing that matters is reordered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.env import Env
from jobs.following import STAGES, follow
from jobs.telling import RECEIVED
from stores.records import Progress
from tests.fulfilment import number_of
from tests.laws.market import check_day, office, orders, play, reopened, settle
from tests.servers import kafka
from tests.stores.test_kafka_bus import topics

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not kafka.found(), reason="java or the broker's jars are not here: make test-servers"),
]

DOCUMENTS = orders(30)
KEYS = [f"orders:taobao:2200001:{d.platform_order_no}" for d in DOCUMENTS]
NUMBERS = [number_of(d.platform_order_no) for d in DOCUMENTS]
WAIT_S = 90


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.Server]:
    with kafka.running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


def test_partitions_may_be_added_while_workers_follow(tmp_path: Path, server: kafka.Server) -> None:
    url = server.url("grown.")
    for stage in STAGES.values():
        topics(url, stage.topic, 1)
    o = office(tmp_path, stores={"bus": url})
    workers: list[tuple[Env, threading.Thread]] = []
    for job in ("push orders", "order audit", "order source"):
        env = reopened(o, stores={"bus": url}).env
        workers.append((env, threading.Thread(target=follow, args=(env, job))))
        workers[-1][1].start()
    try:
        o.market.sells(*DOCUMENTS)
        play(o, "sync")
        for partitions in (2, 4, 8):
            for stage in STAGES.values():
                topics(url, stage.topic, partitions)
            # what was told before is told again: to the partitions that there are now
            teller = o.env.teller
            teller.tell((RECEIVED, key) for key in KEYS)
        end = time.monotonic() + WAIT_S
        while [h.progress for h in o.env.orders.heads(NUMBERS).values()] != [Progress.SOURCED] * len(NUMBERS):
            assert time.monotonic() < end and all(thread.is_alive() for _, thread in workers)
            time.sleep(0.1)
    finally:
        for env, thread in workers:
            env.stop.set()
            thread.join(30)
            env.close()
    for number in NUMBERS:
        steps = [s.to_state for s in o.env.orders.history(number)]
        assert steps == [Progress.CREATED, Progress.AUDITED, Progress.SOURCED], steps
    settle(o)
    check_day(o, DOCUMENTS)
    o.env.close()
