"""oms refund"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import show, working
from oms_cli.office import done, office
from oms_cli.options import (
    By,
    Config,
    DryRun,
    Json,
    JsonLines,
    Limit,
    Reason,
    Shops,
    Top,
    example,
    group,
    names,
    numbers,
    pieces,
    some_numbers,
    who,
)

app = group("Decide refunds, take goods back and give money back.")

COLUMNS = (
    "refund_no", "order_no", "shop", "platform_refund_no", "kind", "status", "decision", "amount_minor", "currency", "asked_at",
)  # fmt: skip
Refunds = Annotated[list[str] | None, typer.Argument(metavar="REFUND", help="Refund numbers.")]
RefundsFile = Annotated[
    str, typer.Option("--refunds", metavar="FILE|-", help="Read refund numbers from a file or stdin, one per line.")
]


@app.command("list", epilog=example("oms refund list --undecided", "oms refund list --status asked --json"))
def list_(
    shop: Shops = None,
    status: Annotated[list[str] | None, typer.Option("--status", metavar="STATUS", help="asked, approved, done, …; repeatable.")] = None,
    undecided: Annotated[bool, typer.Option("--undecided", help="Only those that wait for our decision.")] = False,
    limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List refunds and after-sale cases."""
    with office(config) as oms:
        found = oms.list_refunds(shops=names(shop), statuses=names(status), undecided=undecided, limit=limit)
    return show(found, json=json, columns=COLUMNS)


@app.command(
    "request",
    epilog=example(
        "oms refund request ORDER --kind before_shipping --reason no_longer_wanted",
        "oms refund request ORDER --kind return --line SKU-001=1 --reason wrong_size --dry-run",
        "oms refund request ORDER --kind price_protection --amount 12.50 --reason price --key week-9",
        "oms refund request ORDER --kind exchange --line 1 --send SKU-002=1 --reason wrong_size",
    ),
)
def request(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Our order number, or the platform's.")],
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="before_shipping, return, refund_only, exchange, reship or price_protection.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="no_longer_wanted, wrong_size, not_as_described, damaged, defective, wrong_goods, missing, late, lost, price or other.")],
    line: Annotated[list[str] | None, typer.Option("--line", metavar="LINE[=PIECES]", help="Only this line, by number or merchant code; repeatable. Without pieces: all of it.")] = None,
    amount: Annotated[str, typer.Option("--amount", metavar="YUAN", help="This amount instead of what the pieces are worth.")] = "",
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="Why, in the buyer's words.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="The same key again is the same request (default: what is asked).")] = "",
    send: Annotated[list[str] | None, typer.Option("--send", metavar="SKU=PIECES", help="Exchange, reship: send these goods; repeatable.")] = None,
    difference: Annotated[str, typer.Option("--difference", metavar="YUAN", help="Exchange: what the buyer pays for dearer goods.")] = "",
    by: By = "", dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Ask for a refund, an exchange or a reship of an own order; of other orders a reship."""
    lines = pieces([w for w in line or () if "=" in w]) | {w: 0 for w in line or () if "=" not in w}
    with office(config) as oms:
        return done(
            oms.request_refund(
                order, kind=kind, lines=lines, amount=amount, reason=reason, text=text, key=key, send=pieces(send),
                difference=difference, by=who(by), dry_run=dry_run,
            ),
            json=json,
        )  # fmt: skip


@app.command("decide", epilog=example("oms refund decide", "oms refund decide --dry-run"))
def decide(
    shop: Shops = None, limit: Limit = 0, dry_run: DryRun = False, config: Config = None, json: Json = False
) -> int:
    """Decide the simple refunds by rule; the rest waits for a person."""
    with office(config) as oms, working("refund decide"):
        result = oms.decide_refunds(shops=names(shop), limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("approve", epilog=example("oms refund approve REFUND", "oms refund list --undecided --json | jq -r .refund_no | oms refund approve --refunds -"))  # fmt: skip
def approve(
    refund: Refunds = None, refunds: RefundsFile = "", reason: Reason = "", by: By = "", config: Config = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Approve refunds."""
    with office(config) as oms:
        return done(oms.approve_refunds(some_numbers(refund, refunds, "REFUND"), by=who(by), reason=reason), json=json)


@app.command("reject", epilog=example("oms refund reject REFUND --reason 'signed for two weeks ago'"))
def reject(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record and the platform.")],
    refund: Refunds = None, refunds: RefundsFile = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Refuse refunds."""
    with office(config) as oms:
        return done(oms.reject_refunds(some_numbers(refund, refunds, "REFUND"), by=who(by), reason=reason), json=json)


@app.command(
    "receive",
    epilog=example(
        "oms refund receive REFUND --good SKU-001=1 --defective SKU-002=1", "oms refund receive --file returns.csv"
    ),
)
def receive(
    refund: Annotated[str, typer.Argument(metavar="REFUND", help="Refund number; none with --file.")] = "",
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A table instead: refund_no, sku, good, defective, each in all so far.")] = None,
    good: Annotated[list[str] | None, typer.Option("--good", metavar="SKU=PIECES", help="Back into stock; repeatable.")] = None,
    defective: Annotated[list[str] | None, typer.Option("--defective", metavar="SKU=PIECES", help="Unfit for sale; repeatable.")] = None,
    final: Annotated[bool, typer.Option("--final", help="Nothing more comes: a refund of ours is lowered to the pieces that came.")] = False,
    by: By = "", dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Goods are back: pieces per SKU by grade; good ones return to stock."""
    from jobs.errors import BadRequest

    if bool(refund) == bool(file) or (file and (good or defective or final)):
        raise BadRequest("name one REFUND with --good and --defective, or a --file", hint="oms refund receive --help")
    if refund and dry_run:
        raise BadRequest("--dry-run goes with --file", hint="oms refund receive --help")
    with office(config) as oms:
        if file is not None:
            return done(oms.receive_refunds(file, by=who(by), dry_run=dry_run), json=json)
        result = oms.receive_refund(refund, good=pieces(good), defective=pieces(defective), final=final, by=who(by))
        return done(result, json=json)


@app.command(
    "pay",
    epilog=example(
        "oms refund pay", "oms refund pay --plan back.json", "oms refund pay --apply back.json",
        "oms refund pay REFUND --by-hand --ref 'transfer 20260301-17'",
    ),
)  # fmt: skip
def pay(
    refund: Refunds = None, refunds: RefundsFile = "", shop: Shops = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Write what is due as a plan.")] = None,
    apply: Annotated[Path | None, typer.Option("--apply", metavar="PLAN", help="Pay what a plan says; what changed since is skipped.")] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="It was paid in another way: record it.")] = False,
    ref: Annotated[str, typer.Option("--ref", metavar="TEXT", help="Number of the receipt or transfer, with --by-hand.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Give money back for approved refunds, through the channel it came by; without a plan it only lists what is due."""
    from jobs.errors import BadRequest

    chosen = numbers(refund, refunds)
    if by_hand and (plan or apply):
        raise BadRequest("--by-hand records what was paid already: no plan goes with it", hint="oms refund pay --help")
    if ref and not by_hand:
        raise BadRequest("--ref goes with --by-hand", hint="oms refund pay --help")
    with office(config) as oms:
        if by_hand:
            some = some_numbers(refund, refunds, "REFUND")
            return done(oms.pay_refunds_by_hand(some, ref=ref, by=who(by)), json=json)
        with working("refund pay"):
            result = oms.pay_refunds(chosen, shops=names(shop), plan_out=plan, apply=apply, by=who(by))
        return done(result, json=json)
