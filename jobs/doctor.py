"""oms doctor: is this office fit for work? Each check says what it looked at, what it found and what to type next."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import catalogue
from jobs.settings import Loaded, Problem, load, problems
from jobs.settings_problems import leaves, nearest
from jobs.vault import is_reference, is_secret, others_may_read, others_may_write, secret

if TYPE_CHECKING:
    from jobs.env import Env

Row = dict[str, Any]

#: a platform's clock further away than this spoils signatures
CLOCK_OFF_S = 60.0
#: a token that ends sooner is worth a word
TOKEN_SOON_DAYS = 3.0
#: share of the look-back after which a lagging mark is a danger
LOOKBACK_SHARE = 0.8


def doctor(env: Env) -> list[Row]:
    """Run every check; a check that fails itself is a finding, never the end of the others.

    Returns:
        name, ok, what, hint (empty when ok).
    """
    rows: list[Row] = []
    for name, check in _CHECKS:
        try:
            rows += check(env)
        except Exception as error:
            # whatever is broken, the other checks still say what they know
            rows.append(_broken(name, error))
    # one trouble under everything, such as a missing key, is told once
    first: dict[str, str] = {}
    return [r for r in rows if r["ok"] or first.setdefault(r["what"], r["name"]) == r["name"]]


def _broken(name: str, error: Exception) -> Row:
    known = hasattr(error, "exit_code")
    return _row(
        name, False, str(error) if known else f"{type(error).__name__}: {error}", str(getattr(error, "hint", ""))
    )


def _row(name: str, ok: bool, what: str, hint: str = "") -> Row:
    return {"name": name, "ok": ok, "what": what, "hint": "" if ok else hint}


# ---------------------------------------------------------------- settings


def settings_problems(config: str | Path | None, overrides: Mapping[str, Any]) -> list[Problem]:
    """What `oms config check` lists: everything `load` would refuse; else what adapters and files say of the settings."""
    found = problems(config, overrides)
    if found:
        return found
    loaded = load(config, overrides)
    return [*_shop_problems(loaded.settings.shops, loaded.origins), *_channel_problems(loaded)]


def _channel_problems(loaded: Loaded) -> list[Problem]:
    """What is wrong in the files of the payment channels; each is apart from the settings and from the others."""
    from jobs.env import Env

    env = Env(loaded.settings, loaded.path)
    try:
        return env.channels.problems()
    finally:
        env.close()


def _shop_problems(shops: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[Problem]:
    from adapters.platforms import find
    from jobs.shops import platform_names

    known = set(platform_names())
    for alias, shop in shops.items():
        key = f"shops.{alias}"
        if shop.platform not in known:
            where = origins.get(f"{key}.platform", "settings")
            yield Problem(where, f"{key}.platform", f"no adapter {shop.platform!r}", nearest(shop.platform, known))
            continue
        options = set(find(shop.platform).all_options())
        for name in set(shop.options) - options:
            where = origins.get(f"{key}.options.{name}", "settings")
            yield Problem(where, f"{key}.options.{name}", "unknown option", nearest(name, options))


def _settings_file(env: Env) -> Iterable[Row]:
    if env.path is None:
        return [_row("settings", False, "no oms.toml; only defaults hold", "oms init")]
    rows = [_row("settings", True, str(env.path))]
    if others_may_write(env.path):
        rows.append(_row("settings mode", False, "others may write the settings file", f"chmod go-w {env.path}"))
    literal = [".".join(k) for k in _literal_secrets(env)]
    if literal and others_may_read(env.path):
        what = f"others may read the secrets in it: {', '.join(literal)}"
        rows.append(_row("settings mode", False, what, f"chmod 600 {env.path}"))
    return rows


def _literal_secrets(env: Env) -> Iterator[tuple[str, ...]]:
    for path, value in leaves(env.settings.model_dump()):
        texts = value if isinstance(value, (list, tuple)) else [value]
        if is_secret(path) and any(isinstance(t, str) and t and not is_reference(t) for t in texts):
            yield path


def _settings_sense(env: Env) -> Iterable[Row]:
    found = list(_shop_problems(env.settings.shops, {}))
    return [_row("shops", False, str(p), "oms config check") for p in found] or [_row("shops", True, f"{len(env.settings.shops)} shops")]  # fmt: skip


def _secrets(env: Env) -> Iterable[Row]:
    """Every secret is read once; only that it could be is told."""
    for alias, shop in env.settings.shops.items():
        for field, text in (("app_secret", shop.app_secret), ("token", shop.token)):
            if text:
                yield from _try(f"secret {alias}.{field}", secret(text, env.root), "readable")
    for n, target in enumerate(env.settings.notify.targets):
        yield from _try(f"secret notify.{n}.url", secret(target.url, env.root), "readable")


def _safely(name: str, check: Callable[..., Row], *args: Any) -> Iterator[Row]:
    """One row, also when the check itself fails: any way a secret, a store or a platform can fail is a finding."""
    try:
        yield check(*args)
    except Exception as error:
        yield _broken(name, error)


def _try(name: str, act: Callable[[], object], fine: str) -> Iterator[Row]:
    def check() -> Row:
        act()
        return _row(name, True, fine)

    return _safely(name, check)


def _channels(env: Env) -> Iterable[Row]:
    """Every payment channel's file, mode and secrets; only that they could be read is told."""
    names = env.channels.names()
    if not names:
        return [_row("channels", True, f"no payment channel in {env.settings.payments.channels}/")]
    rows = [row for alias in names for row in _safely(f"channel {alias}", _channel, env, alias)]
    for path in env.channels.readable_by_others():
        what = f"others may read the secrets in {path.name}"
        rows.append(_row(f"channel {path.stem} mode", False, what, f"chmod 600 {path}"))
    return rows


