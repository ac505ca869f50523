"""What people decide about the books: who looks after an open item, which suggestion holds, that a period is closed; and
the way back, until it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import plans
from jobs.errors import BadMove, BadRequest, Busy, PlanOutdated, UnknownThing
from jobs.results import Item, Result
from jobs.settling import holding, span
from stores.records import AuditEntry
from stores.records.base import Outcome, replace
from stores.records.settlement import OPEN_CLASSES, Act, NewMatch, PeriodState, Suggestion, Suspense, Verdicts

if TYPE_CHECKING:
    from jobs.env import Env, RunHandle

DECIDE, CONFIRM = "settle decide", "settle confirm"
_MANY = 10**9


# ------------------------------------------------------------------ owner and reason


def assign(
    env: Env, refs: Sequence[str], *, account: str = "", period: str = "", classes: Sequence[str] = (), owner: str, reason: str, by: str
) -> Result:  # fmt: skip
    """Name who looks after open items and why they stand open: items by ref (``line:12``), or all of a class.

    Raises:
        BadRequest: neither refs nor a class of an account. UnknownThing: an item that does not stand open.
    """
    if not refs and not (account and classes):
        raise BadRequest("say which: refs, or --account with --class", hint="oms settle assign --help")
    with env.run("settle assign", refs=refs, account=account, classes=classes, owner=owner, by=by) as run:
        found = env.settlement.suspense(
            accounts=[account] if account else [],
            period=period,
            classes=classes,
            refs=[_ref(r) for r in refs],
            limit=_MANY,
        )
        missing = set(refs) - {s.ref for s in found}
        if missing:
            raise UnknownThing(f"open item {', '.join(sorted(missing))}", hint="oms settle show --class only_theirs")
        for name in sorted({s.account for s in found}):
            changed = [
                replace(s, owner=owner or s.owner, reason=reason or s.reason) for s in found if s.account == name
            ]
            changed = [s for s, was in zip(changed, (f for f in found if f.account == name), strict=True) if s != was]
            if changed:
                _write(env, run, Verdicts(act=_act(env, run, "assign", name, "", by), suspend=tuple(changed)))
            run.result.count("assigned", len(changed))
        return run.result


def _ref(text: str) -> tuple[str, int]:
    side, _, number = text.partition(":")
    if side not in ("line", "exp") or not number.isdecimal():
        raise BadRequest(
            f"{text!r} is no open item; write line:12 or exp:7", hint="oms settle show --class only_theirs"
        )
    return side, int(number)


# ------------------------------------------------------------------ suggestions


def decide(
    env: Env, *, accept: Sequence[str] = (), refuse: Sequence[str] = (), plan_out: Path | None = None,
    apply: Path | None = None, by: str = "",
) -> Result:  # fmt: skip
    """Accept or refuse suggestions, by a plan: `plan_out` writes it, `apply` carries it out, once.

    An accepted one becomes a match; the lines and expectations of a refused one stand open by themselves. A suggestion
    that is not as the plan says any more is skipped.

    Raises:
        BadRequest: neither or both of plan and apply, or nothing chosen. PlanOutdated: the plan was changed.
    """
    if bool(plan_out) == bool(apply):
        raise BadRequest("--plan writes and --apply carries out: give one", hint="oms settle decide --help")
    if plan_out and not (accept or refuse):
        raise BadRequest("nothing is chosen: --accept or --refuse", hint="oms settle decide --help")
    with env.run(DECIDE, accept=accept, refuse=refuse, apply=str(apply or ""), by=by) as run:
        if plan_out:
            _plan_decisions(env, run, plan_out, accept, refuse)
        elif apply:
            _apply_decisions(env, run, plans.read(apply, DECIDE), by)
        return run.result


def _plan_decisions(env: Env, run: RunHandle, out: Path, accept: Sequence[str], refuse: Sequence[str]) -> None:
    both = set(accept) & set(refuse)
    if both:
        raise BadRequest(f"accepted and refused at once: {', '.join(sorted(both))}", hint="oms settle decide --help")
    wanted = [*accept, *refuse]
    found = {s.suggestion_id: s for s in env.settlement.suggestions(ids=wanted, limit=_MANY)}
    missing = [w for w in wanted if w not in found]
    if missing:
        raise UnknownThing(f"open suggestion {', '.join(missing)}", hint="oms settle show --class suggested")
    entries = [_entry(found[w], "accept" if w in accept else "refuse") for w in wanted]
    run.result.facts |= {"plan": str(out), "hash": plans.write(out, DECIDE, entries)}
    run.result.hint = f"oms settle decide --apply {out}"
    for e in entries:
        run.result.items.append(Item(ref=e["ref"], did="planned", reason=e["decision"], shop=e["account"]))


def _entry(s: Suggestion, decision: str) -> dict[str, Any]:
    return {
        "ref": s.suggestion_id, "decision": decision, "account": s.account, "period": s.period, "delta_minor": s.delta_minor,
        "currency": s.currency, "lines": list(s.line_ids), "expected": list(s.exp_ids),
    }  # fmt: skip


def _apply_decisions(env: Env, run: RunHandle, plan: plans.Plan, by: str) -> None:
    found = {
        s.suggestion_id: s for s in env.settlement.suggestions(ids=[str(e.get("ref")) for e in plan.items], limit=_MANY)
    }
    same: list[tuple[Suggestion, str]] = []
    for e in plan.items:
        one = found.get(str(e.get("ref")))
        if one is None or _entry(one, str(e.get("decision"))) != e:
            run.result.items.append(
                Item(ref=str(e.get("ref")), did="skipped", reason="gone" if one is None else "changed_since")
            )
            run.result.count("skipped")
        else:
            same.append((one, str(e["decision"])))
    for n, account in enumerate(sorted({s.account for s, _ in same})):
        mine = [(s, d) for s, d in same if s.account == account]
        verdicts = _decisions(env, run, account, mine, by)
        # one hash per account of the plan: each is carried out once
        outcome = _write(env, run, replace(verdicts, plan=(f"{plan.hash[:60]}-{n}", DECIDE)))
        for s, decision in mine:
            did = {"done": decision, "already": "already"}.get(outcome.result, "skipped")
            run.result.count({"accept": "accepted", "refuse": "refused_suggestions"}.get(did, did))
            run.result.items.append(Item(ref=s.suggestion_id, did=did, reason=outcome.reason, shop=account))


def _decisions(env: Env, run: RunHandle, account: str, mine: Sequence[tuple[Suggestion, str]], by: str) -> Verdicts:
    taken: set[tuple[str, int]] = set()
    made: list[NewMatch] = []
    suggest: list[Suggestion] = []
    for s, decision in mine:
        members = {*(("line", i) for i in s.line_ids), *(("exp", i) for i in s.exp_ids)}
        if decision == "accept" and not taken & members:
            taken |= members
            cls = "amount_differs" if s.delta_minor else "matched"
            made.append(
                NewMatch(
                    cls, f"accepted.{s.pass_name}"[:32], s.rule_id, s.delta_minor, s.currency, s.line_ids, s.exp_ids
                )
            )
        suggest.append(replace(s, state="accepted" if decision == "accept" else "refused"))
    # what shares a member with an accepted one cannot hold any more
    for other in env.settlement.suggestions(account=account, limit=_MANY):
        members = {*(("line", i) for i in other.line_ids), *(("exp", i) for i in other.exp_ids)}
        if members & taken and other.suggestion_id not in {s.suggestion_id for s in suggest}:
            suggest.append(replace(other, state="refused"))
    keys = {k for s, _ in mine for k in (*(("line", i) for i in s.line_ids), *(("exp", i) for i in s.exp_ids))}
    open_ = {
        (s.side, s.ref_id): s for s in env.settlement.suspense(accounts=[account], classes=["suggested"], limit=_MANY)
    }
    alone = tuple(_alone(open_[k]) for k in sorted(keys - taken) if k in open_)
    resolve = tuple(sorted(k for k in taken if k in open_))
    exps = env.settlement.expectations([i for m in made for i in m.exp_ids])
    act = replace(
        _act(env, run, "decide", account, mine[0][0].period, by), counts={"accepted": len(made), "decided": len(mine)}
    )
    versions = {e["exp_id"]: e["version"] for e in exps if e["version"] != 1}
    return Verdicts(act=act, matches=made, versions=versions, suggest=tuple(suggest), suspend=alone, resolve=resolve)


def _alone(s: Suspense) -> Suspense:
    return replace(s, class_="only_theirs" if s.side == "line" else "only_ours")


# ------------------------------------------------------------------ confirming


def confirm(
    env: Env, *, account: str, period: str, plan_out: Path | None = None, apply: Path | None = None, by: str = ""
) -> Result:
    """Close a period for good, by a plan that names its figures: what changed since the plan was written stops it.

    What stands open is carried on and needs an owner with a reason first.

    Raises:
        BadRequest: neither or both of plan and apply. UnknownThing: nothing was matched in that period.
        BadMove: open items without an owner. PlanOutdated: the figures are not the plan's any more.
    """
    if bool(plan_out) == bool(apply):
        raise BadRequest("--plan writes and --apply carries out: give one", hint="oms settle confirm --help")
    span(env, period)
    with env.run(CONFIRM, account=account, period=period, apply=str(apply or ""), by=by) as run:
        state = next((p for p in env.settlement.periods(account=account) if p.period == period), None)
        if state is None:
            raise UnknownThing(f"period {period} of {account}", hint="oms settle show")
        entries = _figures(env, account, period)
        if plan_out:
            run.result.facts |= {"plan": str(plan_out), "hash": plans.write(plan_out, CONFIRM, entries)}
            run.result.hint = f"oms settle confirm --account {account} --period {period} --apply {plan_out}"
            run.result.items += [Item(ref=e["ref"], did="planned", shop=account, facts=e["expect"]) for e in entries]
        elif apply:
            _confirm(env, run, state, plans.read(apply, CONFIRM), entries, by)
        return run.result


def _figures(env: Env, account: str, period: str) -> list[dict[str, Any]]:
    """The period's figures per class and currency, and the hashes of the files they are of."""
    made = [
        {"ref": f"{account}:{period}:{r['class']}:{r['currency']}", "expect": {k: r[k] for k in ("count", "lines", "expected", "stated_minor", "expected_minor", "delta_minor")}}
        for r in env.settlement.summary(accounts=[account], period=period)
    ]  # fmt: skip
    files = env.settlement.files(account=account, period=period)
    return [*made, {"ref": f"{account}:{period}:files", "expect": {"hashes": sorted(f.hash for f in files)}}]


