"""Effects outside, each exactly once: intent with a key → sent → confirmed, refused or unknown.

An unknown one (the answer was lost, or its sender died after sending) is read back before anything is repeated, and
parked where it cannot be read back. Ship notices, levels and refund answers differ only in what a `Speaker` says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from adapters.documents import WriteResult
from adapters.errors import AdapterError, Unsupported
from jobs import gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.results import Item
from stores.records import Alert, Effect

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

SENDING = gaps.declare(
    "effect.sending",
    before="effects are marked sent",
    after="the platform is called",
    sweep="the same push: what is sent without an answer is unknown after its lease, and is read back",
)
ANSWERED = gaps.declare(
    "effect.answered",
    before="the platform did what was asked",
    after="its answer is written here",
    sweep="the same push: what is sent without an answer is unknown after its lease, and is read back",
)

#: rows that are told as one
Group = list[Effect]
#: after so many tries and so long a time without an end a person looks
MAX_ATTEMPTS = 40
MAX_AGE_S = 2 * 86400.0
#: states that are over
ENDED = frozenset({"confirmed", "refused", "parked", "void"})
#: outcomes of a WriteResult that only we give: a person must look; it is not its time yet
PARKED = "parked"
WAITS = "waits"


def key_of(group: Group) -> str:
    return group[0].group


def parked(group: Group, reason: str, message: str = "") -> WriteResult:
    """A result that gives the group to a person."""
    return WriteResult(key=key_of(group), outcome=PARKED, code=reason, message=message)


def later(group: Group, reason: str, wait_s: float, message: str = "") -> WriteResult:
    """A result that leaves the group for another time; surely nothing was sent."""
    return WriteResult(key=key_of(group), outcome="retry", code=reason, message=message, retry_after_s=wait_s)


def waits(group: Group, reason: str, every_s: float, now: datetime) -> WriteResult:
    """A result that leaves the group for the next moment of a common grid, so that rows which belong together and came
    at different times are taken together then."""
    wait = every_s - now.timestamp() % every_s
    return WriteResult(key=key_of(group), outcome=WAITS, code=reason, retry_after_s=wait)


class Speaker(ABC):
    """Tells one shop's effects of one kind."""

    kind: ClassVar[str]

    def __init__(self, env: Env, run: RunHandle, shop: str, platform: Platform) -> None:
        self.env, self.run, self.shop, self.platform = env, run, shop, platform
        #: when the claim in hand ends
        self._until = env.clock.now()

    @property
    @abstractmethod
    def batch(self) -> int:
        """Groups in one call of the platform."""

    @property
    def together(self) -> int:
        """Groups that are looked at, marked and settled in one step. Each of them is unknown when its sender dies, so
        it is more than one call's only where what is unknown can be read back."""
        return max(self.batch, 1)

    @abstractmethod
    def send(self, groups: Sequence[Group]) -> list[WriteResult]:
        """Tell them; one result per group, in order."""

    def read_back(self, groups: Sequence[Group]) -> list[WriteResult]:
        """Whether unknown groups took effect; ``retry``: surely not. Default: it cannot be read back."""
        return [parked(g, "cannot_be_read_back") for g in groups]

    def look(self, groups: Sequence[Group]) -> list[WriteResult | None]:
        """The last look before sending: None may go, a result settles the group unsent."""
        return [None] * len(groups)

    # ---- the loop
    def drain(self, limit: int) -> int:
        """Tell everything that is due, at most `limit` groups; returns how many were taken.

        Raises:
            adapters.errors: the shop cannot be called at all; what was claimed is given back for later.
        """
        rule, left, taken = self.env.settings.shipping, limit or 1 << 60, 0
        while left > 0 and not self.run.stopping:
            self._until = self.env.clock.now() + timedelta(seconds=rule.lease)
            token, found = self.env.ledger.claim_effects(
                self.kind, shop=self.shop, limit=min(rule.batch, left), lease_s=rule.lease, worker=self.run.worker
            )
            if not found:
                return taken
            groups = [list(rows) for _, rows in groupby(found, key=lambda e: e.group)]
            left, taken = left - len(groups), taken + len(groups)
            self._work(token, groups)
            self.run.beat()
        return taken

    def _work(self, token: str, groups: Sequence[Group]) -> None:
        unknown = [g for g in groups if any(e.state == "unknown" for e in g)]
        polled = [g for g in groups if g not in unknown and any(e.state == "accepted" for e in g)]
        fresh = [g for g in groups if g not in unknown and g not in polled]
        fresh += self._unknown(token, unknown)
        self._poll(token, polled)
        for part in chunks(fresh, self.together):
            self._tell(token, self._looked(token, part))

    def _unknown(self, token: str, groups: Sequence[Group]) -> list[Group]:
        """Groups that surely took no effect and may be sent; the others are settled."""
        if not groups:
            return []
        try:
            results = self.read_back(groups)
        except AdapterError as error:
            results = [WriteResult(key=key_of(g), outcome="unknown", message=str(error)[:200]) for g in groups]
        pairs = list(zip(groups, results, strict=True))
        self.settle(token, [(g, r) for g, r in pairs if r.outcome != "retry"])
        return [g for g, r in pairs if r.outcome == "retry"]

    def _poll(self, token: str, groups: Sequence[Group]) -> None:
        if not groups:
            return
        try:
            results = self.platform.poll([(key_of(g), g[0].poll) for g in groups])
        except AdapterError as error:
            results = [
                WriteResult(key=key_of(g), outcome="accepted", message=str(error)[:200], poll=g[0].poll) for g in groups
            ]
        self.settle(token, list(zip(groups, results, strict=True)))

    def _looked(self, token: str, groups: Sequence[Group]) -> list[Group]:
        try:
            seen = self.look(groups)
        except AdapterError as error:
            self.settle(token, [(g, later(g, "no_last_look", 60.0, str(error)[:200])) for g in groups])
            return []
        self.settle(token, [(g, r) for g, r in zip(groups, seen, strict=True) if r is not None])
        return [g for g, r in zip(groups, seen, strict=True) if r is None]

    @property
    def _late(self) -> bool:
        """The claim has ended: another run may be telling its effects by now."""
        return self.env.clock.now() >= self._until

    def _tell(self, token: str, groups: Sequence[Group]) -> None:
        if self._late:
            return  # they are claimed anew, by this run or another
        sent = {o.key for o in self.env.ledger.mark_sent(token, [e.key for g in groups for e in g]) if o.ok}
        # A row that somebody else took over meanwhile takes its whole group out of our hands.
        mine = [g for g in groups if all(e.key in sent for e in g)]
        if not mine:
            return
        gaps.gap(SENDING)
        results: list[WriteResult] = []
        for part in chunks(mine, max(self.batch, 1)):
            if self._late:
                break  # this run stood still: what is marked sent is read back by whoever has it now
            results += [later(g, "stopped", 0.0) for g in part] if self.run.stopping else self._sent(part)
        gaps.gap(ANSWERED)
        self.settle(token, list(zip(mine, results, strict=False)))

    def _sent(self, groups: Sequence[Group]) -> list[WriteResult]:
        try:
            return self.send(groups)
        except Unsupported as error:
            return [parked(g, "unsupported", str(error)) for g in groups]
        except AdapterError as error:
            # The base reports per item what may have been sent; an error raised here came before anything was.
            return [later(g, type(error).__name__, 60.0, str(error)[:200]) for g in groups]

    # ---- results
    def settle(self, token: str, pairs: Sequence[tuple[Group, WriteResult]]) -> None:
        """Write what became of groups, tell the run, and alarm where a person must look."""
        now = self.env.clock.now()
        rows: list[Effect] = []
        ended: list[tuple[Group, WriteResult, str]] = []
        for group, result in pairs:
            # what was claimed shows the attempts before this one
            age = (now - group[0].created_at).total_seconds()
            state, wait = outcome(result, group[0].attempts + 1, age)
            ended.append((group, result, state))
            rows += [
                msgspec.structs.replace(
                    e, state=state, answer=answer(result), poll=result.poll, payload=self.payload(e, result),
                    next_at=now + timedelta(seconds=wait) if wait else None,
                )
                for e in group
            ]  # fmt: skip
        if not rows:
            return
        # First: what has ended is not taken up again by the next run, so that nobody would be told.
        for group, result, state in ended:
            if state in ("refused", "parked"):
                self._alarm(group, result, state)
        kept = {o.key for o in self.env.ledger.settle_effects(token, rows) if o.ok}
        for group, result, state in ended:
            if group[0].key in kept:
                self._told(group, result, state)

    def payload(self, effect: Effect, result: WriteResult) -> dict[str, Any]:
        """What is kept of an effect after a result."""
        return effect.payload

    def _told(self, group: Group, result: WriteResult, state: str) -> None:
        did = {"confirmed": "told", "refused": "refused", "parked": "parked", "void": "skipped"}.get(state, "waiting")
        facts = {k: v for k, v in (("message", result.message[:200]), ("ref", group[0].ref)) if v}
        reason = f"{result.outcome} {result.code}".strip()
        self.run.result.add(Item(ref=key_of(group), did=did, reason=reason, shop=self.shop, facts=facts))

    def _alarm(self, group: Group, result: WriteResult, state: str) -> None:
        from jobs.alerts import tell

        now = self.env.clock.now()
        why = f"{result.code} {result.message}".strip()
        tell(
            self.env,
            Alert(
                key=f"{self.kind}:{key_of(group)}", kind=f"{self.kind}_{state}",
                title=f"{self.shop}: {self.kind.replace('_', ' ')} of {group[0].ref} {state}: {why}"[:250],
                facts={"shop": self.shop, "ref": group[0].ref, "code": result.code, "keys": [e.key for e in group]},
                hint="oms jobs parked", first_at=now, last_at=now,
            ),
        )  # fmt: skip


def outcome(result: WriteResult, attempts: int, age_s: float) -> tuple[str, float]:
    """(state, seconds until it is looked at again) after the n-th attempt; what never ends is parked."""
    if result.outcome in ("done", "already"):
        return "confirmed", 0.0
    if result.outcome in ("refused", PARKED, "void"):
        return result.outcome, 0.0
    if result.outcome == WAITS:
        return "intent", result.retry_after_s
    if attempts >= MAX_ATTEMPTS and age_s >= MAX_AGE_S:
        return PARKED, 0.0
    if result.outcome == "retry":
        return "intent", max(result.retry_after_s, min(15.0 * 2 ** min(attempts, 8), 3600.0))
    if result.outcome == "accepted":
        return "accepted", max(result.retry_after_s, min(10.0 * attempts, 600.0))
    # The first read-back comes at once, within the same run.
    return "unknown", max(result.retry_after_s, 0.0 if attempts <= 1 else min(10.0 * attempts, 600.0))


def answer(result: WriteResult) -> str:
    """What is kept of a result: outcome, code, message and the platform's request number; never a secret."""
    request = result.facts.get("request")
    parts = (result.outcome, result.code, result.message, f"(request {request})" if request else "")
    return " ".join(p for p in parts if p)[:300]
