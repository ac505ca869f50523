"""Our decisions on refunds, told to the platforms that take them: agree, refuse, goods_received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapters.documents import RefundAnswer, RefundDocument, WriteResult
from adapters.errors import AdapterError, Unsupported
from jobs.batches import chunks
from jobs.effects import Group, Speaker, key_of, parked
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.results import Item
from jobs.sync import cut
from stores.records import Effect, Refund, RefundStatus

KIND = "agreement"
#: our decision → what the platform is told
ACTS = {"approved": "agree", "refused": "refuse"}
#: a platform's clock may be so much before or behind ours
SKEW = timedelta(minutes=5)
#: what a refund's document says once an act took effect
_TAKEN = {
    "agree": frozenset({RefundStatus.APPROVED, RefundStatus.GOODS_BACK, RefundStatus.DONE}),
    "refuse": frozenset({RefundStatus.REFUSED, RefundStatus.CLOSED}),
    "goods_received": frozenset({RefundStatus.DONE}),
}


def intend(env: Env, run: RunHandle, told: Sequence[tuple[Refund, str, str]], *, quiet: bool = False) -> None:
    """Write what is to be told: (refund, act, reason). What a platform does not take is named, unless `quiet`."""
    can = {shop: _acts(env, shop) for shop in {r.shop for r, _, _ in told}}
    effects = []
    for refund, act, reason in told:
        if refund.authority != "platform":
            continue
        if act in can[refund.shop]:
            effects.append(_effect(env, refund, act, reason))
        elif not quiet:
            run.result.add(
                Item(ref=refund.refund_no, did="unsupported", reason=f"{refund.platform}_takes_no_{act}", shop=refund.shop)
            )  # fmt: skip
    for part in chunks(effects, 500):
        env.ledger.intend(part)


def _acts(env: Env, shop: str) -> tuple[str, ...]:
    try:
        return env.platform(shop).capabilities.refunds
    except (AdapterError, JobError):
        return ()  # a shop that is not in the settings any more has nobody to tell


def _effect(env: Env, refund: Refund, act: str, reason: str) -> Effect:
    key = f"{KIND}:{refund.refund_no}:{act}"
    payload = {
        "platform_refund_no": refund.platform_refund_no, "order_no": refund.order_no, "act": act, "reason": reason[:200],
        "amount_minor": refund.amount_minor,
    }  # fmt: skip
    return Effect(
        key=key,
        kind=KIND,
        shop=refund.shop,
        ref=refund.refund_no,
        group=key,
        payload=payload,
        created_at=env.clock.now(),
    )


def tell(env: Env, run: RunHandle, shops: Sequence[str]) -> None:
    """Tell what is due; a shop in trouble does not stop the others."""
    for alias in shops:
        if run.stopping:
            return
        try:
            platform = env.platform(alias)
            if platform.capabilities.refunds:
                Agreements(env, run, alias, platform).drain(0)
        except AdapterError as error:
            facts = {"error": str(error)[:200]}
            run.result.add(Item(ref=alias, did="failed", reason=type(error).__name__, shop=alias, facts=facts))


class Agreements(Speaker):
    """A shop's refund answers."""

    kind = KIND

    @property
    def batch(self) -> int:
        return 20

    def send(self, groups: Sequence[Group]) -> list[WriteResult]:
        numbers = self._order_numbers(groups)
        return self.platform.answer_refunds([_answer(g, numbers) for g in groups])

    def look(self, groups: Sequence[Group]) -> list[WriteResult | None]:
        """What the refund shows already needs no telling; what is over cannot be told any more."""
        kept = self.env.orders.refunds([g[0].ref for g in groups])
        return [
            self._judge(g, kept[g[0].ref][0].status) if g[0].ref in kept else parked(g, "no_refund") for g in groups
        ]

    def read_back(self, groups: Sequence[Group]) -> list[WriteResult]:
        """Ask for the refunds as they stand now; where a platform shows no single ones, list what changed since."""
        try:
            pulled = self.platform.current([g[0].payload["platform_refund_no"] for g in groups], kind="refunds")
        except Unsupported:
            return self._listed(groups)
        out = []
        for group, item in zip(groups, pulled, strict=True):
            status = getattr(item.document, "status", "")
            if not status:
                out.append(WriteResult(key=key_of(group), outcome="unknown", code=item.error or "unreadable"))
                continue
            there = self._judge(group, RefundStatus(status))
            out.append(there or WriteResult(key=key_of(group), outcome="retry", code="not_there"))
        return out

    def _listed(self, groups: Sequence[Group]) -> list[WriteResult]:
        """Read back from the lists of what changed since the sending: what is in none of them took no effect, once the
        lists are proven complete."""
        start = min(e.sent_at or e.created_at for g in groups for e in g) - SKEW
        shown: dict[str, RefundStatus] = {}
        proven = True
        for scan in self.platform.scans.get("refunds", ()):
            for a, b in cut(start, self.env.clock.now() + SKEW, timedelta(days=1)):
                pull = self.platform.pull("refunds", scan, a, b)
                documents = [item.document for batch in pull for item in batch.items]
                shown |= {
                    d.platform_refund_no: RefundStatus(d.status) for d in documents if isinstance(d, RefundDocument)
                }
                proven = proven and bool(pull.report.proof)
        absent = "retry" if proven else "unknown"
        return [self._since(g, shown.get(g[0].payload["platform_refund_no"]), absent) for g in groups]

    def _since(self, group: Group, status: RefundStatus | None, absent: str) -> WriteResult:
        there = self._judge(group, status) if status else None
        return there or WriteResult(key=key_of(group), outcome=absent, code="not_listed_since")

    def _judge(self, group: Group, status: RefundStatus) -> WriteResult | None:
        act = group[0].payload["act"]
        if status in _TAKEN[act]:
            return WriteResult(key=key_of(group), outcome="already", code=f"is_{status}")
        if status in (RefundStatus.CLOSED, RefundStatus.REFUSED, RefundStatus.DONE):
            return WriteResult(key=key_of(group), outcome="void", code=f"is_{status}")
        return None

    def _order_numbers(self, groups: Sequence[Group]) -> dict[str, str]:
        heads = self.env.orders.heads(sorted({g[0].payload["order_no"] for g in groups}))
        return {no: head.platform_order_no for no, head in heads.items()}


def _answer(group: Group, numbers: dict[str, str]) -> RefundAnswer:
    p = group[0].payload
    return RefundAnswer(
        key=key_of(group), platform_refund_no=p["platform_refund_no"], platform_order_no=numbers.get(p["order_no"], ""),
        act=p["act"], reason=p["reason"],
    )  # fmt: skip