def _confirm(
    env: Env, run: RunHandle, state: PeriodState, plan: plans.Plan, entries: list[dict[str, Any]], by: str
) -> None:
    if state.state == "confirmed":
        run.result.count("already")
        return
    if not by:
        raise BadRequest("a confirmation needs the name of who gives it", hint="oms settle confirm --help")
    if plan.items != entries:
        raise PlanOutdated(
            f"the figures of {state.account} {state.period} changed", hint="oms settle confirm --plan FILE"
        )
    bare = [
        s
        for s in env.settlement.suspense(
            accounts=[state.account], period=state.period, classes=OPEN_CLASSES, limit=_MANY
        )
        if not (s.owner and s.reason)
    ]
    if bare:
        raise BadMove(
            f"{len(bare)} open items have no owner and reason, the first is {bare[0].ref} ({bare[0].class_})",
            hint=f"oms settle assign --account {state.account} --class {bare[0].class_} --owner NAME --reason TEXT",
        )
    now = env.clock.now()
    act = _act(env, run, "confirm", state.account, state.period, by)
    closed = replace(state, state="confirmed", confirmed_at=now, confirmed_by=by)
    outcome = _write(env, run, Verdicts(act=act, period=closed, plan=(plan.hash, CONFIRM)))
    run.result.count("confirmed" if outcome.result == "done" else outcome.result)
    env.ledger.audit(
        [
            AuditEntry(
                at=now,
                who=by,
                act="settle_confirm",
                ref=f"{state.account}:{state.period}",
                facts={"plan": plan.hash[:32]},
            )
        ]
    )


