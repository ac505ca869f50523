"""The payments of the order store on a SQL database: transactions here, statements in `orders_payments` and `orders_backs`."""

from __future__ import annotations

from collections.abc import Sequence

from stores import orders_backs, orders_payments
from stores.contracts.payments import BackChange, PaymentChange
from stores.database import Database
from stores.privacy import Privacy
from stores.records import Back, Outcome, Payment


class SqlPayments:
    """See `stores.contracts.payments.Payments`; a part of `SqlOrders`, on its database."""

    _db: Database
    _privacy: Privacy

    def add_payments(self, batch: Sequence[Payment], *, run_id: str, reason: str) -> list[Outcome]:
        with self._db.write() as c:
            return orders_payments.add(c, batch, run_id, self._db.now_ms(), reason)

    def apply_payments(self, changes: Sequence[PaymentChange], *, run_id: str) -> list[Outcome]:
        # A booked look at the channel is booked again when it is missing.
        with self._db.write(lasting=any(x.recorded or x.order for x in changes)) as c:
            return orders_payments.apply(c, changes, run_id, self._db.now_ms(), self._privacy.encrypt)

    def payments(self, payment_nos: Sequence[str]) -> dict[str, Payment]:
        with self._db.read() as c:
            return orders_payments.payments(c, payment_nos)

    def find_payments(
        self,
        *,
        statuses: Sequence[str] = (),
        channels: Sequence[str] = (),
        shops: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        late: bool = False,
        undecided: bool = False,
        due: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Payment]:
        lists = {"status": statuses, "channel": channels, "shop": shops, "order_no": order_nos}
        due_ms = self._db.now_ms() if due else None
        with self._db.read() as c:
            return orders_payments.find(
                c, lists, late=late, undecided=undecided, due_ms=due_ms, limit=limit, after=after
            )

    def add_backs(self, batch: Sequence[Back], *, run_id: str, reason: str) -> list[Outcome]:
        with self._db.write() as c:
            return orders_backs.add(c, batch, run_id, self._db.now_ms(), reason)

    def apply_backs(self, changes: Sequence[BackChange], *, run_id: str) -> list[Outcome]:
        with self._db.write(lasting=any(x.recorded for x in changes)) as c:
            return orders_backs.apply(c, changes, run_id, self._db.now_ms(), self._privacy.encrypt)

    def backs(self, back_nos: Sequence[str]) -> dict[str, Back]:
        with self._db.read() as c:
            return orders_backs.backs(c, back_nos)

    def find_backs(
        self,
        *,
        statuses: Sequence[str] = (),
        payment_nos: Sequence[str] = (),
        refund_nos: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        due: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Back]:
        lists = {"status": statuses, "payment_no": payment_nos, "refund_no": refund_nos, "order_no": order_nos}
        with self._db.read() as c:
            return orders_backs.find(c, lists, due_ms=self._db.now_ms() if due else None, limit=limit, after=after)
