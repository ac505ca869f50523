"""oms settle"""

from __future__ import annotations

from oms_cli import suppliers
from oms_cli.options import group

app = group("Settle with platforms and suppliers.")
app.add_typer(suppliers.app, name="supplier")
