"""The contract of a platform adapter. Each platform inherits it; a new one is done when it passes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundAnswer, ShipNotice
from adapters.errors import (
    AdapterError,
    AnswerLost,
    BadAnswer,
    NotAuthorised,
    PagingLoop,
    Refused,
    Retryable,
    ShopBroken,
    Unsupported,
)
from adapters.platforms import find, names
from tests.adapters.fakes import BIG, Fake
from tests.adapters.kit import NOON, SAMPLES, Rig, Seen, as_json, items, until_error

CARRIERS = ("SF", "YTO", "ZTO", "YUNDA", "STO", "EMS", "JD", "DEPPON")
START, END = NOON - timedelta(hours=2), NOON - timedelta(hours=1)


class PlatformContract:
    """Tests every adapter must pass; a subclass names its fake."""

    fake: ClassVar[type[Fake]]
    #: reading calls that a ship notice, or a first setting of levels, makes before it writes
    ship_reads: ClassVar[int] = 0
    level_reads: ClassVar[int] = 0
    #: calls bear an access token that ends and is renewed
    has_tokens: ClassVar[bool] = True

    # ================================================================ helpers
    @pytest.fixture
    def world(self) -> Fake:
        return self.fake(120)

    @pytest.fixture
    def rig(self, world: Fake) -> Iterator[Rig]:
        with Rig(world.platform, world, options={"detail_threads": 1}) as rig:
            yield rig

    @property
    def cls(self) -> Any:
        return find(self.fake.platform)

    @property
    def counts(self) -> bool:
        """Whether the platform tells a total."""
        return bool(self.cls.scans["orders"][0].paging == "backward")

    def notice(self, number: int, *, waybill: str = "SF001") -> ShipNotice:
        parcel = NoticeParcel(carrier="SF", waybill=waybill, lines=((str(number + 1), "51", "71", 1),))
        return ShipNotice(key="n1", platform_order_no=str(number), parcels=(parcel,))

    # ================================================================ what it says about itself
    def test_is_found_by_its_name_and_says_what_it_is(self) -> None:
        cls = self.cls
        assert cls.name in names()
        assert cls.title and cls.source and cls.home.startswith("https://")
        assert set(cls.scans) >= {"orders", "refunds"}
        assert cls.doubtful, "no wire protocol is known without doubt"
        assert Path(__file__, "..", "..", "..", "adapters", "platforms", f"{cls.name}.py").resolve().exists()

    def test_every_option_is_explained(self) -> None:
        assert all(option.help for option in self.cls.all_options().values())

    def test_translates_every_carrier_of_ours(self) -> None:
        assert set(self.cls.carriers) == set(CARRIERS)
        assert len(set(self.cls.carriers.values())) == len(CARRIERS)

    def test_says_by_name_what_it_cannot(self, rig: Rig) -> None:
        caps = rig.adapter.capabilities
        name = rig.adapter.name
        with pytest.raises(Unsupported, match=name):
            rig.pull_kind("postcards")
        if not caps.merge_groups:
            with pytest.raises(Unsupported, match=name):
                rig.adapter.merge_groups([("1", "x")])
        if caps.stock is None or not caps.stock.read_back:
            with pytest.raises(Unsupported, match=name):
                rig.adapter.read_levels([LevelUpdate(key="k", listing_id="1", qty=1)])
        for act in {"agree", "refuse", "goods_received"} - set(caps.refunds):
            with pytest.raises(Unsupported, match=act):
                rig.adapter.answer_refunds(
                    [RefundAnswer(key="k", platform_refund_no="1", platform_order_no="2", act=act)]
                )
        with pytest.raises(Unsupported):
            rig.adapter.poll([("k", "handle")])
        assert not rig.server.seen, "what cannot be done is said before anything is sent"

    def test_refuses_an_option_it_does_not_know(self) -> None:
        with pytest.raises(Unsupported, match="colour"):
            Rig(self.fake.platform, self.fake(), options={"colour": "red"})

    # ================================================================ samples
    def test_recorded_answers_become_the_documents_beside_them(self, rig: Rig) -> None:
        folder = SAMPLES / rig.adapter.name
        golden = sorted(folder.glob("*.documents.json"))
        assert golden, f"no samples in {folder}"
        for path in golden:
            answer = path.with_name(path.name.replace(".documents.json", ".json")).read_bytes()
            kind = path.name.partition("_")[0]
            assert as_json(rig.adapter.parse(kind, answer)) == json.loads(path.read_text()), path.name

    def test_the_raw_bytes_of_each_item_are_those_of_the_answer(self, rig: Rig) -> None:
        for path in (SAMPLES / rig.adapter.name).glob("*.documents.json"):
            answer = path.with_name(path.name.replace(".documents.json", ".json")).read_bytes()
            for item in rig.adapter.parse(path.name.partition("_")[0], answer):
                assert item.raw in answer

    def test_every_sample_adds_up_and_is_doubted_where_it_does_not(self, rig: Rig) -> None:
        for path in (SAMPLES / rig.adapter.name).glob("orders*.documents.json"):
            answer = path.with_name(path.name.replace(".documents.json", ".json")).read_bytes()
            for item in rig.adapter.parse("orders", answer):
                doc = item.document
                assert isinstance(doc, OrderDocument)
                assert doc.goods_minor == sum(line.unit_minor * line.qty for line in doc.lines)
                parts = doc.goods_minor + doc.freight_minor + doc.tax_minor + doc.charges_minor
                parts += sum(a.minor for a in doc.adjustments)
                differs = any(d.field == "payable_minor" and d.why == "sum_differs" for d in doc.doubts)
                assert (parts != doc.payable_minor) == differs

    def test_parse_says_what_it_cannot_read(self, rig: Rig) -> None:
        with pytest.raises(BadAnswer):
            rig.adapter.parse("orders", b"<html>gateway</html>")
        refused = rig.server.handler.refused if isinstance(rig.server.handler, Fake) else {}
        with pytest.raises(Refused):
            rig.adapter.parse("orders", json.dumps(refused).encode())

    # ================================================================ pulling
    def test_a_window_is_read_whole_and_proven(self, rig: Rig, world: Fake) -> None:
        pull, batches = rig.pull()
        got = items(batches)
        assert sorted(i.number for i in got) == sorted(str(r.number) for r in world.rows)
        assert all(isinstance(i.document, OrderDocument) for i in got)
        assert pull.report.proof == ("counted" if self.counts else "exhausted")
        assert pull.report.distinct == 120
        assert pull.report.items == 120
        if self.counts:
            assert pull.report.total_before == pull.report.total_after == 120

    def test_an_empty_window_is_proven_empty(self, rig: Rig) -> None:
        pull, batches = rig.pull(start=NOON - timedelta(days=2), end=NOON - timedelta(days=2) + timedelta(minutes=5))
        assert items(batches) == []
        assert pull.report.proof
        assert pull.report.distinct == 0

    def test_ids_beyond_2_to_the_53_keep_every_digit(self, rig: Rig) -> None:
        _, batches = rig.pull()
        assert str(BIG) in {i.number for i in items(batches)}
        assert int(float(BIG)) != BIG

    def test_adjacent_windows_count_each_order_once(self, rig: Rig, world: Fake) -> None:
        middle = world.rows[60].modified
        first, a = rig.pull(start=START, end=middle)
        second, b = rig.pull(start=middle, end=END)
        assert first.report.proof and second.report.proof
        assert first.report.distinct == 60
        assert second.report.distinct == 60
        assert {i.number for i in items(a)} | {i.number for i in items(b)} == {str(r.number) for r in world.rows}

    def test_an_order_on_the_end_of_the_window_belongs_to_the_next(self, rig: Rig, world: Fake) -> None:
        pull, _ = rig.pull(start=START, end=world.rows[3].modified)
        assert pull.report.distinct == 3
        assert pull.report.outside in (0, 1)

    def test_parts_of_seconds_at_the_ends_lose_nothing(self, rig: Rig, world: Fake) -> None:
        start = world.rows[2].modified - timedelta(milliseconds=400)
        end = world.rows[5].modified + timedelta(milliseconds=300)
        pull, batches = rig.pull(start=start, end=end)
        assert pull.report.distinct == 4
        assert {str(r.number) for r in world.rows[2:6]} <= {i.number for i in items(batches)}
        assert pull.report.proof

    def test_a_light_pull_gives_number_and_time(self, rig: Rig, world: Fake) -> None:
        pull, batches = rig.pull(light=True)
        got = {i.number: i.modified_at for i in items(batches)}
        assert got == {str(r.number): r.modified for r in world.rows}
        assert pull.report.proof

    def test_a_list_that_shifts_while_it_is_read_loses_nothing(self, rig: Rig, world: Fake) -> None:
        size = 20
        rig.adapter._values["page_size"] = size
        before = {str(r.number) for r in world.rows}
        # After each answer one order that was not read yet, or was read, changes and leaves the window.
        leavers = iter([world.rows[i] for i in (119, 0, 60, 118, 1, 61, 59)])

        def leave() -> None:
            row = next(leavers, None)
            if row is not None:
                row.modified = NOON - timedelta(minutes=1)

        world.before_list = [lambda: None] + [leave] * 7
        pull, batches = rig.pull()
        left = {str(r.number) for r in world.rows if r.modified > END}
        seen = {i.number for i in items(batches)}
        assert before - left <= seen, "an order that stayed in the window was lost"
        assert pull.report.proof or pull.report.reason

    def test_an_order_that_appears_late_is_seen_or_the_window_stays_open(self, rig: Rig, world: Fake) -> None:
        rig.adapter._values["page_size"] = 50
        late = world.rows.pop(30)
        world.before_list = [lambda: None, lambda: None, lambda: world.rows.insert(30, late)]
        pull, batches = rig.pull()
        assert str(late.number) in {i.number for i in items(batches)} or not pull.report.proof

    def test_a_version_that_comes_twice_is_handed_over_once(self, rig: Rig, world: Fake) -> None:
        rig.adapter._values["page_size"] = 50
        _, batches = rig.pull()
        numbers = [i.number for i in items(batches)]
        assert len(numbers) == len(set(numbers)) == 120

    @pytest.mark.parametrize("bias", [-70, -1, 1, 40])
    def test_a_wrong_total_loses_nothing_and_proves_nothing(self, rig: Rig, world: Fake, bias: int) -> None:
        if not self.counts:
            pytest.skip("no totals here")
        rig.adapter._values["page_size"] = 50
        world.bias = bias
        pull, batches = rig.pull()
        assert {i.number for i in items(batches)} == {str(r.number) for r in world.rows}
        assert pull.report.proof == ""
        assert str(120 + bias) in pull.report.reason

    def test_the_same_page_again_and_again_is_noticed(self, rig: Rig, world: Fake) -> None:
        rig.adapter._values["page_size"] = 30
        world.page_ignored = True
        pull, error = until_error(rig, START, END)
        assert isinstance(error, PagingLoop)
        assert pull.report.proof == "" and "PagingLoop" in pull.report.reason

    def test_an_unreadable_order_stays_alone(self, rig: Rig, world: Fake) -> None:
        world.rows[7].change = world.broken()
        pull, batches = rig.pull()
        got = {i.number: i for i in items(batches)}
        bad = got[str(world.rows[7].number)]
        assert bad.document is None and bad.error and bad.detail
        assert bad.modified_at == world.rows[7].modified
        assert json.loads(bad.raw)
        assert sum(i.document is not None for i in got.values()) == 119
        assert pull.report.unreadable == 1
        assert pull.report.proof, "its number is known: it counts"

    def test_an_id_that_is_a_float_is_an_error(self, rig: Rig, world: Fake) -> None:
        raw = json.dumps({**world.payload(world.rows[0]), **world.float_id()}).encode()
        item = rig.adapter.translate("orders", raw)
        assert item.document is None
        assert item.error == "float_id"
        assert item.number == ""

    def test_an_order_without_lines_is_not_taken_for_an_empty_one(self, rig: Rig, world: Fake) -> None:
        raw = json.dumps(world.payload(world.rows[0]), ensure_ascii=False)
        for empty in ("null", "[]"):
            item = rig.adapter.translate("orders", self.without_lines(raw, empty))
            assert item.error == "missing_field"
            assert item.number == str(world.rows[0].number)

    def without_lines(self, raw: str, empty: str) -> bytes:
        """The order with its list of lines replaced."""
        raise NotImplementedError

    def test_one_line_sent_as_an_object_is_a_list_of_one(self, rig: Rig, world: Fake) -> None:
        raw = json.dumps(world.payload(world.rows[0]), ensure_ascii=False)
        line = json.dumps(self.only_line(world.payload(world.rows[0])), ensure_ascii=False)
        item = rig.adapter.translate("orders", self.without_lines(raw, line))
        assert isinstance(item.document, OrderDocument), item.detail
        assert len(item.document.lines) == 1

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The one line of a payload."""
        raise NotImplementedError

    # ================================================================ the calling loop
    def test_an_error_under_http_200_is_no_empty_page(self, rig: Rig, world: Fake) -> None:
        rig.server.next(world.refused)
        with pytest.raises(Refused):
            rig.pull()

    def test_an_unknown_code_is_said_to_be_unknown(self, rig: Rig, world: Fake) -> None:
        rig.server.next(world.unknown_code)
        with pytest.raises(BadAnswer, match="unknown error code"):
            rig.pull()

    def test_a_fault_in_passing_is_waited_out_and_kept_for_the_record(self, rig: Rig, world: Fake) -> None:
        rig.server.next(world.busy, httpx.Response(502), httpx.ReadTimeout("slow"))
        pull, _ = rig.pull()
        assert pull.report.proof
        assert rig.clock.sleeps == [10.0, 30.0, 60.0]
        faults = rig.adapter.drain_faults()
        assert [f.act for f in faults] == ["Retryable", "Retryable", "AnswerLost"]
        assert all(f.call and f.request_id for f in faults)
        assert rig.adapter.drain_faults() == []

    def test_after_the_last_wait_the_fault_is_raised_and_counted_once(self, rig: Rig) -> None:
        rig.server.handler = lambda _: httpx.Response(503)
        with pytest.raises(Retryable, match="503"):
            rig.pull()
        assert len(rig.server.seen) == 4
        assert len(rig.breaker.errors) == 1

    def test_a_broken_shop_is_not_called(self, rig: Rig) -> None:
        rig.breaker.failures = 3
        with pytest.raises(ShopBroken):
            rig.pull()
        assert rig.server.seen == []

    def test_a_page_that_is_no_json_is_tried_again(self, rig: Rig) -> None:
        rig.server.next(b"<html>bad gateway</html>")
        pull, _ = rig.pull()
        assert pull.report.proof

    def test_throttling_waits_as_told(self, rig: Rig, world: Fake) -> None:
        rig.server.next(world.throttled_2s)
        pull, _ = rig.pull()
        assert pull.report.proof
        assert rig.clock.sleeps == [self.told_wait_s]

    #: seconds that the fake's throttling answer tells, or the first wait where it tells nothing
    told_wait_s: float = 10.0

    def test_retry_after_is_honoured(self, rig: Rig) -> None:
        rig.server.next(httpx.Response(429, headers={"Retry-After": "7"}))
        rig.pull()
        assert rig.clock.sleeps == [7.0]

    def test_an_expired_token_is_renewed_once_and_the_call_repeated(self, rig: Rig, world: Fake) -> None:
        rig.server.next(world.token_expired)
        pull, _ = rig.pull()
        assert pull.report.proof
        assert rig.tokens.made == 1
        assert rig.tokens.token is not None and rig.tokens.token.access == "token-2"
        assert rig.clock.sleeps == []

    def test_a_token_refused_when_fresh_asks_for_the_merchant(self, rig: Rig, world: Fake) -> None:
        def handler(seen: Seen) -> Any:
            return world(seen) if world.renews(seen) else world.token_expired

        rig.server.handler = handler
        with pytest.raises(NotAuthorised):
            rig.pull()
        assert rig.tokens.made == 1

    def test_a_token_near_its_end_is_renewed_before_the_call(self, rig: Rig) -> None:
        assert rig.tokens.token is not None and rig.tokens.token.expires_at is not None
        rig.clock.set(rig.tokens.token.expires_at - timedelta(seconds=60))
        rig.adapter.current([str(BIG)])
        assert rig.tokens.made == 1

    def test_the_token_of_another_seller_is_not_used(self, rig: Rig) -> None:
        from adapters.ports import AccessToken

        with pytest.raises(NotAuthorised, match="seller"):
            rig.tokens.renew = lambda old, make: AccessToken(access="x", seller_id="999")  # type: ignore[method-assign]
            rig.adapter.renew_token()

    def test_no_secret_reaches_errors_faults_or_logs(
        self, rig: Rig, world: Fake, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        expired = (world.token_expired,) if self.has_tokens else ()
        rig.server.next(world.busy, httpx.Response(500), httpx.ReadTimeout("x"), *expired)
        rig.pull()
        rig.server.handler = lambda _: httpx.Response(500)
        with pytest.raises(AdapterError) as caught:
            rig.pull()
        words = [caplog.text, str(caught.value), repr(caught.value), repr(rig.adapter.drain_faults())]
        words.append(repr(caught.value.__cause__) + repr(caught.value.__context__))
        for secret in ("example-secret", "token-1", "token-2", "refresh-1", "refresh-2"):
            assert all(secret not in text for text in words)

    def test_each_call_takes_its_turn_with_the_limiter(self, rig: Rig) -> None:
        rig.pull()
        assert len(rig.limiter.taken) == len(rig.server.seen)
        assert all(key.startswith(f"{rig.adapter.name}:12129701:shop-1:") for key, _ in rig.limiter.taken)

    def test_the_platforms_clock_is_known_after_a_call(self, rig: Rig) -> None:
        assert rig.adapter.platform_time() is None
        rig.pull()
        assert rig.adapter.platform_time() == NOON + timedelta(seconds=1)

    # ================================================================ last look
    def test_the_last_look_keeps_the_order_and_names_what_is_not_there(self, rig: Rig, world: Fake) -> None:
        a, b = str(world.rows[4].number), str(world.rows[2].number)
        got = rig.adapter.current([a, "12345", b])
        assert [i.number for i in got] == [a, "12345", b]
        assert got[1].document is None and got[1].error == "detail_failed"
        assert isinstance(got[0].document, OrderDocument) and isinstance(got[2].document, OrderDocument)

    # ================================================================ ship notices
    def test_a_ship_notice_is_told_once_and_read_back(self, rig: Rig, world: Fake) -> None:
        notice = self.notice(world.rows[0].number)
        assert rig.adapter.shipped([notice])[0].outcome == "retry"
        assert rig.adapter.ship([notice])[0].outcome == "done"
        assert rig.adapter.shipped([notice])[0].outcome == "done"
        assert world.rows[0].shipped == [(rig.adapter.carriers["SF"], "SF001")]

    def test_a_notice_told_again_is_already_so(self, rig: Rig, world: Fake) -> None:
        notice = self.notice(world.rows[0].number)
        rig.adapter.ship([notice])
        assert rig.adapter.ship([notice])[0].outcome == "already"
        assert len(world.effects) == 1

    def test_a_lost_answer_leaves_the_notice_unknown_and_unrepeated(self, rig: Rig, world: Fake) -> None:
        notice = self.notice(world.rows[0].number)

        def take_effect_and_hang_up(seen: Seen) -> Any:
            world(seen)
            return httpx.ReadTimeout("gone")

        rig.server.next(*[world] * self.ship_reads, take_effect_and_hang_up)
        result = rig.adapter.ship([notice])[0]
        assert result.outcome == "unknown"
        assert len(rig.server.seen) == 1 + self.ship_reads
        assert len(world.effects) == 1
        assert rig.adapter.shipped([notice])[0].outcome == "done"

    @pytest.mark.parametrize("reply", [httpx.Response(502), b"<html>", "unknown_code"])
    def test_an_answer_that_says_nothing_leaves_the_notice_unknown(self, rig: Rig, world: Fake, reply: Any) -> None:
        told = getattr(world, reply) if isinstance(reply, str) else reply
        rig.server.next(*[world] * self.ship_reads, told)
        assert rig.adapter.ship([self.notice(world.rows[0].number)])[0].outcome == "unknown"
        assert len(rig.server.seen) == 1 + self.ship_reads

    def test_a_notice_that_was_never_sent_is_sent_again(self, rig: Rig, world: Fake) -> None:
        rig.server.next(*[world] * self.ship_reads, httpx.ConnectError("refused"))
        assert rig.adapter.ship([self.notice(world.rows[0].number)])[0].outcome == "done"
        assert rig.clock.sleeps == [10.0]
        assert len(world.effects) == 1

    def test_a_throttled_notice_waits_and_is_sent(self, rig: Rig, world: Fake) -> None:
        rig.server.next(*[world] * self.ship_reads, world.throttled_2s)
        assert rig.adapter.ship([self.notice(world.rows[0].number)])[0].outcome == "done"
        assert len(world.effects) == 1

    def test_one_refused_notice_stops_no_other(self, rig: Rig, world: Fake) -> None:
        notices = [self.notice(world.rows[i].number, waybill=f"SF00{i}") for i in range(3)]
        rig.server.next(*[world] * (1 + 2 * self.ship_reads), world.refused)
        assert [r.outcome for r in rig.adapter.ship(notices)] == ["done", "refused", "done"]

    def test_a_notice_read_back_with_another_waybill_is_unknown(self, rig: Rig, world: Fake) -> None:
        world.rows[0].shipped = [(rig.adapter.carriers["ZTO"], "ZTO9")]
        result = rig.adapter.shipped([self.notice(world.rows[0].number)])[0]
        assert (result.outcome, result.code) == ("unknown", "other_parcel")

    def test_a_shop_that_breaks_in_the_middle_leaves_the_rest_to_be_tried_again(self, rig: Rig, world: Fake) -> None:
        notices = [self.notice(world.rows[i].number, waybill=f"SF00{i}") for i in range(3)]
        done = rig.adapter.ship(notices[:1])

        def break_it(seen: Seen) -> Any:
            rig.breaker.failures = 3
            return httpx.ReadTimeout("gone")

        rig.server.next(*[world] * self.ship_reads, break_it)
        rest = rig.adapter.ship(notices[1:])
        assert [r.outcome for r in done + rest] == ["done", "unknown", "retry"]
        assert rest[1].code == "ShopBroken"

    # ================================================================ stock levels
    def level(self, key: str, listing: str, qty: int) -> LevelUpdate:
        """A level to be told; where the platform takes differences only, from nothing."""
        delta = qty if self.cls.capabilities.stock.mode == "delta" else None
        return LevelUpdate(key=key, listing_id=listing, product_id="71", qty=qty, delta=delta)

    def test_levels_are_set_absolutely_and_one_bad_listing_stops_no_other(self, rig: Rig, world: Fake) -> None:
        updates = [self.level(f"k{sku}", sku, 5 + i) for i, sku in enumerate(("51", "666", "52", "53"))]
        got = {r.key: r.outcome for r in rig.adapter.set_levels(updates)}
        assert got == {"k51": "done", "k666": "refused", "k52": "done", "k53": "done"}

    def test_a_level_whose_answer_was_lost_is_unknown(self, rig: Rig, world: Fake) -> None:
        rig.server.next(*[world] * self.level_reads, httpx.ReadTimeout("gone"))
        assert rig.adapter.set_levels([self.level("k", "51", 5)])[0].outcome == "unknown"
        assert len(rig.server.seen) == 1 + self.level_reads

    def test_lost_answers_are_errors_of_their_own_for_reading(self, rig: Rig) -> None:
        rig.server.handler = lambda _: httpx.ReadTimeout("gone")
        with pytest.raises(AnswerLost):
            rig.pull()
