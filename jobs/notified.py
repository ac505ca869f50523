"""What channels post to `oms pay listen`: verified, recorded in the inbox, applied once, acknowledged; nothing else.

The record is the promise: once it is in the inbox the channel may forget it, and a failed apply is done again by the next
notification or by `reconcile payments`. Kind of the entries: ``payments``.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from adapters.errors import AdapterError, NotVerified, Unreadable
from adapters.payments.documents import Notification
from jobs import backs_told, gaps, payments_told
from jobs.env import Env, RunHandle
from jobs.errors import BadSettings, JobError, UnknownThing
from jobs.payments_told import Heard
from jobs.results import Result
from jobs.rules.payments import Verdict
from stores.errors import StoreError
from stores.records import Alert, InboxEntry, InboxItem

if TYPE_CHECKING:
    from adapters.payments.base import Channel

log = logging.getLogger("oms.pay")

RECORDED = gaps.declare(
    "notified.recorded",
    before="a verified notification is recorded",
    after="it is applied",
    sweep="reconcile payments: what waits in the inbox is applied",
)
APPLIED = gaps.declare(
    "notified.applied",
    before="a notification is applied",
    after="its inbox entry is settled",
    sweep="reconcile payments: the entry is still waiting; applied again it changes nothing",
)
KIND = "payments"
#: longest id that a key bears as it is
_PLAIN = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_decode: Callable[[bytes], Notification] = msgspec.json.Decoder(Notification).decode
_encode = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """What is answered, and a word for the counts: recorded, unreadable, not_verified, unknown_channel or broken_channel."""

    status: int
    headers: dict[str, str]
    body: bytes
    what: str


def take(env: Env, alias: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Verify a notification and record it. Nothing is applied here: `drain` does that.

    Raises:
        StoreError: it could not be recorded; it must not be acknowledged.
    """
    try:
        channel = env.channels.get(alias)
    except UnknownThing:
        return Reply(404, {}, b"", "unknown_channel")
    except (BadSettings, AdapterError):
        # it comes again; by then the file may be in order
        return Reply(503, {"retry-after": "60"}, b"", "broken_channel")
    try:
        item = _item(channel, alias, channel.notification(headers, body))
        what = "recorded"
    except NotVerified as error:
        return Reply(*channel.acknowledge(False), f"not_verified_{error.reason}")
    except (AdapterError, BadSettings) as error:
        if not isinstance(error, Unreadable):
            return Reply(*channel.acknowledge(False), "broken_channel")  # a key cannot be read just now
        item = _unreadable(env, channel, alias, body, error)
        what = "unreadable"
    env.inbox.put([item])
    gaps.gap(RECORDED)
    return Reply(*channel.acknowledge(True), what)


def _item(channel: Channel, alias: str, found: Notification) -> InboxItem:
    number = found.payment.payment_no if found.payment else (found.refund.back_no if found.refund else found.back_no)
    document = _encode(_bare(found))
    # A repetition bears another time of sending and is the same word.
    told = _encode(_bare(msgspec.structs.replace(found, sent_at=payments_told.EPOCH)))
    return _entry(
        channel, alias, found.id if _PLAIN.fullmatch(found.id) else f"~{_digest(found.id.encode())}", number=number,
        at=found.sent_at, hash=_digest(told), document=document, raw=found.raw,
    )  # fmt: skip


def _unreadable(env: Env, channel: Channel, alias: str, body: bytes, error: Unreadable) -> InboxItem:
    """What was signed as it should be and cannot be understood: kept for a person, parked from the start."""
    now, digest = env.clock.now(), _digest(body)
    _tell(env, alias, f"unreadable_{error.reason}")
    return _entry(
        channel, alias, f"?{digest}", number="", at=now, hash=digest, document=b"", raw=body,
        parked=f"unreadable_{error.reason}"[:64],
    )  # fmt: skip


def _entry(channel: Channel, alias: str, ident: str, *, at: Any, **values: Any) -> InboxItem:
    merchant = channel.connection.merchant_id
    return InboxItem(
        key=f"{KIND}:{channel.name}:{merchant}:{ident}", kind=KIND, platform=channel.name, seller_id=merchant,
        shop=alias, modified_at=at, **values,
    )  # fmt: skip


def _bare(found: Notification) -> Notification:
    """Without the raw bytes, which lie beside."""
    payment = msgspec.structs.replace(found.payment, raw=b"") if found.payment else None
    refund = msgspec.structs.replace(found.refund, raw=b"") if found.refund else None
    return msgspec.structs.replace(found, raw=b"", payment=payment, refund=refund)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


