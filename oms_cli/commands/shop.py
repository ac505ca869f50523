"""oms shop"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from oms_cli.console import show
from oms_cli.office import office
from oms_cli.options import Config, Json, JsonLines, example, group

app = group("The shops, their platforms and their access tokens.")


@app.command("list", epilog=example("oms shop list", "oms shop list --platforms"))
def list_(
    platforms: Annotated[bool, typer.Option("--platforms", help="List the platforms there are instead.")] = False,
    config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List the shops of the settings with their marks and tokens, or the platforms that oms knows."""
    with office(config) as oms:
        if platforms:
            return show(oms.platforms(), json=json, columns=("name", "title", "zone", "currency", "source"))
        return show(oms.shops(), json=json)


@app.command("token", epilog=example("oms shop token tmall-flagship", "oms shop token jd-main --renew", "pass show jd/token | oms shop token jd-main --store --expires-in 30d"))  # fmt: skip
def token(
    shop: Annotated[str, typer.Argument(metavar="SHOP", help="Its name in the settings.")],
    renew: Annotated[bool, typer.Option("--renew", help="Renew it at the platform.")] = False,
    store: Annotated[bool, typer.Option("--store", help="Store the one read from stdin: access token, then refresh token, one per line.")] = False,
    expires_in: Annotated[str, typer.Option("--expires-in", metavar="DURATION", help="Its life from now: 12h, 30d; none: it does not end.")] = "",
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Show when a shop's access token ends, renew it, or store one. The token itself is never shown."""
    access, refresh = _read_tokens() if store else ("", "")
    with office(config) as oms:
        return show(
            oms.shop_token(shop, renew=renew, access=access, refresh=refresh, expires_in_s=_seconds(expires_in)),
            json=json,
        )


def _read_tokens() -> tuple[str, str]:
    """Tokens come by stdin: on a command line every user of the machine could read them."""
    from jobs.errors import BadRequest

    words = sys.stdin.read().split()
    if not words:
        raise BadRequest("--store reads the access token from stdin, and nothing came", hint="oms shop token --help")
    return words[0], words[1] if len(words) > 1 else ""


def _seconds(text: str) -> float:
    from jobs.errors import BadRequest
    from jobs.schema import duration_s

    try:
        return duration_s(text) if text else 0.0
    except ValueError as error:
        raise BadRequest(str(error)) from error
