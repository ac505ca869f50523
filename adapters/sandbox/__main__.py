"""`python -m adapters.sandbox`: serve a world until SIGTERM."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapters.sandbox import traits
from adapters.sandbox.faults import PLANS
from adapters.sandbox.making import Wish, read_platforms
from adapters.sandbox.pay import CHANNELS
from adapters.sandbox.pay.planting import KINDS
from adapters.sandbox.runner import serve


def main() -> None:
    """Read the command line and serve."""
    usual = Wish()
    parser = argparse.ArgumentParser(
        prog="python -m adapters.sandbox", description="A marketplace world on this machine."
    )
    parser.add_argument("--folder", type=Path, required=True, help="where sandbox.json, book.jsonl and orders.jsonl go")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--orders", type=int, default=usual.orders)
    parser.add_argument("--platforms", default=",".join(usual.platforms), help=f"of {', '.join(traits.names())}")
    parser.add_argument("--start", default=usual.start, help="ISO time with an offset; the world's first second")
    parser.add_argument("--hours", type=float, default=usual.hours, help="how long orders keep coming")
    parser.add_argument("--faults", default=usual.faults, help=f"none, all, or of {', '.join(PLANS)}")
    parser.add_argument("--skus", type=int, default=usual.skus)
    parser.add_argument(
        "--delay", type=float, default=usual.delay_s, help="seconds the fault timeout holds answers back"
    )
    parser.add_argument("--rate", type=float, default=usual.rate, help="calls a second; 0: each platform's own rate")
    parser.add_argument(
        "--differences", type=float, default=usual.differences, help="chance that a statement tells an order wrongly"
    )
    parser.add_argument(
        "--channels", default=",".join(CHANNELS), help=f"payment channels, of {', '.join(CHANNELS)}; empty: none"
    )
    parser.add_argument(
        "--bills",
        default=usual.bills,
        help=f"differences planted into bills: none, all, or of {', '.join(KINDS)}, as fee=0.1",
    )
    parser.add_argument(
        "--countries", default="", help="where a platform's shop sells, if elsewhere than usual: shopee=VN, with commas"
    )
    words = parser.parse_args()
    wish = Wish(
        seed=words.seed,
        orders=words.orders,
        platforms=read_platforms(words.platforms),
        start=words.start,
        hours=words.hours,
        faults=words.faults,
        skus=words.skus,
        delay_s=words.delay,
        rate=words.rate,
        differences=words.differences,
        channels=read_platforms(words.channels),
        bills=words.bills,
        countries=read_platforms(words.countries),
    )
    try:
        serve(words.folder, wish, words.port)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