def _channel(env: Env, alias: str) -> Row:
    return _row(f"channel {alias}", True, env.channels.check(alias))


# ---------------------------------------------------------------- stores


def _keys(env: Env) -> Iterable[Row]:
    yield from _try("keys", lambda: env.privacy, "keys for personal data are there")
    from jobs.privacy import KEY_FILE

    path = env.data / KEY_FILE
    if not env.settings.privacy.keys and path.exists() and others_may_read(path):
        yield _row("key file mode", False, "others may read the key file", f"chmod 600 {path}")


def _stores(env: Env) -> Iterable[Row]:
    for name in ("orders", "inbox", "stock", "ledger", "reports", "settlement"):
        yield from _try(f"store {name}", lambda name=name: getattr(env, name), "opens; its tables are of this version")  # type: ignore[misc]


def _servers(env: Env) -> Iterable[Row]:
    """Every server behind the stores is looked at once for each store; what is well is one line."""
    from jobs.following import STAGES
    from stores.checking import check

    topics = [stage.topic for stage in STAGES.values()]
    named = {name: url for name, url in env.settings.stores.model_dump().items() if url}
    rows = []
    for name, url in named.items():
        found = check(name, url, topics=topics)
        wrong = [f for f in found if not f.ok]
        rows += [_row(f"server {name} {f.name}", False, f.what, f.hint) for f in wrong]
        if found and not wrong:
            rows.append(_row(f"server {name}", True, "; ".join(f.what for f in found)))
    return rows


def _stopped(env: Env) -> Iterable[Row]:
    """Warehouses that grant nothing until Redis was compared with the books."""
    from stores.contracts import DrainedStock
    from stores.redis_server import DEMAND

    stock = env.stock
    if not isinstance(stock, DrainedStock) or not stock.drained():
        return []
    shut = ["the demand of all orders" if w == DEMAND else w for w in stock.stopped()]
    what = f"stopped since Redis may have lost something: {', '.join(shut)}" if shut else "none is stopped"
    return [_row("stock in redis", not shut, what, "oms stock drain")]


def _bus(env: Env) -> Iterable[Row]:
    """What the workers' groups have not worked off; with a bus that cannot be reached the sweeps go on, later."""
    from jobs.following import STAGES

    if not env.settings.stores.bus:
        return [_row("bus", True, "none: the status columns feed the jobs")]

    def check() -> Row:
        bus = env.bus
        waiting = {job: bus.backlog(stage.topic, job) for job, stage in STAGES.items()} if bus else {}
        return _row("bus", True, "answers; untold: " + ", ".join(f"{job} {n}" for job, n in waiting.items()))

    return _safely("bus", check)


def _settlement(env: Env) -> Iterable[Row]:
    """Layouts and tolerance rules of one's own are read once; only that they could be is told."""
    from jobs.settling_import import layouts
    from jobs.settling_match import rules_of

    if env.settings.settlement.layouts:
        yield from _try("statement layouts", lambda: layouts(env), "readable")
    if env.settings.settlement.rules:
        yield from _try("tolerance rules", lambda: rules_of(env), "readable")


def _store_clock(env: Env) -> Iterable[Row]:
    off = (env.ledger.now() - env.clock.now()).total_seconds()
    return [_row("store clock", abs(off) < CLOCK_OFF_S, f"{off:+.0f} s from ours", "timedatectl")]


# ---------------------------------------------------------------- shops


def _sellers(env: Env) -> Iterable[Row]:
    """An alias of the settings that is bound to another seller in the ledger would split a seller's history."""
    bound = env.ledger.sellers()
    rows = []
    for alias, shop in env.settings.shops.items():
        other = next(
            (a for a, (p, s, _) in bound.items() if (p, s) == (shop.platform, shop.seller_id) and a != alias), ""
        )
        if other:
            what = f"shop {alias} is the seller that is kept as {other}"
            rows.append(_row("sellers", False, what, f"name the shop {other} again in oms.toml"))
        if alias in bound and bound[alias][:2] != (shop.platform, shop.seller_id):
            what = f"alias {alias} belongs to another seller ({bound[alias][0]} {bound[alias][1]})"
            rows.append(_row("sellers", False, what, "choose another alias in oms.toml"))
    return rows or [_row("sellers", True, "one alias each")]


