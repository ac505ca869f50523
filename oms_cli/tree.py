"""The table of contents: every top-level command with its chapter and its line of help, so that `oms --help` loads none."""

from __future__ import annotations

#: chapter → ((command, line of help), ...); the file is `oms_cli/commands/<command>.py`
CHAPTERS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Begin",
        (
            ("init", "Write a commented oms.toml, a data folder and a key file."),
            ("demo", "Play a day at marketplaces on this machine, and prove it."),
            ("doctor", "Check settings, keys, stores, clocks, tokens and locks."),
            ("status", "Where everything stands: shops, stages, what waits and what is late."),
            ("config", "Show the settings with their origins, or check them."),
        ),
    ),
    (
        "The chain",
        (
            ("sync", "Pull orders and refunds into the inbox, and prove that nothing is missing."),
            ("push", "Turn documents into orders; tell platforms about parcels and stock."),
            ("order", "List, explain, audit, source and complete orders."),
            ("merge", "Put orders of one buyer and address into one parcel."),
            ("parcel", "Hand parcels to the warehouse, take waybills back, ship."),
        ),
    ),
    (
        "Stock, returns, proof",
        (
            ("stock", "Show, count, adjust and move stock."),
            ("warehouse", "The places that ship."),
            ("pay", "Collect the money of our own orders."),
            ("refund", "Decide refunds, take goods back and give money back."),
            ("reconcile", "Compare what should agree, and repair by plan."),
            ("settle", "Settle with platforms and suppliers."),
            ("report", "A day's or a week's figures: terminal, JSON, spreadsheet, page."),
        ),
    ),
    (
        "The house",
        (
            ("shop", "The shops, their platforms and their access tokens."),
            ("jobs", "The job catalogue, its runs, locks, cron lines and what is parked."),
            ("alerts", "What an operator must know."),
            ("db", "Upgrade and check the stores; delete payloads after their time."),
            ("sandbox", "A marketplace on this machine to try settings against."),
            ("completion", "Print the completion script of a shell."),
        ),
    ),
)

LINES: dict[str, str] = {name: line for _, commands in CHAPTERS for name, line in commands}
