"""The shape of `oms.toml`, with every default. Read by `jobs/settings.py`; durations are seconds inside."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: the platform of orders that no marketplace owns: they are imported, and nobody else is asked or told
OWN = "own"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: object) -> float:
    """Read ``90``, ``"45s"``, ``"10m"``, ``"2h"``, ``"1d"`` or ``"1h30m"`` as seconds."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    if isinstance(text, timedelta):
        return text.total_seconds()
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", str(text))
    if not parts or "".join(n + u for n, u in parts) != str(text).replace(" ", ""):
        raise ValueError(f"{text!r} is not a duration; write for example 45s, 10m, 2h, 1d or 1h30m")
    return sum(float(n) * _UNITS[u] for n, u in parts)


Seconds = Annotated[float, BeforeValidator(duration_s), Field(ge=0)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoresSection(Section):
    """Store URLs; each empty one is SQLite in the data folder."""

    orders: str = ""
    inbox: str = ""
    stock: str = ""
    #: where stock is reserved in Redis: the SQL database that its journal is drained into; empty: as for `stock`
    stock_books: str = ""
    ledger: str = ""
    settlement: str = ""
    reports: str = ""
    #: empty: no bus, the status columns feed the jobs
    bus: str = ""


class BusinessSection(Section):
    """The brand's own calendar and money."""

    zone: str = "Asia/Shanghai"
    currency: str = "CNY"


class FollowSection(Section):
    """Workers (`--follow`). Every `sweep` a stage is worked through also when the bus tells nothing."""

    sweep: Seconds = Field(60.0, gt=0)


class RetrySection(Section):
    """Backoff for retryable calls to platforms."""

    waits: tuple[Seconds, ...] = (10.0, 30.0, 60.0)
    within: Seconds = 300.0
    timeout: Seconds = 30.0


class BreakerSection(Section):
    """After `failures` failed calls in a row a shop rests for `rest`."""

    failures: int = Field(3, ge=1)
    rest: Seconds = 600.0


class SyncSection(Section):
    """Pulling. `overlap` is the least; measured lateness raises it up to `overlap_max`."""

    overlap: Seconds = 600.0
    overlap_max: Seconds = 6 * 3600.0
    #: how far back a shop's first run goes
    first: Seconds = 3 * 86400.0
    #: longest window asked at once (platforms may force shorter ones)
    window: Seconds = 3600.0
    #: shops pulled side by side
    threads: int = Field(4, ge=1, le=32)
    lease: Seconds = 120.0
    #: an open window alarms after this age
    window_alarm: Seconds = 3600.0
    #: open windows tried again per run and shop
    retry_windows: int = 20


class PushSection(Section):
    batch: int = Field(50, ge=1, le=500)
    lease: Seconds = 60.0


class AuditSection(Section):
    """Rules that hold an order. An empty or zero value switches a rule off."""

    batch: int = Field(500, ge=1, le=500)
    lease: Seconds = 60.0
    #: hold above this payable amount, per currency, minor units
    amount_above: dict[str, int] = {"CNY": 500_000}
    #: hold when more than this of the payable is explained by no named part, minor units; 0: any rest holds
    unexplained_above: int = 0
    #: regular expressions in buyer or seller remark that want a person
    remark_patterns: tuple[str, ...] = ()
    #: hold when the buyer left any remark
    any_buyer_remark: bool = False
    #: buyer keys (as `oms order show` prints them), never shipped without a person
    blacklist: tuple[str, ...] = ()
    #: words in province, city or district that are held
    address_words: tuple[str, ...] = ()
    #: flags that are held: presale, gift, cod, group_unfinished, ...
    hold_flags: tuple[str, ...] = ("presale", "group_unfinished")


class WarehouseSection(Section):
    """A place that ships: warehouse, store or factory."""

    title: str = ""
    kind: Literal["warehouse", "store", "factory"] = "warehouse"
    #: provinces or cities it serves first; empty: all alike
    regions: tuple[str, ...] = ()
    #: regions it never serves
    excludes: tuple[str, ...] = ()
    #: smaller is preferred
    priority: int = 100
    #: default carrier for its parcels, our code
    carrier: str = "SF"
    #: pieces of each SKU kept back from sourcing
    safety: int = 0
    enabled: bool = True


class SourcingSection(Section):
    batch: int = Field(500, ge=1, le=500)
    lease: Seconds = 60.0
    #: rules in order; each ranks the places or abstains (jobs/rules/sourcing.py)
    rules: tuple[str, ...] = ("fewest_parcels", "region", "kind", "priority", "stock_depth")
    #: a split is allowed only when every part is worth at least this, minor units
    split_min_minor: int = 5_000
    split: bool = True
    max_parts: int = Field(3, ge=1)
    #: after so many tries a short order is held for a person
    max_reroutes: int = 9
    #: a short order is tried again after this time
    retry: Seconds = 900.0


class MergeSection(Section):
    #: how long a sourced order waits for others of the same buyer and address
    window: Seconds = 1800.0
    #: merge at once when ship_by is nearer than this
    press: Seconds = 4 * 3600.0
    batch: int = Field(500, ge=1, le=500)
    lease: Seconds = 60.0
    max_orders: int = 20
    #: flags that never merge
    never_flags: tuple[str, ...] = ("cod", "presale", "gift", "virtual")


class ShippingSection(Section):
    """Hand-over, last look, ship notices."""

    batch: int = Field(200, ge=1, le=500)
    lease: Seconds = 60.0
    #: shops told side by side
    threads: int = Field(4, ge=1, le=32)
    #: ask the platform for the current status before hand-over and before the notice
    last_look: bool = True


class StockSection(Section):
    #: alarm when available falls below
    alert_below: int = 50
    batch: int = Field(500, ge=1, le=500)


class LevelSection(Section):
    """What a shop publishes: floor((on hand − held − claims − safety) × share), never above `cap`."""

    share: float = Field(1.0, ge=0, le=1)
    safety: int = 0
    cap: int = 0
    #: below this the shop shows zero
    floor: int = 0
    #: levels are not raised when the shop's frontier is older
    frontier_max_age: Seconds = 1800.0
    #: warehouses that count for this shop; empty: all
    warehouses: tuple[str, ...] = ()


class RefundsSection(Section):
    """Automatic decisions; what no rule decides waits for a person."""

    auto_unpaid: bool = True
    auto_unshipped: bool = True
    #: amounts above are always decided by a person, minor units; 0: no limit
    auto_up_to_minor: int = 0
    #: warehouse that takes returns; empty: the one that shipped
    returns_to: str = ""
    #: an exchange sends its goods once it is approved, not only when the old ones are back
    exchange_first: bool = False
    #: own shop of the orders that exchanges and reships of marketplace orders make; empty: the only own shop
    linked_shop: str = ""


class RateSection(Section):
    """A fee that a platform takes by rate: what it states is compared with what the rate gives."""

    #: shops (globs)
    shops: tuple[str, ...]
    #: commission or service_fee
    kind: Literal["commission", "service_fee"]
    #: ten-thousandths of what the buyer paid and kept
    e4: int = Field(ge=0, le=10_000)
    #: rounded once per order, or per order line
    per: Literal["order", "line"] = "order"
    rounding: Literal["half_up", "down"] = "half_up"
    #: per order: also of what the buyer paid for the way
    freight: bool = True


class SettlementSection(Section):
    """Statements of platforms against what we expect."""

    #: folder of layouts of your own (`*.toml`), relative to the settings file
    layouts: str = ""
    #: file of tolerance rules (.toml or .json); empty: nothing is tolerated
    rules: str = ""
    #: fees to expect
    rates: tuple[RateSection, ...] = ()
    #: platform → paid or completed: when an order's money is stated, where it differs from the layout's word
    basis: dict[str, Literal["paid", "completed"]] = {}
    #: what stands open is looked at again after
    recheck: Seconds = 2 * 86400.0
    #: orders so much older than the period may still be stated in it
    back: Seconds = 180 * 86400.0
    #: and so much younger ones
    ahead: Seconds = 3 * 86400.0
    lease: Seconds = 120.0


class CompleteSection(Section):
    #: shipped orders complete when the platform says so, or after this time
    after: Seconds = 15 * 86400.0


class ExpireSection(Section):
    #: unpaid orders that we own close after
    after: Seconds = 900.0


class PaymentsSection(Section):
    """Collecting for our own orders. Each channel has a file of its own in the folder `channels`, read at use."""

    #: folder of the channels' files, ALIAS.toml each, relative to the settings file
    channels: str = "channels"
    #: how long a buyer may pay
    expires: Seconds = 900.0
    #: what the buyer reads at the channel; {number} is the order's number
    title: str = "订单 {number}"
    #: alias of a channel (glob) → the fee it takes, in ten-thousandths (60: 0.6 %); without one its bill's fees are not
    #: expected, only compared with its fund flow
    fees: dict[str, Annotated[int, Field(ge=0, le=10_000)]] = {}
    #: how long whoever asks a channel is left alone with it
    lease: Seconds = 60.0
    batch: int = Field(200, ge=1, le=500)
    #: `oms pay listen`: requests per second and channel, and at once; what is more is told to come again
    rate: float = Field(50.0, gt=0)
    burst: int = Field(200, ge=1)
    #: largest body, KiB
    body_kb: int = Field(64, ge=1, le=1024)
    #: a request that is not whole, or not done with, by then ends; channels wait five seconds
    patience: Seconds = 4.0


class PrivacySection(Section):
    """Personal data at rest. Keys are secrets (`env:`, `file:`, `cmd:`), 32 bytes as base64; the first one encrypts, all
    decrypt. Empty: a key file in the data folder, made by `oms init`."""

    keys: tuple[str, ...] = ()
    #: raw payloads of finished documents are deleted after
    raw_days: int = Field(90, ge=1)


class NotifySection(Section):
    """Who is told about alerts. Each target: kind robot (group-robot webhook) or sms (generic HTTP gateway)."""

    targets: tuple[NotifyTarget, ...] = ()


class NotifyTarget(Section):
    kind: Literal["robot", "sms"]
    #: a secret
    url: str
    #: robot: secret of a signed webhook; sms: bearer token of the gateway
    secret: str = ""
    to: tuple[str, ...] = ()
    #: least severity: info, warning, critical
    severity: Literal["info", "warning", "critical"] = "warning"


class ProductsSection(Section):
    #: CSV: platform, listing (listing id or merchant code), sku, qty, share; several rows of one listing: a bundle
    listings: str = ""
    #: a listing without a row is the SKU of its merchant code
    code_is_sku: bool = True


class LogSection(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class ClockSection(Section):
    """For drills: start the process's clock at this instant (ISO with offset) instead of now; it ticks on."""

    start: str = ""


class ShopSection(Section):
    """One shop at one platform. Secrets may be `env:NAME`, `file:PATH` or `cmd:COMMAND`."""

    platform: str
    #: the seller's id at the platform; never changes, unlike the alias
    seller_id: str
    #: both are needed to call a platform, so by all shops but own ones
    app_key: str = ""
    app_secret: str = ""
    #: fixed access token; empty: `oms shop token` stores one, renewed before it ends
    token: str = ""
    base_url: str = ""
    #: how often it is pulled
    every: Seconds = 600.0
    enabled: bool = True
    levels: LevelSection = LevelSection()
    #: options of the adapter, each declared and explained by it
    options: dict[str, Any] = {}


class Settings(Section):
    """All of `oms.toml`."""

    #: folder of embedded stores, keys and files; relative to the settings file
    data: str = "data"
    stores: StoresSection = StoresSection()
    business: BusinessSection = BusinessSection()
    follow: FollowSection = FollowSection()
    retry: RetrySection = RetrySection()
    breaker: BreakerSection = BreakerSection()
    sync: SyncSection = SyncSection()
    push: PushSection = PushSection()
    audit: AuditSection = AuditSection()
    sourcing: SourcingSection = SourcingSection()
    merge: MergeSection = MergeSection()
    shipping: ShippingSection = ShippingSection()
    stock: StockSection = StockSection()
    refunds: RefundsSection = RefundsSection()
    settlement: SettlementSection = SettlementSection()
    complete: CompleteSection = CompleteSection()
    expire: ExpireSection = ExpireSection()
    payments: PaymentsSection = PaymentsSection()
    privacy: PrivacySection = PrivacySection()
    notify: NotifySection = NotifySection()
    products: ProductsSection = ProductsSection()
    log: LogSection = LogSection()
    clock: ClockSection = ClockSection()
    warehouses: dict[str, WarehouseSection] = {}
    shops: dict[str, ShopSection] = {}


NotifySection.model_rebuild()
Settings.model_rebuild()
