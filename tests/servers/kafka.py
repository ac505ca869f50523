"""A private Kafka broker (KRaft, one node): started for a test run in a folder of its own, gone with it.

Its jars are got by ``make test-servers``.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.house.source import ROOT
from tests.servers.mariadb import free_port

JARS = ROOT / ".servers" / "kafka"
START_S = 90
_CLUSTER = "b21zLXRlc3RzLWJyb2tlcg"
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{inner}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{inner}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.partitions=1
"""


def found() -> bool:
    """Whether Java and the broker's jars are on this machine."""
    return bool(shutil.which("java") and list(JARS.glob("kafka_*.jar")))


class Server:
    """A running broker."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.folder, self.port, self.process = folder, port, process

    def url(self, prefix: str = "") -> str:
        return f"kafka://127.0.0.1:{self.port}/{prefix}"

    def stop(self, *, kill: bool = False) -> None:
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        self.process.wait(60)


def _java(*words: str) -> list[str]:
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", *words]


def launch(folder: Path) -> Server:
    """Start a broker on its folder, which is made when it is not there."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    port = free_port()
    settings, log = folder / "server.properties", folder / "server.log"
    settings.write_text(_SETTINGS.format(port=port, inner=free_port(), data=folder / "data"))
    subprocess.run(
        _java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(settings)),
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(_java("kafka.Kafka", str(settings)), stdout=out, stderr=out, cwd=folder)
    server, give_up = Server(folder, port, process), time.monotonic() + START_S
    asker = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    while True:
        try:
            asker.list_topics(timeout=1)
            return server
        except KafkaException:
            if process.poll() is not None or time.monotonic() > give_up:
                process.kill()
                raise RuntimeError(f"the broker did not start: {log.read_text(errors='replace')[-2000:]}") from None


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A broker for the length of the block."""
    server = launch(folder)
    try:
        yield server
    finally:
        server.stop()
