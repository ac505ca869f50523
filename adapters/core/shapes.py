"""What a platform writes down about itself, and what the base hands back: data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from adapters.documents import LevelUpdate

PagingKind = Literal["backward", "forward", "cursor"]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option of an adapter that a shop's settings may set."""

    help: str
    default: Any
    #: allowed values; empty: any of the default's type
    choices: tuple[Any, ...] = ()


def accepts(declared: Option, value: Any) -> Any:
    """The value as the option holds it: of its default's type, among its choices, not negative.

    Raises:
        ValueError: it is not; the message says what is allowed.
    """
    wanted = type(declared.default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    wrong = not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)
    if wrong or (declared.choices and value not in declared.choices) or (isinstance(value, (int, float)) and value < 0):
        raise ValueError(" | ".join(map(str, declared.choices)) or wanted.__name__)
    return value


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One way to read a kind of thing completely; a pull of that kind runs all its scans.

    by: ``modified``, ``created``, ``state``, ``id`` or ``version``: what the platform selects by. Only the first two
    have windows. `reach_s`: the platform has no filter by modification, so the asked window starts this much earlier
    and what did not change since is handed over again, uncounted.
    """

    name: str
    by: str = "modified"
    paging: PagingKind = "backward"
    #: rows a page
    size: int = 50
    #: longest window the platform allows; the base cuts longer ones
    span_s: float = 86400.0
    #: rows reachable in one window; fuller windows are halved. 0: no limit
    max_rows: int = 0
    reach_s: float = 0.0
    #: lists are whole only so long after the moment: pulling stays this far behind the present
    behind_s: float = 0.0
    #: the list names ids only: details follow
    ids_only: bool = False


class Pass(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One reading of a window or a part of it, as evidence: which answers it rests on, and what they said."""

    #: our numbers of the requests whose answers were read (header X-Request-Id), in order
    requests: list[str] = []
    #: the platform's total before and after, as told
    before: int | None = None
    after: int | None = None
    #: ids that came, in the window and around it
    distinct: int = 0
    #: numbers that came twice in one answer
    twice: list[str] = []
    #: numbers of items that could not be read; ``?``: not even the number
    unreadable: list[str] = []
    #: counted, exhausted, or why it proves nothing
    verdict: str = ""


class PullReport(msgspec.Struct, kw_only=True):
    """What a pull saw, and whether that proves its window.

    proof: ``counted`` (the platform's total before and after paging = the distinct ids that came) or ``exhausted`` (the
    cursor ended and another pass brought nothing new); empty: see `reason`.
    """

    pages: int = 0
    #: documents handed over, also outside the window
    items: int = 0
    #: ids inside [start, end)
    distinct: int = 0
    #: ids the platform sent along whose time lies outside (its ends are inclusive and in whole seconds)
    outside: int = 0
    #: what the platform said there is, less `outside`: compares with `distinct`
    total_before: int | None = None
    total_after: int | None = None
    proof: str = ""
    reason: str = ""
    #: items that came without a document
    unreadable: int = 0
    #: every reading, in order
    passes: list[Pass] = []


class ShipCapability(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform's ship notice can say."""

    #: orders in one call
    batch: int = 1
    #: parcels an order may have; 0: no limit
    parts_per_order: int = 0
    #: single lines and quantities can be told
    partial: bool = True
    read_back: bool = True
    asynchronous: bool = False


class StockCapability(msgspec.Struct, frozen=True, kw_only=True):
    """How a listing's level is set."""

    mode: Literal["absolute", "delta", "both"] = "absolute"
    #: listings in one call
    batch: int = 1
    read_back: bool = False
    asynchronous: bool = False


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What this platform can do beside pulling; None or empty: it cannot."""

    #: there is somebody to ask and to tell; False: its orders come from files and live here alone
    remote: bool = True
    ship: ShipCapability | None = None
    stock: StockCapability | None = None
    #: agree, refuse, goods_received
    refunds: tuple[str, ...] = ()
    merge_groups: bool = False
    last_look: bool = True
    #: settlement statements by call
    statements: bool = False


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One page to be asked for. `start` and `end` are whole seconds, both inclusive; `page` counts from 0."""

    kind: str
    scan: Scan
    start: datetime
    end: datetime
    page: int = 0
    cursor: str = ""
    size: int = 50
    #: ids and times suffice
    light: bool = False
    #: the total is wanted
    total: bool = False
    #: only the total is wanted
    count_only: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a list answer holds: the raw bytes of each item, or ids where the list names no more."""

    items: Sequence[bytes] = ()
    ids: Sequence[str] = ()
    total: int | None = None
    #: what the platform says about further pages; None: nothing
    more: bool | None = None
    cursor: str = ""
    #: our number of the request it answers
    request_no: str = ""


class LevelCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call that sets the levels of several listings."""

    api: str
    params: Mapping[str, Any]
    updates: tuple[LevelUpdate, ...]
