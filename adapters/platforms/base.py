"""The template of a platform adapter. The base owns every loop; a platform writes down only what differs.

What a platform must write: how a call is signed and addressed (`request`), how an answer is judged (`verdict`), the
call for a page and what its answer holds (`list_call`, `read_list`), and one item as a document (`document`,
`identify`). What it may write: details, ship notices, levels, refund answers, merge groups, tokens. What it does not
write, it cannot: the base says so by name (`Unsupported`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec

from adapters.core import stating, writing
from adapters.core.calling import Caller
from adapters.core.fields import FieldError
from adapters.core.options import COMMON
from adapters.core.pulling import Pull
from adapters.core.push import Push
from adapters.core.shapes import (
    Ask,
    Capabilities,
    LevelCall,
    Option,
    Page,
    PullReport,
    Scan,
    ShipCapability,
    StockCapability,
    accepts,
)
from adapters.core.wire import Answer, Call, Fault, Request, Verdict
from adapters.documents import (
    Document,
    Doubt,
    LevelUpdate,
    OrderDocument,
    Pulled,
    RefundAnswer,
    ShipNotice,
    WriteResult,
    without_zone,
)
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, Refused, Retryable, Unsupported
from adapters.ports import AccessToken, Connection, Limit

__all__ = [
    "DERIVED", "NEVER", "Answer", "Ask", "Call", "Capabilities", "Fault", "LevelCall", "Option", "Page", "Platform", "Pull", "PullReport", "Push",
    "Request", "Scan", "ShipCapability", "StockCapability", "Verdict",
]  # fmt: skip

#: modification time of an item whose detail could not be had
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

#: mark of a latest shipping time that the platform did not send
DERIVED = Doubt(field="ship_by", why="derived")


class Platform(ABC):
    """One shop at one platform; thread-safe. `close` it."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: IANA name of the zone its times and days are in
    zone: ClassVar[str] = "Asia/Shanghai"
    currency: ClassVar[str] = "CNY"
    #: documents this adapter is written from, with dates
    source: ClassVar[str]
    #: scheme and host that calls go to unless the settings name another
    home: ClassVar[str]
    #: path of the one entry that all calls go to, where the platform has one
    entry: ClassVar[str] = ""
    #: beside `COMMON`
    options: ClassVar[Mapping[str, Option]] = {}
    #: kind (orders, refunds) → how it is read completely
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]]
    capabilities: ClassVar[Capabilities] = Capabilities()
    #: method (or ``*``) → its rate
    limits: ClassVar[Mapping[str, Limit]] = {}
    #: kind → how old a thing may be to be listed
    max_lookback_days: ClassVar[Mapping[str, int]] = {}
    #: our carrier code → the platform's
    carriers: ClassVar[Mapping[str, str]] = {}
    #: details in one call
    detail_batch: ClassVar[int] = 1
    #: kinds of which one further call per thing tells what neither list nor detail does, see `supplement_call`
    supplements: ClassVar[frozenset[str]] = frozenset()
    #: access tokens are renewed this long before their end
    renew_before_s: ClassVar[float] = 300.0
    #: doubtful fields: path → what is not proven about it
    doubtful: ClassVar[Mapping[str, str]] = {}

    def __init__(self, connection: Connection) -> None:
        unknown = sorted(set(connection.options) - set(self.all_options()))
        if unknown:
            known = ", ".join(sorted(self.all_options()))
            raise Unsupported(f"{self.name}: options {', '.join(unknown)}; known: {known}", shop=connection.shop)
        self.connection = connection
        self.shop = connection.shop
        self._values = {name: self._checked(name, option) for name, option in self.all_options().items()}
        self.seller_id = connection.credentials.seller_id
        self._caller = Caller(self, connection)

    # ================================================================ what a platform writes down
    @abstractmethod
    def request(self, call: Call, token: str) -> Request:
        """Sign and address a call. `token` is empty for calls without one."""

    @abstractmethod
    def verdict(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by its envelope; a body that is no envelope raises ValueError."""

    @abstractmethod
    def list_call(self, ask: Ask) -> Call:
        """The call for one page."""

    @abstractmethod
    def read_list(self, kind: str, body: bytes) -> Page:
        """What a good answer to `list_call` holds; an answer to something else gives an empty page."""

    def read_answer(self, kind: str, answer: Answer) -> Page:
        """As `read_list`, where a total or the way to the next page stands in the header."""
        return self.read_list(kind, answer.body)

    @abstractmethod
    def document(self, kind: str, raw: bytes) -> Document:
        """One item as a document. Raises FieldError (adapters.core.fields) or msgspec's errors."""

    @abstractmethod
    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        """Number and modification time of an item, whatever else may be wrong with it."""

    def detail_call(self, kind: str, numbers: Sequence[str]) -> Call:
        """The call for the details of at most `detail_batch` things."""
        raise Unsupported(f"{self.name}: the current state of single {kind}", shop=self.shop)

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        """The items in a good answer to `detail_call`."""
        return ()

    def beside(self, kind: str, raws: Sequence[bytes]) -> Sequence[bytes]:
        """The items with what somebody else knows of them put beside each, by calls; the same where nobody does."""
        return raws

    def is_partial(self, document: Document) -> bool:
        """Whether the list left out something that its detail has."""
        return False

    def supplement_call(self, kind: str, number: str) -> Call:
        """The further call for a thing that is partial, where `supplements` names its kind."""
        raise Unsupported(f"{self.name}: more about single {kind}", shop=self.shop)

    def supplement(self, raw: bytes, body: bytes) -> bytes:
        """An item with what a good answer to `supplement_call` adds to it; `document` reads both forms."""
        return raw

    def ship_calls(self, notice: ShipNotice) -> Sequence[Call]:
        """The calls that tell one notice."""
        raise Unsupported(f"{self.name}: ship notices", shop=self.shop)

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[LevelCall]:
        """The calls that set these levels."""
        raise Unsupported(f"{self.name}: stock levels", shop=self.shop)

    def level_failures(self, body: bytes) -> Mapping[str, tuple[str, str]]:
        """Listings that a good answer to a level call still refuses: listing_id → (code, message)."""
        return {}

    def read_level_call(self, update: LevelUpdate) -> Call:
        """The call that reads one listing's level."""
        raise Unsupported(f"{self.name}: reading stock levels", shop=self.shop)

    def read_level(self, body: bytes) -> int:
        """Pieces in a good answer to `read_level_call`."""
        raise Unsupported(f"{self.name}: reading stock levels", shop=self.shop)

    def read_level_of(self, update: LevelUpdate, body: bytes) -> int:
        """As `read_level`, where the answer tells of more than one listing."""
        return self.read_level(body)

    def refund_call(self, answer: RefundAnswer) -> Call:
        """The call that answers one refund."""
        raise Unsupported(f"{self.name}: answering refunds", shop=self.shop)

    def written(self, call: Call, body: bytes) -> str:
        """The handle to poll when a good answer to a write only says "accepted"; empty: it is done."""
        return ""

    def poll_call(self, handle: str) -> Call:
        """The call that asks what became of an accepted write."""
        raise Unsupported(f"{self.name}: nothing to poll, writes are done at once", shop=self.shop)

    def read_poll(self, body: bytes) -> tuple[str, str, str]:
        """(outcome, code, message) in a good answer to `poll_call`; outcome is done, refused or accepted."""
        raise Unsupported(f"{self.name}: nothing to poll, writes are done at once", shop=self.shop)

    def verify_push(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Push:
        """Prove that a pushed message is the platform's, and say what it is about; no network.

        Args:
            headers: as they came; names in any capitals.
            secrets: those that may have signed it: the current one, and an older one for a while after a change.

        Raises:
            NotVerified: it is not proven. Unreadable: it is the platform's and does not say what it is about.
        """
        raise Unsupported(f"{self.name}: pushed messages", shop=self.shop)

    def merge_groups(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        """Ask the platform which orders share buyer and address: (order number, cipher) in, groups of numbers out.

        Each number is in exactly one group; one that merges with nothing is alone.
        """
        raise Unsupported(f"{self.name}: asking which orders may merge", shop=self.shop)

    def statement_call(self, start: datetime, end: datetime, cursor: str) -> Call:
        """The call for a page of the settlement statement of [start, end); `cursor` as the page before gave it."""
        raise Unsupported(f"{self.name}: settlement statements by call", shop=self.shop)

    def statement_row_call(self, number: str) -> Call:
        """The call for one row, where a page holds numbers only."""
        raise Unsupported(f"{self.name}: single rows of a statement", shop=self.shop)

    def read_statement(self, body: bytes) -> Page:
        """What a good answer to either holds: rows as they are, or their numbers, and the cursor of the next page."""
        raise Unsupported(f"{self.name}: settlement statements by call", shop=self.shop)

    def token_call(self, old: AccessToken | None) -> Call:
        """The call that gives a new access token."""
        raise NotAuthorised(f"{self.name}: there is no token and none can be had by a call", shop=self.shop)

    def read_token(self, body: bytes) -> AccessToken:
        """The token in a good answer to `token_call`."""
        raise NotAuthorised(f"{self.name}: there is no token and none can be had by a call", shop=self.shop)

    # ================================================================ what callers use
    def pull(
        self, kind: str, scan: Scan, start: datetime, end: datetime, *, cursor: str = "", light: bool = False
    ) -> Pull:
        """Read one scan of [start, end). Times are aware. `light`: ids and times suffice (documents may be missing)."""
        if kind not in self.scans:
            raise Unsupported(f"{self.name}: pulling {kind}", shop=self.shop)
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("pull: start and end must be aware")
        return Pull(self, kind, scan, start, end, cursor=cursor, light=light)

    def current(self, numbers: Sequence[str], kind: str = "orders") -> list[Pulled]:
        """The state of these things at the platform now, in the order given; what is not found has an error."""
        return [item for part in self.side_by_side(kind, numbers) for item in part]

    def side_by_side(self, kind: str, numbers: Sequence[str]) -> list[list[Pulled]]:
        """Details in sets of `detail_batch`, asked for in so many threads as the option says; one list per set."""
        size = self.detail_batch
        sets = [numbers[i : i + size] for i in range(0, len(numbers), size)]
        threads = min(int(self.option("detail_threads")), len(sets))
        if threads <= 1:
            return [self.details(kind, part) for part in sets]
        with ThreadPoolExecutor(threads, thread_name_prefix="detail") as pool:
            return list(pool.map(lambda part: self.details(kind, part), sets))

    def supplemented(self, kind: str, items: Sequence[Pulled]) -> list[Pulled]:
        """Partial items with what one further call each adds; one whose call failed stays partial."""
        threads = min(int(self.option("detail_threads")), len(items))
        if threads <= 1:
            return [self._supplemented(kind, item) for item in items]
        with ThreadPoolExecutor(threads, thread_name_prefix="supplement") as pool:
            return list(pool.map(lambda item: self._supplemented(kind, item), items))

    def parse(self, kind: str, answer: bytes) -> list[Pulled]:
        """The items in a captured answer, be it a list or a detail. No network.

        Raises:
            BadAnswer: no answer of this platform, or one with nothing to read. Refused: an error envelope.
        """
        try:
            verdict = self.verdict(Call(api="parse", params={}), Answer(status=200, body=answer))
            if verdict.act != "ok":
                raise Refused(verdict.message, code=verdict.code, request_id=verdict.request_id)
            page = self.read_list(kind, answer)
            raws = page.items or self.read_detail(kind, answer)
        except (msgspec.MsgspecError, FieldError, ValueError, AttributeError) as error:
            raise BadAnswer(f"not an answer of {self.name} with {kind} ({type(error).__name__})") from error
        if page.ids and not raws:
            return [Pulled(kind=kind, number=n, raw=b"", error="ids_only") for n in page.ids]
        return [self.translate(kind, raw) for raw in raws]

    def ship(self, notices: Sequence[ShipNotice]) -> list[WriteResult]:
        """Tell the platform that parcels left. See `adapters.core.writing` for the outcomes."""
        return writing.ship(self, notices)

    def shipped(self, notices: Sequence[ShipNotice]) -> list[WriteResult]:
        """Read notices back: done, retry (surely not there), unknown."""
        return writing.shipped(self, notices)

    def set_levels(self, updates: Sequence[LevelUpdate]) -> list[WriteResult]:
        """Publish stock levels."""
        return writing.set_levels(self, updates)

    def read_levels(self, updates: Sequence[LevelUpdate]) -> dict[str, int]:
        """Levels as the platform shows them now, by key."""
        return writing.read_levels(self, updates)

    def poll(self, handles: Sequence[tuple[str, str]]) -> list[WriteResult]:
        """Ask about accepted writes: (key, poll) pairs as their results named them."""
        return writing.poll(self, handles)

    def answer_refunds(self, answers: Sequence[RefundAnswer]) -> list[WriteResult]:
        """Tell our decisions on refunds."""
        return writing.answer_refunds(self, answers)

    def statement(self, start: datetime, end: datetime) -> Iterator[bytes]:
        """The rows of the settlement statement booked in [start, end), each as the platform's own JSON."""
        return stating.rows(self, start, end)

    def renew_token(self) -> AccessToken:
        """Renew the shop's access token now and keep it."""
        return self._caller.renew(self.connection.tokens.load())

    def platform_time(self) -> datetime | None:
        """The platform's clock as its last answer showed it; None before the first."""
        return self._caller.transport.last_date

    def drain_faults(self) -> list[Fault]:
        """Faults on the wire since the last time, also those a repetition healed, for the run's record."""
        return self._caller.drain_faults()

    def close(self) -> None:
        """Close the kept connections."""
        self._caller.transport.close()

    # ================================================================ helpers for platforms
    def latest_shipping(self, paid_at: datetime | None) -> datetime | None:
        """The latest shipping time by the house's own rule, for platforms that send none; mark it `DERIVED`."""
        hours = self._values["ship_within_h"]
        return paid_at + timedelta(hours=hours) if paid_at is not None and hours else None

    def carrier(self, code: str) -> str:
        """The platform's code of one of our carriers; a code without a translation goes through as it is."""
        return self.carriers.get(code, code)

    # ================================================================ machinery
    @classmethod
    def all_options(cls) -> dict[str, Option]:
        """Every option this adapter understands."""
        return {**COMMON, **cls.options}

    def option(self, name: str) -> Any:
        """The value of an option, from the shop's settings or its default."""
        return self._values[name]

    def _checked(self, name: str, declared: Option) -> Any:
        value = self.connection.options.get(name, declared.default)
        try:
            return accepts(declared, value)
        except ValueError as error:
            raise Unsupported(f"{self.name}: option {name} = {value!r}; allowed: {error}", shop=self.shop) from None

    def address(self, path: str, home: str = "") -> str:
        """The URL of a path at the platform's home, or at the base_url of the settings (which may end in `entry`)."""
        base = (self.connection.base_url or home or self.home).rstrip("/")
        return base.removesuffix(self.entry) + path

    def limit(self, group: str) -> Limit:
        rate = float(self.option("rate_per_s"))
        if rate:
            return Limit(rate_per_s=rate, burst=max(int(rate), 1))
        return self.limits.get(group) or self.limits.get("*") or Limit()

    def page_size(self, scan: Scan) -> int:
        return int(self.option("page_size")) or scan.size

    def now(self) -> datetime:
        return self.connection.clock.now()

    def call(self, call: Call) -> Answer:
        """Make a call through the loop of `adapters.core.calling`."""
        return self._caller.call(call)

    def as_write(self, call: Call, about: str) -> Call:
        return msgspec.structs.replace(call, write=True, about=call.about or about)

    def make_token(self, old: AccessToken | None) -> AccessToken:
        """Get a new token by a call; a refusal means that the merchant must authorise again."""
        try:
            answer = self._caller.plain(self.token_call(old))
        except Refused as error:
            raise NotAuthorised(str(error), code=error.code, shop=self.shop, request_id=error.request_id) from error
        return self.read_token(answer.body)

    def fetch(self, ask: Ask) -> Page:
        """One page of a scan."""
        call = self.list_call(ask)
        place = "count" if ask.count_only else f"page {ask.page}"
        about = f"{ask.start:%Y-%m-%dT%H:%M:%SZ}/{ask.end:%Y-%m-%dT%H:%M:%SZ} {place}"
        answer = self.call(msgspec.structs.replace(call, about=call.about or about))
        try:
            page = self.read_answer(ask.kind, answer)
            if page == Page():
                raise ValueError("no list in it")
        except (msgspec.MsgspecError, FieldError, ValueError) as error:
            raise BadAnswer(
                f"{call.label}: {type(error).__name__}", shop=self.shop, request_id=answer.request_no
            ) from error
        return msgspec.structs.replace(page, items=self.beside(ask.kind, page.items), request_no=answer.request_no)

    def details(self, kind: str, numbers: Sequence[str]) -> list[Pulled]:
        """Details of one set, in the order given; a number that gives none has the error ``detail_failed``."""
        try:
            call = self.detail_call(kind, numbers)
            about = numbers[0] if len(numbers) == 1 else f"{len(numbers)} {kind}"
            answer = self.call(msgspec.structs.replace(call, about=call.about or about))
            found = {
                item.number: msgspec.structs.replace(item, request_no=answer.request_no)
                for item in (
                    self.translate(kind, raw) for raw in self.beside(kind, self.read_detail(kind, answer.body))
                )
            }
        except (Refused, BadAnswer, Retryable, msgspec.MsgspecError, FieldError) as error:
            if len(numbers) > 1:
                return [item for number in numbers for item in self.details(kind, (number,))]
            return [_no_detail(kind, numbers[0], error)]
        if kind in self.supplements:
            found = {
                item.number: item if self.whole(item) else self._supplemented(kind, item) for item in found.values()
            }
        if len(numbers) == 1 and len(found) == 1 and "" in found:
            # Its number cannot be read, but it was asked for by number.
            return [msgspec.structs.replace(found[""], number=numbers[0])]
        if len(numbers) > 1 and "" in found:
            # One of them cannot even be named: asked for alone, it has the number it was asked by.
            return [found[n] if n in found else self.details(kind, (n,))[0] for n in numbers]
        return [found.get(n) or _no_detail(kind, n, None) for n in numbers]

    def whole(self, item: Pulled) -> bool:
        """Whether nothing of an item is missing that another call could tell."""
        return item.document is None or not self.is_partial(item.document)

    def _supplemented(self, kind: str, item: Pulled) -> Pulled:
        try:
            call = self.supplement_call(kind, item.number)
            answer = self.call(msgspec.structs.replace(call, about=call.about or item.number))
            fuller = self.translate(kind, self.supplement(item.raw, answer.body))
        except (Refused, BadAnswer, Retryable, msgspec.MsgspecError, FieldError):
            return item
        return msgspec.structs.replace(fuller, number=fuller.number or item.number, request_no=answer.request_no)

    def translate(self, kind: str, raw: bytes, *, light: bool = False) -> Pulled:
        """One item as a `Pulled`; whatever is wrong with it stays with it."""
        try:
            if light:
                number, modified = self._identified(kind, raw)
                return Pulled(kind=kind, number=number, modified_at=modified, raw=raw)
            document = self.document(kind, raw)
            if naive := without_zone(document):
                raise FieldError(naive, "bad_time", "without a zone")
        except FieldError as error:
            return self._unreadable(kind, raw, error.code, str(error))
        except msgspec.MsgspecError as error:
            return self._unreadable(kind, raw, "unreadable", str(error))
        except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError) as error:
            return self._unreadable(kind, raw, "unreadable", type(error).__name__)
        number = document.platform_order_no if isinstance(document, OrderDocument) else document.platform_refund_no
        return Pulled(kind=kind, number=number, modified_at=document.modified_at, document=document, raw=raw)

    def _identified(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        """Number and modification time; one without a zone could be any of many times and counts as none."""
        number, modified = self.identify(kind, raw)
        return number, modified if modified is not None and modified.tzinfo is not None else None

    def _unreadable(self, kind: str, raw: bytes, error: str, detail: str) -> Pulled:
        try:
            number, modified = self._identified(kind, raw)
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError):
            number, modified = "", None
        return Pulled(kind=kind, number=number, modified_at=modified, raw=raw, error=error, detail=detail)


def _no_detail(kind: str, number: str, error: Exception | None) -> Pulled:
    raw = msgspec.json.encode({"number": number})
    if isinstance(error, AdapterError):
        what = f"{type(error).__name__} {error.code}".strip()
        detail = f"{what} (request {error.request_id})" if error.request_id else what
    else:
        detail = "the answer does not hold it" if error is None else type(error).__name__
    # Nothing was learned about the thing itself: older than any version of it, so that it never hides one.
    return Pulled(kind=kind, number=number, modified_at=NEVER, raw=raw, error="detail_failed", detail=detail)