# ------------------------------------------------------------------ applying


def drain(env: Env, run: RunHandle, *, aliases: Sequence[str] = (), limit: int = 0) -> int:
    """Apply what waits in the inbox, at most `limit` entries; returns how many were taken."""
    rule, taken, after, left = env.settings.payments, 0, "", limit or 1 << 60
    while left > 0 and not run.stopping:
        token, entries = env.inbox.claim(
            KIND, limit=min(rule.batch, left), lease_s=rule.lease, worker=run.worker, shops=aliases, after=after
        )
        if not entries:
            return taken
        after, left, taken = entries[-1].key, left - len(entries), taken + len(entries)
        settled = _apply(env, run, entries)
        gaps.gap(APPLIED)
        env.inbox.settle(token, settled)
    return taken


def _apply(env: Env, run: RunHandle, entries: Sequence[InboxEntry]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Apply entries in the order of their sending, each payment's newest word last."""
    settled: list[tuple[str, str, str, dict[str, Any]]] = []
    readable: list[tuple[InboxEntry, Notification]] = []
    for entry in entries:
        try:
            readable.append((entry, _decode(entry.document)))
        except (msgspec.MsgspecError, ValueError):
            settled.append((entry.key, "parked", entry.reason or "unreadable", {}))
    for entry, found in sorted(readable, key=lambda pair: (pair[1].sent_at, pair[0].key)):
        verdicts = _one(env, run, found)
        bad = next((v for v in verdicts if v.act in ("refuse", "changed")), None)
        last = bad or verdicts[-1]
        facts = {"number": entry.number, "sent_at": found.sent_at.isoformat()}
        if last.act == "changed":
            settled.append((entry.key, "waiting", "changed", facts))
        else:
            settled.append((entry.key, "parked" if last.act == "refuse" else "pushed", last.reason, facts))
    return settled


def _one(env: Env, run: RunHandle, found: Notification) -> list[Verdict]:
    verdicts: list[Verdict] = []
    if found.payment is not None:
        heard = Heard(found.payment.payment_no, found.payment, asked=False)
        verdicts += payments_told.apply(env, run, [heard]).values()
    if found.refund is not None:
        verdicts += backs_told.apply(env, run, [found.refund]).values()
    elif found.back_no:
        verdicts.append(backs_told.ask_soon(env, run, found.back_no))
    return verdicts or [Verdict("refuse", "says_nothing")]


# ------------------------------------------------------------------ telling


def _tell(env: Env, alias: str, reason: str) -> None:
    from jobs.alerts import tell

    now = env.clock.now()
    tell(
        env,
        Alert(
            key=f"payment_notification:{alias}:{reason}", kind="payment_notification",
            title=f"{alias}: a notification that cannot be applied: {reason}", facts={"channel": alias},
            hint="oms jobs parked", first_at=now, last_at=now,
        ),
    )  # fmt: skip


def listen(env: Env, serve: Callable[[Listener], None]) -> Result:
    """Take notifications as long as `serve` runs; one run record for all of it."""
    with env.run("pay listen") as run:
        serve(Listener(env, run))
        # the signal is the ordinary end of a service: nothing was cut off
        env.stop.clear()
        return run.result


class Listener:
    """What the socket needs: one call per notification, and counts. Thread-safe."""

    def __init__(self, env: Env, run: RunHandle) -> None:
        self._env, self._run = env, run
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}

    def handle(self, alias: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Verify, record, apply once; the reply is what the channel wants to read."""
        reply = take(self._env, alias, headers, body)
        self.count(reply.what)
        if reply.what == "recorded":
            part = self._run.part()
            try:
                drain(self._env, part, aliases=[alias], limit=20)
            except (StoreError, AdapterError, JobError) as error:
                # No failure of the channel's: what is recorded is applied by the next one, or by the job.
                log.warning("%s: recorded, not applied yet: %s", alias, type(error).__name__)
                self.count("not_applied")
            with self._lock:
                for name, n in part.result.counts.items():
                    self._run.result.count(name, n)
        elif reply.what.startswith("not_verified"):
            self._forged(alias, reply.what)
        self._run.beat()
        return reply

    def count(self, what: str) -> None:
        with self._lock:
            self._run.result.count(what)

    def _forged(self, alias: str, what: str) -> None:
        """Told at most once a minute and channel: whoever forges must not fill the ledger."""
        now = self._env.clock.now()
        with self._lock:
            last = self._told.get(alias)
            if last is not None and now - last < timedelta(minutes=1):
                return
            self._told[alias] = now
        _tell(self._env, alias, what)
