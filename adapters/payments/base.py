"""The template of a payment channel. The base owns the loops; a channel writes down only what differs.

What a channel writes: how a call is signed (`request`), judged (`verdict`, by its table `codes`) and verified (`verify`);
the call for each act and what its answer says; how a notification is verified and read; how a bill is fetched and read.
What the base owns: repeating what may be repeated, errors by kind, checks that an answer speaks of what was asked,
limits on sizes, and that no secret reaches a message. Whatever is asked again under the same number is the same thing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, NoReturn, TypeVar

import msgspec

from adapters.core.fields import CHINA, FieldError
from adapters.core.shapes import Option, accepts
from adapters.core.wire import Answer, Call, Request, Verdict
from adapters.errors import (
    AnswerLost,
    BadAnswer,
    NotVerified,
    NotYet,
    Refused,
    Retryable,
    Uncertain,
    Unreadable,
    Unsupported,
)
from adapters.payments._calling import Caller
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
from adapters.ports import Clock, Retry

__all__ = ["Answer", "BillLink", "Call", "Channel", "ChannelConnection", "Option", "Request", "Verdict"]

T = TypeVar("T")

#: options that every channel has; sizes guard against answers and archives made to fill the memory
COMMON: Mapping[str, Option] = {
    "answer_kb": Option(help="largest answer to a call, KiB", default=1024),
    "notification_kb": Option(help="largest notification, KiB", default=64),
    "download_mb": Option(help="largest bill file as downloaded, MiB", default=64),
    "unpacked_mb": Option(help="largest bill after unpacking, MiB", default=512),
}


#: what readers raise about what they cannot read
UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError, ArithmeticError)


def why(error: Exception) -> tuple[str, str]:
    """A reason code and words for what a reader raised; the words name places and types, never values."""
    match error:
        case FieldError():
            return error.code, str(error)
        case msgspec.ValidationError():
            return "bad_shape", str(error)
        case msgspec.DecodeError():
            return "not_json", str(error)
        case _:
            return "unreadable", type(error).__name__


class ChannelConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one channel instance gets. Secrets and keys are functions, read at each use.

    secret: by the name of the setting, those in `Channel.reads`. public_keys: id of a key → PEM (a public key, or a
    certificate), those that the channel may sign with; empty where the channel takes its key through `secret`.
    """

    alias: str
    base_url: str = ""
    merchant_id: str
    app_id: str
    #: where the channel sends notifications; a public address
    notify_url: str = ""
    secret: Callable[[str], str]
    public_keys: Callable[[], Mapping[str, str]] = dict
    clock: Clock
    retry: Retry = Retry()
    #: httpx.BaseTransport for tests; None: the network
    transport: object | None = None
    #: settings declared in `Channel.options`
    options: dict[str, object] = {}

    @property
    def shop(self) -> str:
        return self.alias

    def __repr__(self) -> str:
        return f"ChannelConnection(alias={self.alias!r}, merchant_id={self.merchant_id!r}, ***)"


class BillLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bill file is for a short time. Its address holds a token and never shows. sha1: empty where not told."""

    url: str
    sha1: str = ""

    def __repr__(self) -> str:
        return "BillLink(***)"


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
        self._check_day(day)
        call = self.bill_call(day, kind)
        try:
            answer = self._caller.persist(False, lambda: self._download(call))
        except Refused as error:
            self._no_bill(day, error)
            return None
        return answer.body

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

    # ---- bills
    def _download(self, call: Call) -> Answer:
        """Both steps: links live for seconds, so a failed download asks for a new one."""
        link = self.reading(lambda: self.read_bill_link(self._caller.once(call).body))
        answer = self._caller.downloads.send(self.download_request(link), f"{call.label} download")
        if answer.status != 200:
            raise Retryable(f"{call.label} download", code=f"http_{answer.status}", shop=self.alias)
        return msgspec.structs.replace(answer, body=self.check_file(link, answer))

    def _check_day(self, day: date) -> None:
        local = self.now().astimezone(CHINA)
        if day >= local.date():
            made = datetime(day.year, day.month, day.day, 10, tzinfo=CHINA) + timedelta(days=1)
            self._not_yet(day, (made - local).total_seconds())

    def _no_bill(self, day: date, error: Refused) -> None:
        """Return when there will never be one; raise when there may, or when it was refused for another reason."""
        if error.code in self.no_bill and self._is_due(day):
            return
        if error.code in self.bill_later or error.code in self.no_bill:
            self._not_yet(day, self.bill_later.get(error.code, 1800.0))
        raise error

    def _is_due(self, day: date) -> bool:
        """Whether bills of that day have surely been made: after ten the next morning, in Beijing."""
        local = self.now().astimezone(CHINA)
        return local >= datetime(day.year, day.month, day.day, 10, tzinfo=CHINA) + timedelta(days=1)

    def _not_yet(self, day: date, wait_s: float) -> NoReturn:
        raise NotYet(f"{self.name}: the bill of {day}", retry_after_s=max(wait_s, 60.0), shop=self.alias)
