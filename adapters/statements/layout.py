"""What a layout may say, and how it is read from TOML.

.. code-block:: toml

    name = "pdd"                         # stands beside every file that was read by it
    platform = "pdd"
    title = "货款明细"
    version = 1
    source = "…"                         # where its columns are known from
    basis = "paid"                       # when an order's money is stated: paid or completed
    need = ["商户订单号", "发生时间"]      # the row that has all of these is the header
    personal = ["对方账号"]               # cells that are not kept

    [fields]                             # the first source that gives a text wins
    ref = ["账务流水号"]                  # the row's own number
    order = [{ column = "商户订单号", pattern = '^T\\d+P(\\d+)$' }, "业务基础订单号"]
    at = ["发生时间"]

    [[part]]                             # one line per part that is not zero; a single part: one line per row
    plus = ["收入金额（+元）"]
    minus = []
    kind = ""                            # empty: the table below decides

    [[kind]]                             # the first row whose conditions all hold; `*` stands for any text
    is = "refund"
    when = { "业务类型" = ["交易退款"] }
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from adapters.statements.errors import NotReadable

#: what a line may be about; the sandbox and the matching use the same words
KINDS = (
    "goods", "freight", "subsidy", "refund", "commission", "service_fee", "compensation", "advertising", "deposit",
    "withdrawal", "transfer", "tax", "adjustment", "other",
)  # fmt: skip
#: the order's own money, which we expect; the others are what it costs, or movements of the account
ORDER_KINDS = ("goods", "freight", "subsidy", "refund")
STATUSES = ("settled", "pending", "failed")
_FIELDS = ("ref", "order", "refund", "at", "currency")

#: a column by the names it goes by
Names = str | list[str]


class _Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Source(_Base, frozen=True, kw_only=True):
    """Where a text stands: a column, or the first group of a pattern in it."""

    column: Names
    pattern: str = ""


class Part(_Base, frozen=True, kw_only=True):
    """An amount: Σ plus − Σ minus. A column that the file has not counts as zero."""

    plus: list[Names] = []
    minus: list[Names] = []
    kind: str = ""


class Rule(_Base, frozen=True, kw_only=True, rename={"is_": "is"}):
    """A word, and the conditions on columns under which it holds."""

    is_: str = ""
    when: dict[str, list[str]] = {}


class Direction(_Base, frozen=True, kw_only=True, rename={"into": "in"}):
    """A column that says whether money comes or goes. `signed`: the amount has its sign already and must agree."""

    column: Names
    into: list[str]
    out: list[str]
    signed: bool = False


class Layout(_Base, frozen=True, kw_only=True, rename={"parts": "part", "kinds": "kind", "states": "status"}):
    """One way a platform writes its statements."""

    name: str
    platform: str
    title: str
    version: int
    source: str
    #: other platforms that write the same
    also: list[str] = []
    #: the least is preferred where several fit, as do the two sheets of one workbook
    rank: int = 0
    basis: str = "paid"
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    currencies: dict[str, str] = {}
    #: major (a decimal text) or minor (whole)
    unit: str = "major"
    #: what stands before the fraction: ".", "," or "auto" (as the file's first amount shows)
    decimal: str = "."
    #: strptime forms, or epoch_s, epoch_ms, iso
    times: tuple[str, ...] = (
        "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d",
    )  # fmt: skip
    need: list[str]
    footer: tuple[str, ...] = ("#",)
    skip: list[Rule] = []
    #: columns whose empty cells mean "as above"
    carry: list[str] = []
    personal: list[str] = []
    #: kinds beside `ORDER_KINDS` that belong to what the buyer paid
    order_kinds: list[str] = []
    #: of `ORDER_KINDS` those that this platform's orders do not tell, so that nothing can be expected of them
    untold: list[str] = []
    fields: dict[str, list[str | Source]]
    parts: list[Part]
    #: must equal the sum of the parts where it is stated
    total: Part | None = None
    direction: Direction | None = None
    kinds: list[Rule] = []
    states: list[Rule] = []

    @property
    def own_kinds(self) -> frozenset[str]:
        """Kinds of lines that are to be matched with what we expect."""
        return frozenset((*ORDER_KINDS, *self.order_kinds)) - set(self.untold)


def load(path: Path) -> Layout:
    """Read and check a layout.

    Raises:
        NotReadable: it is none; says the file, the place in it and what is wrong.
    """
    try:
        layout = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Layout)
    except (OSError, ValueError) as error:
        raise NotReadable(f"layout {path.name}: {error}") from error
    wrong = list(_problems(layout))
    if wrong:
        raise NotReadable(f"layout {path.name}: {'; '.join(wrong)}")
    return layout


def _problems(x: Layout) -> list[str]:
    found = [f"fields.{n} is not known; known: {', '.join(_FIELDS)}" for n in x.fields if n not in _FIELDS]
    found += [f"fields.{n} is missing" for n in ("at",) if n not in x.fields]
    kinds = [p.kind for p in x.parts] + [r.is_ for r in x.kinds] + x.order_kinds + x.untold
    found += [f"kind {k!r} is not known; known: {', '.join(KINDS)}" for k in kinds if k and k not in KINDS]
    found += [f"status {r.is_!r} is not known; known: {', '.join(STATUSES)}" for r in x.states if r.is_ not in STATUSES]
    found += [f"{name} = {value!r}; one of {', '.join(known)}" for name, value, known in (
        ("basis", x.basis, ("paid", "completed")), ("unit", x.unit, ("major", "minor")), ("decimal", x.decimal, (".", ",", "auto")),
    ) if value not in known]  # fmt: skip
    if not x.parts:
        found.append("no [[part]]: nothing would be read")
    try:
        ZoneInfo(x.zone)
    except (OSError, ValueError, KeyError):
        found.append(f"zone {x.zone!r} is not known")
    for sources in x.fields.values():
        found += [why for s in sources if isinstance(s, Source) and (why := _bad_pattern(s.pattern))]
    return found


def _bad_pattern(pattern: str) -> str:
    try:
        made = re.compile(pattern)
    except re.error as error:
        return f"pattern {pattern!r}: {error}"
    return "" if not pattern or made.groups == 1 else f"pattern {pattern!r} needs one group"
