"""The template of a payment channel. The base owns the loops; a channel writes down only what differs.

What a channel writes: how a call is signed (`request`), judged (`verdict`, by its table `codes`) and verified (`verify`);
the call for each act and what its answer says; how a notification is verified and read; how a bill is fetched and read.
What the base owns: repeating what may be repeated, errors by kind, checks that an answer speaks of what was asked,
limits on sizes, and that no secret reaches a message. Whatever is asked again under the same number is the same thing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

import msgspec

from adapters.core.shapes import Option, accepts
from adapters.core.wire import Answer, Call, Fault, Request, Verdict
from adapters.errors import (
    AnswerLost,
    BadAnswer,
    NotVerified,
    Refused,
    Retryable,
    Uncertain,
    Unreadable,
    Unsupported,
)
from adapters.payments import _fetching
from adapters.payments._calling import Caller
from adapters.payments._connection import COMMON, UNREADABLE, BillLink, ChannelConnection, why
from adapters.payments.documents import (
    NOT_FOUND,
    BackAsk,
    BackDocument,
    Bill,
    Notification,
    PayAsk,
    PaymentDocument,
    PayStart,
)

__all__ = ["Answer", "BillLink", "Call", "Channel", "ChannelConnection", "Option", "Request", "Verdict"]

T = TypeVar("T")


class Channel(ABC):
    """One merchant account at one channel; thread-safe. `shut` it, or use it in a ``with``."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: documents this adapter is written from, with dates
    source: ClassVar[str]
    #: scheme and host that calls go to unless the settings name another
    home: ClassVar[str]
    currency: ClassVar[str] = "CNY"
    methods: ClassVar[tuple[str, ...]]
    bill_kinds: ClassVar[tuple[str, ...]] = ("trade", "funds")
    #: settings read at use through `ChannelConnection.secret`: name → what it is
    reads: ClassVar[Mapping[str, str]]
    #: beside `COMMON`
    options: ClassVar[Mapping[str, Option]] = {}
    #: doubtful fields: path → what is not proven about it
    doubtful: ClassVar[Mapping[str, str]]
    #: error codes that say: no such payment, no such refund, is closed already, was paid, no bill that day ever
    no_payment: ClassVar[frozenset[str]]
    no_refund: ClassVar[frozenset[str]]
    is_closed: ClassVar[frozenset[str]]
    is_paid: ClassVar[frozenset[str]]
    no_bill: ClassVar[frozenset[str]]
    #: error codes of a bill that will be made: code → seconds to wait
    bill_later: ClassVar[Mapping[str, float]] = {}

    def __init__(self, connection: ChannelConnection) -> None:
        known = self.all_options()
        if unknown := sorted(set(connection.options) - set(known)):
            raise Unsupported(
                f"{self.name}: options {', '.join(unknown)}; known: {', '.join(sorted(known))}", shop=connection.alias
            )
        self.connection = connection
        self._values = {name: self._checked(name, option) for name, option in known.items()}
        self._caller = Caller(self, connection, self.bytes_of("answer_kb"))
        self._caller.downloads.most = self.bytes_of("download_mb")

    # ================================================================ what a channel writes down
    @abstractmethod
    def request(self, call: Call) -> Request:
        """Sign and address a call."""

    @abstractmethod
    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by its envelope; a body that is no envelope raises ValueError."""

    @abstractmethod
    def verify(self, call: Call, answer: Answer) -> None:
        """Check who sent a good answer; raises NotVerified."""

    @abstractmethod
    def begin(self, ask: PayAsk) -> PayStart:
        """Start a payment whose values the base has checked."""

    @abstractmethod
    def query_call(self, payment_no: str) -> Call: ...

    @abstractmethod
    def read_payment(self, body: bytes) -> PaymentDocument:
        """The payment in a good answer to `query_call`."""

    @abstractmethod
    def close_call(self, payment_no: str) -> Call: ...

    @abstractmethod
    def refund_call(self, ask: BackAsk) -> Call: ...

    @abstractmethod
    def read_refund(self, ask: BackAsk, body: bytes) -> BackDocument:
        """The refund in a good answer to `refund_call`."""

    @abstractmethod
    def refund_query_call(self, back_no: str, payment_no: str) -> Call: ...

    @abstractmethod
    def read_refund_query(self, back_no: str, payment_no: str, body: bytes) -> BackDocument:
        """The refund in a good answer to `refund_query_call`."""

    @abstractmethod
    def notified(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Verify and read a notification; header names are lower case. As `notification`."""

    @abstractmethod
    def acknowledge(self, ok: bool) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body to answer a notification with; not ok: the channel sends it again."""

    @abstractmethod
    def bill_call(self, day: date, kind: str) -> Call: ...

    @abstractmethod
    def read_bill_link(self, body: bytes) -> BillLink: ...

    @abstractmethod
    def download_request(self, link: BillLink) -> Request: ...

    @abstractmethod
    def check_file(self, link: BillLink, answer: Answer) -> bytes:
        """The file in the answer to a download; raises Retryable when the link must be asked for again."""

    @abstractmethod
    def read_bill(self, data: bytes, *, day: date, kind: str) -> Bill:
        """Read a bill file as `bill` gave it, or as somebody downloaded it by hand. No network.

        Raises:
            Unreadable: it is no bill of this channel and kind, of another merchant, or larger than the settings allow.
                What is wrong with single rows is in `Bill.problems`.
        """

    # ================================================================ what callers use
    def start(self, ask: PayAsk) -> PayStart:
        """Let a buyer pay. Asking again with the same values is safe.

        Raises:
            Unsupported: this channel has no such method or currency. Refused, KeysRefused, BadAnswer, Retryable.
        """
        if ask.method not in self.methods:
            raise Unsupported(f"{self.name}: method {ask.method}; known: {', '.join(self.methods)}", shop=self.alias)
        self._check_money(ask.currency, ask.amount_minor)
        return self.reading(lambda: self.begin(ask))

    def query(self, payment_no: str) -> PaymentDocument:
        """Ask what became of a payment; one the channel does not know is ``unpaid``, with status_raw `NOT_FOUND`."""
        try:
            body = self.call(self.query_call(payment_no))
        except Refused as error:
            if error.code not in self.no_payment:
                raise
            return PaymentDocument(
                payment_no=payment_no, status="unpaid", status_raw=NOT_FOUND, currency=self.currency,
                merchant_id=self.connection.merchant_id, app_id=self.connection.app_id,
            )  # fmt: skip
        document = self.reading(lambda: self.read_payment(body))
        self._same("payment", document.payment_no, payment_no)
        return document

    def close(self, payment_no: str) -> str:
        """Make sure that a payment can no longer be paid.

        Returns:
            ``closed`` (now or before) · ``paid``: it was paid · ``unknown``: no answer, ask again · ``refused CODE``: for
            another reason. A payment the channel does not know is refused, not closed: a QR code already shown may
            still make it.
        """
        try:
            self.call(self.close_call(payment_no))
        except Refused as error:
            return self._not_closed(payment_no, error.code)
        except (Retryable, BadAnswer):
            return "unknown"
        return "closed"

    def refund(self, ask: BackAsk) -> BackDocument:
        """Give money back.

        Raises:
            Refused: surely not done, see `code`. KeysRefused: not done, the settings must change. Uncertain: sent, its
            outcome unknown: `refund_query` before anything else. Retryable (which Uncertain is, too): surely not done
            yet, ask again with the same back_no.
        """
        self._check_money(ask.currency, ask.amount_minor)
        if ask.amount_minor > ask.total_minor:
            raise Refused(f"{self.name}: more than was paid", code="MORE_THAN_PAID", shop=self.alias)
        call = self.refund_call(ask)
        try:
            body = self.call(msgspec.structs.replace(call, write=True))
            document = self.reading(lambda: self.read_refund(ask, body))
            self._same("refund", document.back_no, ask.back_no)
            self._same("amount", document.amount_minor, ask.amount_minor)
        except (AnswerLost, BadAnswer) as error:
            raise Uncertain(
                f"{call.label}: {type(error).__name__}", code=error.code, shop=self.alias, request_id=error.request_id
            ) from error
        return document

    def refund_query(self, back_no: str, payment_no: str) -> BackDocument | None:
        """Ask what became of a refund; None: surely not there. See `ASK_AGAIN` for one that may still come."""
        try:
            body = self.call(self.refund_query_call(back_no, payment_no))
        except Refused as error:
            if error.code in self.no_refund:
                return None
            raise
        document = self.reading(lambda: self.read_refund_query(back_no, payment_no, body))
        self._same("refund", document.back_no, back_no)
        return document

    def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Verify and read what was posted to `notify_url`.

        Raises:
            NotVerified: nobody knows who sent it, or when. Unreadable: it was the channel, and cannot be understood. Both
            carry a `reason`; neither changes anything.
        """
        if len(body) > self.bytes_of("notification_kb"):
            raise NotVerified("too_big", f"{len(body)} bytes", shop=self.alias)
        try:
            return self.notified({k.lower(): v for k, v in headers.items()}, body)
        except UNREADABLE as error:
            raise Unreadable(*why(error), shop=self.alias) from None

    def bill(self, day: date, kind: str) -> bytes | None:
        """Fetch a day's bill file, checked against what the channel says of it.

        Returns:
            The file as it came; None: there is no bill for that day and there will be none (nothing happened).

        Raises:
            NotYet: it is not made yet; carries how long to wait.
        """
        if kind not in self.bill_kinds:
            raise Unsupported(f"{self.name}: bill {kind}; known: {', '.join(self.bill_kinds)}", shop=self.alias)
        return _fetching.bill(self, self._caller, day, kind)

    def drain_faults(self) -> list[Fault]:
        """Take what went wrong on the wire since the last time, also what a repetition healed."""
        return self._caller.drain_faults()

    def shut(self) -> None:
        """Close the kept connections."""
        self._caller.close()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    # ================================================================ machinery
    @property
    def alias(self) -> str:
        return self.connection.alias

    @classmethod
    def all_options(cls) -> dict[str, Option]:
        """Every option this channel understands."""
        return {**COMMON, **cls.options}

    def option(self, name: str) -> Any:
        return self._values[name]

    def bytes_of(self, name: str) -> int:
        """A size option in bytes, by the unit in its name."""
        return int(self.option(name)) << (20 if name.endswith("_mb") else 10)

    def address(self, path: str) -> str:
        return (self.connection.base_url or self.home).rstrip("/") + path

    def now(self) -> datetime:
        return self.connection.clock.now()

    def call(self, call: Call) -> bytes:
        return self._caller.call(call).body

    def reading(self, read: Callable[[], T]) -> T:
        """Run a reader of verified answers; what it cannot read is a BadAnswer, without the values."""
        try:
            return read()
        except UNREADABLE as error:
            code, what = why(error)
            raise BadAnswer(f"{self.name}: {what}", code=code, shop=self.alias) from None

    def _checked(self, name: str, declared: Option) -> Any:
        value = self.connection.options.get(name, declared.default)
        try:
            return accepts(declared, value)
        except ValueError as error:
            raise Unsupported(f"{self.name}: option {name} = {value!r}; allowed: {error}", shop=self.alias) from None

    def _check_money(self, currency: str, amount_minor: int) -> None:
        if currency != self.currency:
            raise Unsupported(f"{self.name}: currency {currency}; known: {self.currency}", shop=self.alias)
        if amount_minor <= 0:
            raise Refused(f"{self.name}: an amount must be positive", code="NOT_POSITIVE", shop=self.alias)

    def _same(self, what: str, told: object, asked: object) -> None:
        if told != asked:
            raise BadAnswer(f"{self.name}: the answer speaks of another {what}", code="other_thing", shop=self.alias)

    def _not_closed(self, payment_no: str, code: str) -> str:
        if code in self.is_closed and code in self.is_paid:
            # The code says that it cannot be closed any more, not why.
            try:
                status = self.query(payment_no).status
            except (Retryable, BadAnswer):
                return "unknown"
            return {"closed": "closed", "paid": "paid", "refund": "paid"}.get(status, f"refused {code}")
        if code in self.is_closed:
            return "closed"
        return "paid" if code in self.is_paid else f"refused {code}"