def _clocks(env: Env) -> Iterable[Row]:
    """Ask each platform for a minute of orders: that shows that it can be reached, takes our token, and its time."""
    from jobs.env import Env

    # one attempt each: who looks wants an answer now
    once = env.settings.model_copy(update={"retry": env.settings.retry.model_copy(update={"waits": ()})})
    hurried = Env(once, env.path, clock=env.clock, transport=env.transport)
    try:
        return [row for alias in env.shops() for row in _safely(f"clock {alias}", _clock, hurried, alias)]
    finally:
        hurried.close()


def _clock(env: Env, alias: str) -> Row:
    platform = env.platform(alias)
    if not platform.capabilities.remote:
        return _row(f"clock {alias}", True, "its orders come from files; there is nobody to reach")
    now = env.clock.now().replace(microsecond=0)
    for _ in platform.pull("orders", platform.scans["orders"][0], now - timedelta(minutes=1), now, light=True):
        pass
    theirs = platform.platform_time()
    if theirs is None or env.settings.clock.start:
        why = "does not tell its time" if theirs is None else "a drill's clock is not compared with it"
        return _row(f"clock {alias}", True, f"answers; {why}")
    off = (theirs - env.clock.now()).total_seconds()
    return _row(
        f"clock {alias}", abs(off) < CLOCK_OFF_S, f"answers; its clock is {off:+.0f} s from ours", "timedatectl"
    )


def _tokens(env: Env) -> Iterable[Row]:
    from jobs.shops import token_until

    for alias in env.shops():
        until = token_until(env, alias)
        if until is None:
            continue
        days = (until - env.clock.now()).total_seconds() / 86400
        kept = env.ledger.token(alias)
        # one that renews itself only has to be alive
        enough = 0.0 if kept and kept.refresh else TOKEN_SOON_DAYS
        yield _row(f"token {alias}", days > enough, f"{days:.1f} days left", f"oms shop token {alias} --renew")


def _lookback(env: Env) -> Iterable[Row]:
    """A mark older than the platform's history reaches is a hole that no pull can fill any more."""
    marks = [(k, m.proven) for k, m in sorted(env.ledger.marks().items()) if m.proven and k[0] in env.settings.shops]
    return [
        row
        for (alias, kind, _), proven in marks
        for row in _safely(f"look-back {alias} {kind}", _reaches, env, alias, kind, proven)
    ]


def _reaches(env: Env, alias: str, kind: str, proven: datetime) -> Row:
    days = env.platform(alias).max_lookback_days.get(kind)
    age = (env.clock.now() - proven).total_seconds() / 86400
    what = f"{kind} proven up to {age:.1f} days ago, the platform reaches back {days or 'without limit'}"
    fine = not days or age < days * LOOKBACK_SHARE
    return _row(f"look-back {alias} {kind}", fine, what, f"oms sync {kind} --shop {alias}")


# ---------------------------------------------------------------- work


def _warehouses(env: Env) -> Iterable[Row]:
    there = [n for n, w in env.settings.warehouses.items() if w.enabled]
    if not there:
        return [
            _row("warehouses", False, "none is set up: nothing can be sourced", "write [warehouses.NAME] in oms.toml")
        ]
    return [_row("warehouses", True, ", ".join(there))]


def _leases(env: Env) -> Iterable[Row]:
    """A lease of a process of this machine that is gone will end by itself; until then it keeps others out."""
    dead = [x for x in env.ledger.leases() if x.host == socket.gethostname() and x.pid and not _alive(x.pid)]
    return [
        _row("locks", False, f"{x.name} is held by process {x.pid}, which is gone", f"oms jobs locks --break {x.name}")
        for x in dead
    ] or [_row("locks", True, "none is stale")]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _late_jobs(env: Env) -> Iterable[Row]:
    return [
        _row(
            "jobs",
            False,
            f"{j['name']} last ended {j['last_run']:%Y-%m-%d %H:%M} UTC",
            f"oms jobs history {j['name']!r}",
        )
        for j in catalogue.late(env)
    ] or [_row("jobs", True, "none is late")]


_CHECKS: tuple[tuple[str, Callable[[Env], Iterable[Row]]], ...] = (
    ("settings", _settings_file),
    ("shops", _settings_sense),
    ("secrets", _secrets),
    ("channels", _channels),
    ("keys", _keys),
    ("servers", _servers),
    ("stores", _stores),
    ("stock in redis", _stopped),
    ("bus", _bus),
    ("settlement", _settlement),
    ("store clock", _store_clock),
    ("sellers", _sellers),
    ("warehouses", _warehouses),
    ("tokens", _tokens),
    ("clocks", _clocks),
    ("look-back", _lookback),
    ("locks", _leases),
    ("jobs", _late_jobs),
)
