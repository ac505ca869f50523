"""An invented marketplace, to show that a platform is one small file: Ouzel signs with a header over path and body, pages by
a row version, takes stock as differences only, and does every write later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.core import fields, signing
from adapters.core.wire import look_up
from adapters.documents import (
    Document,
    Doubt,
    LevelUpdate,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
    ShipNotice,
)
from adapters.platforms import base

ERRORS: Mapping[str, Any] = {"SLOW_DOWN": "throttled", "LATER": "retry", "NO_*": "final", "TOKEN": "token"}
STATUSES = {"open": "unpaid", "ready": "paid", "gone": "shipped", "over": "completed", "void": "cancelled"}


class Row(msgspec.Struct):
    id: fields.Scalar = None
    state: fields.Scalar = None
    placed: fields.Scalar = None
    paid: fields.Scalar = None
    changed: fields.Scalar = None
    cents: fields.Scalar = None
    due: fields.Scalar = None
    buyer: fields.Scalar = None
    place: fields.Scalar = None
    to: ReceiverDocument = ReceiverDocument()
    parcels: tuple[ParcelDocument, ...] = ()
    goods: list[dict[str, fields.Scalar]] = []


class Body(msgspec.Struct):
    fault: str = ""
    rows: msgspec.Raw = msgspec.Raw()
    version: fields.Scalar = None
    end: bool | None = None
    task: str = ""
    state: str = ""
    pieces: fields.Scalar = None


decode = msgspec.json.Decoder(Body).decode
decode_row = msgspec.json.Decoder(Row).decode


class Ouzel(base.Platform):
    """One Ouzel shop."""

    name = "ouzel"
    title = "Ouzel"
    zone = "UTC"
    currency = "EUR"
    source = "invented for this test"
    home = "https://api.ouzel.example"
    scans = {"orders": (base.Scan(name="versions", by="version", paging="cursor", size=3),)}
    capabilities = base.Capabilities(
        ship=base.ShipCapability(asynchronous=True),
        stock=base.StockCapability(mode="delta", asynchronous=True, read_back=True),
    )
    carriers = {"SF": "sf-express"}

    def request(self, call: base.Call, token: str) -> base.Request:
        body = msgspec.json.encode(call.params)
        path, now = f"/v9/{call.api}", str(int(self.now().timestamp()))
        seal = signing.hmac_hex(self.connection.credentials.secret(), f"{path}\n{now}\n{body.decode()}", "sha256")
        headers = {"X-Ouzel": f"{self.connection.credentials.app_key}:{now}:{seal}", "Authorization": f"Bearer {token}"}
        return base.Request(method="PUT", url=self.address(path), body=body, headers=headers)

    def verdict(self, call: base.Call, answer: base.Answer) -> base.Verdict:
        fault = decode(answer.body).fault
        return base.Verdict(act=look_up(ERRORS, fault), code=fault, message=fault) if fault else base.Verdict()

    def list_call(self, ask: base.Ask) -> base.Call:
        return base.Call(api="orders", params={"after": ask.cursor, "limit": ask.size})

    def read_list(self, kind: str, body: bytes) -> base.Page:
        got = decode(body)
        if got.end is None:
            return base.Page()
        return base.Page(items=fields.raw_list(got.rows), more=not got.end, cursor=fields.text(got.version))

    def detail_call(self, kind: str, numbers: Sequence[str]) -> base.Call:
        return base.Call(api="order", params={"id": numbers[0]})

    def read_detail(self, kind: str, body: bytes) -> Sequence[bytes]:
        return fields.raw_list(decode(body).rows)

    def document(self, kind: str, raw: bytes) -> Document:
        r, doubts = decode_row(raw), list[Doubt]()
        lines = tuple(
            LineDocument(
                platform_line_no=fields.ident(g["line"], "goods.line"), listing_id=fields.ident(g["sku"], "goods.sku"),
                code=fields.text(g["sku"]), qty=fields.count(g["qty"], "goods.qty"),
                unit_minor=fields.fen(g["cents"], "goods.cents", doubts),
                status="open" if r.state in ("open", "ready") else "closed" if r.state == "void" else "shipped",
            )
            for g in r.goods
        )  # fmt: skip
        return OrderDocument(
            platform=self.name, seller_id=self.seller_id, platform_order_no=fields.ident(r.id, "id"),
            status=STATUSES.get(fields.text(r.state), "unknown"), status_raw=fields.text(r.state),
            ordered_at=fields.epoch_time(r.placed, "placed", 0.001), paid_at=fields.epoch_time_or(r.paid, "paid", 0.001),
            modified_at=fields.epoch_time(r.changed, "changed", 0.001), ship_by=fields.epoch_time_or(r.due, "due", 0.001),
            currency=self.currency, goods_minor=sum(n.unit_minor * n.qty for n in lines),
            payable_minor=fields.fen(r.cents, "cents", doubts), paid_minor=fields.fen(r.cents, "cents", doubts) if r.paid else 0,
            buyer_id=fields.text(r.buyer), merge_key=fields.text(r.place), receiver=r.to, parcels=r.parcels, lines=lines,
            doubts=tuple(doubts),
        )  # fmt: skip

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        r = decode_row(raw)
        return fields.ident(r.id, "id"), fields.epoch_time_or(r.changed, "changed", 0.001)

    def ship_calls(self, notice: ShipNotice) -> Sequence[base.Call]:
        parcels = [{"carrier": self.carrier(p.carrier), "no": p.waybill} for p in notice.parcels]
        return [base.Call(api="ship", params={"id": notice.platform_order_no, "parcels": parcels})]

    def level_calls(self, updates: Sequence[LevelUpdate]) -> Sequence[base.LevelCall]:
        return [base.LevelCall(api="stock", params={"sku": u.listing_id, "by": u.delta}, updates=(u,)) for u in updates]

    def read_level_call(self, update: LevelUpdate) -> base.Call:
        return base.Call(api="level", params={"sku": update.listing_id})

    def read_level(self, body: bytes) -> int:
        return fields.count(decode(body).pieces, "pieces")

    def written(self, call: base.Call, body: bytes) -> str:
        return decode(body).task

    def poll_call(self, handle: str) -> base.Call:
        return base.Call(api="task", params={"task": handle})

    def read_poll(self, body: bytes) -> tuple[str, str, str]:
        state = decode(body).state
        return {"finished": "done", "failed": "refused"}.get(state, "accepted"), state, ""
