"""``python -m tests.servers.day``: the demo's day on servers started for it, MariaDB, Redis and, where it is there, Kafka.

Whatever else is said is handed to ``oms demo``. Its exit code is ours.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from tests.servers import kafka, mariadb, redis

ON_MARIADB = ("orders", "inbox", "ledger", "reports", "stock_books")


def main() -> int:
    """Start the servers, play the day, stop them."""
    missing = [name for name, server in (("mariadbd", mariadb), ("redis-server", redis)) if not server.found()]
    if missing:
        sys.stderr.write(f"not here: {', '.join(missing)}. Type:  make servers\n")
        return 2
    with ExitStack() as open_, tempfile.TemporaryDirectory(prefix="oms-servers-") as name:
        place = Path(name)
        for part in ("mariadb", "redis", "kafka"):
            (place / part).mkdir()
        maria = open_.enter_context(mariadb.running(place / "mariadb"))
        cache = open_.enter_context(redis.running(place / "redis"))
        urls = {store: maria.create(f"oms_{store}") for store in ON_MARIADB} | {"stock": cache.url()}
        if kafka.found() and find_spec("confluent_kafka"):
            urls["bus"] = open_.enter_context(kafka.running(place / "kafka")).url()
        else:
            urls["bus"] = cache.url(1)
        for store, url in sorted(urls.items()):
            sys.stderr.write(f"{store:12} {url.partition(':')[0]}\n")
        words = [word for store, url in urls.items() for word in ("--store", f"{store}={url}")]
        return subprocess.run([sys.executable, "-m", "oms_cli", "demo", *words, *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