# ------------------------------------------------------------------ the way back


def undo(env: Env, *, account: str, period: str = "", act: int = 0, all: bool = False, by: str) -> Result:
    """Take the newest act of an account back to the letter (of a period; or the act named; `all`: all of the period,
    imports too). Possible until the period is confirmed, and until a later act builds on it.

    Raises:
        BadRequest: all, without a period. UnknownThing: there is nothing to take back. BadMove: it cannot be, and why.
    """
    if all and not period:
        raise BadRequest("--all takes back a period: say which", hint="oms settle undo --help")
    with (
        env.run("settle undo", account=account, period=period, act=act, by=by) as run,
        holding(env, run, account) as lease,
    ):
        found = env.settlement.acts(account=account, period=period, limit=_MANY)
        chosen = [a for a in found if not act or a.act_id == act]
        if not chosen:
            raise UnknownThing(f"act {act or ''} of {account} {period}".replace("  ", " "), hint="oms settle show")
        for one in chosen if all else chosen[:1]:
            outcome = env.settlement.undo(account, one.act_id, token=lease.token, who=by)
            if outcome.result == "lost":
                raise Busy(f"settlement of {account}: another run took over")
            if not outcome.ok:
                raise BadMove(
                    f"act {one.act_id} ({one.kind}) cannot be taken back: {outcome.reason}", hint="oms settle acts"
                )
            run.result.count("undone")
            run.result.items.append(
                Item(ref=f"act:{one.act_id}", did="undone", reason=one.kind, shop=account, facts=one.counts)
            )
        return run.result


def acts(env: Env, *, shops: Sequence[str] = (), period: str = "", limit: int = 50) -> list[Act]:
    """What changed the books, newest first; undone ones too."""
    accounts = tuple(env.shops(shops)) if shops else ()
    found = env.settlement.acts(period=period, active=False, limit=_MANY if accounts else limit)
    return [a for a in found if not accounts or a.account in accounts][:limit]


def _act(env: Env, run: RunHandle, kind: str, account: str, period: str, by: str) -> Act:
    return Act(kind=kind, account=account, period=period, at=env.clock.now(), who=by, run_id=run.id)


def _write(env: Env, run: RunHandle, verdicts: Verdicts) -> Outcome:
    """Write an act under its account's lease.

    Raises:
        Busy: another run took over. BadMove: the period is closed.
    """
    account = verdicts.act.account
    with holding(env, run, account) as lease:
        outcome = env.settlement.apply(verdicts, token=lease.token)
    if outcome.result == "lost":
        raise Busy(f"settlement of {account}: another run took over")
    if outcome.result == "refused":
        raise BadMove(f"{account} {verdicts.act.period}: {outcome.reason}", hint="oms settle show")
    return outcome
