"""oms init: the first files of an office."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jobs.errors import BadRequest
from jobs.privacy import KEY_FILE, make_key_file
from jobs.settings import FILE_NAME

_IGNORE = "/data/\n*.key\n"

TEMPLATE = """\
# Settings of oms. What is commented out shows the default or an example; `oms config show --origin` shows what holds.
# Durations: 45s, 10m, 2h, 1d, 1h30m. Amounts: minor units (fen). Secrets: env:NAME, file:PATH or cmd:COMMAND.

# Folder of embedded stores, keys and files, relative to this file.
data = "data"

[business]
zone = "Asia/Shanghai"
currency = "CNY"

# Each store is SQLite in the data folder unless it has a URL.
# [stores]
# orders = "sqlite:/srv/oms/orders.db"

# One section per place that ships: warehouse, store or factory.
[warehouses.main]
title = "Main warehouse"
kind = "warehouse"
# regions = ["浙江", "上海"]      # served first
# priority = 100                # smaller is preferred
# carrier = "SF"

# One section per shop; its name is only a name. The seller's id at the platform never changes.
# [shops.tmall-flagship]
# platform = "taobao"           # oms shop list --platforms
# seller_id = "2200000000"
# app_key = "12345678"
# app_secret = "env:TMALL_SECRET"
# every = "10m"
# levels = { share = 0.9, cap = 500 }

# Rules that hold an order until a person releases it.
# [audit]
# amount_above = { CNY = 500000 }
# remark_patterns = ["赠品", "发票"]
# address_words = ["自提"]

# [merge]
# window = "30m"                # how long an order waits for others of the same buyer and address
# press = "4h"                  # not longer when ship_by is nearer than this

# Collecting for orders of our own. Each payment channel has a file of its own in this folder, ALIAS.toml with mode 600,
# which says channel, merchant_id, app_id, notify_url, and its keys as file:, env: or cmd:. They are read when they
# are used, so that a changed key needs no restart.
# [payments]
# channels = "channels"
# expires = "15m"               # how long a buyer may pay

# Who is told: a group robot's webhook, or an SMS gateway.
# [[notify.targets]]
# kind = "robot"
# url = "env:OMS_ROBOT_URL"
# severity = "warning"
"""


def init(folder: Path) -> dict[str, Any]:
    """Write oms.toml, the data folder, a key file and .gitignore into `folder`; what is there already stays.

    Returns:
        folder, made (paths written) and kept (paths that were there).

    Raises:
        BadRequest: there is an oms.toml already; nothing was written.
    """
    folder = folder.expanduser().absolute()
    settings = folder / FILE_NAME
    if settings.exists():
        raise BadRequest(
            f"{settings} is there already; nothing was written", hint=f"oms config check --config {settings}"
        )
    made: list[str] = []
    kept: list[str] = []
    (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
    key = folder / "data" / KEY_FILE
    (made if make_key_file(key) else kept).append(str(key))
    ignore = folder / ".gitignore"
    (made if _write_new(ignore, _IGNORE, 0o644) else kept).append(str(ignore))
    # last: while it is missing, the command can be typed again
    _write_new(settings, TEMPLATE, 0o600)
    made.append(str(settings))
    return {"folder": str(folder), "made": made, "kept": kept, "next": f"oms doctor --config {settings}"}


def _write_new(path: Path, text: str, mode: int) -> bool:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
