"""shop …: the shops of the settings, the platforms there are, and access tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from jobs.errors import BadRequest, UnknownThing
from stores.records import AuditEntry, Token

if TYPE_CHECKING:
    from jobs.env import Env


def platform_names() -> list[str]:
    """Names of all adapters, sorted."""
    from adapters.platforms import names

    return sorted(names())


def listing(env: Env) -> list[dict[str, Any]]:
    """Every shop of the settings, also the disabled ones, with what the ledger knows of it."""
    marks = env.ledger.marks()
    return [
        {
            "shop": alias,
            "platform": shop.platform,
            "seller_id": shop.seller_id,
            "enabled": shop.enabled,
            "every_s": shop.every,
            "token_until": token_until(env, alias),
            "rests_until": rests_until(env, alias),
            "frontier": min((m.frontier for k, m in marks.items() if k[0] == alias and m.frontier), default=None),
            "proven": min((m.proven for k, m in marks.items() if k[0] == alias and m.proven), default=None),
        }
        for alias, shop in sorted(env.settings.shops.items())
    ]


def token_until(env: Env, alias: str) -> datetime | None:
    """When the shop's stored access token ends; None: there is none or it does not end."""
    kept = env.ledger.token(alias)
    return kept.expires_at if kept else None


def rests_until(env: Env, alias: str) -> datetime | None:
    """Until when the shop's breaker is open; None: it is closed."""
    state = json.loads(env.ledger.value(f"breaker:{alias}") or "{}")
    until = float(state.get("until", 0.0))
    return datetime.fromtimestamp(until, UTC) if until > env.clock.now().timestamp() else None


def platforms(env: Env) -> list[dict[str, Any]]:
    """Every adapter: what it is, what it can, its options and where its facts come from."""
    import msgspec

    from adapters.platforms import find

    return [
        {
            "name": found.name,
            "title": found.title,
            "zone": str(found.zone),
            "currency": found.currency,
            "capabilities": msgspec.to_builtins(found.capabilities),
            "options": msgspec.to_builtins(dict(found.all_options())),
            "source": found.source,
        }
        for found in map(find, platform_names())
    ]


def token(
    env: Env, alias: str, *, renew: bool = False, access: str = "", refresh: str = "", expires_in_s: float = 0
) -> dict[str, Any]:
    """Show when a shop's access token ends; renew it at the platform, or store one.

    Args:
        expires_in_s: life of the stored token from now; 0: it does not end.

    Raises:
        UnknownThing: no such shop. BadRequest: renew and store at once.
        adapters.errors.AdapterError: the platform does not renew it.
    """
    if alias not in env.settings.shops:
        raise UnknownThing(f"shop {alias!r}", hint="oms shop list")
    if renew and access:
        raise BadRequest("either renew the token or store one", hint="oms shop token --help")
    if access:
        _store(env, alias, access, refresh, expires_in_s)
    elif renew:
        # the adapter renews under a lease: of several processes one asks, the others get what it got
        env.platform(alias).renew_token()
    kept = env.ledger.token(alias)
    until = kept.expires_at if kept else None
    return {
        "shop": alias,
        "stored": kept is not None,
        "fixed": bool(env.settings.shops[alias].token),
        "until": until,
        "left_s": round((until - env.clock.now()).total_seconds()) if until else None,
        "refresh_until": kept.refresh_expires_at if kept else None,
    }


def _store(env: Env, alias: str, access: str, refresh: str, expires_in_s: float) -> None:
    now = env.clock.now()
    until = now + timedelta(seconds=expires_in_s) if expires_in_s else None
    seller = env.settings.shops[alias].seller_id
    env.ledger.put_token(Token(shop=alias, access=access, refresh=refresh, expires_at=until, seller_id=seller))
    env.ledger.audit([AuditEntry(at=now, who="operator", act="store_token", ref=alias)])
