"""parcel import: waybills and stop answers row by row; wrong rows come back in a file to be corrected."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs import merge, push, ship, stop, stopped_members, waybills
from jobs.env import Env
from jobs.errors import BadFile
from jobs.storing import store
from stores.records import ParcelState, Progress
from tests.documents import pulled
from tests.factories import open_env
from tests.fulfilment import FakePlatform, books, document, handed_over, install, killed_at, label, number_of, planned


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def take(env: Env, *rows: str, header: str = "parcel_no,carrier,waybill", name: str = "back.csv", **more: Any) -> Any:
    (env.root / name).write_text("\n".join([header, *rows]), encoding="utf-8")
    return waybills.take(env, env.root / name, by="li", **more)


def state(env: Env, number: str) -> ParcelState:
    return env.orders.parcels([number])[number].state


def progress(env: Env, number: str) -> Progress:
    return env.orders.heads([number_of(number)])[number_of(number)].progress


def test_a_waybill_labels_its_parcel(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    assert take(env, f"{parcel.parcel_no},顺丰速运,SF1234567890").counts == {"labelled": 1}
    kept = env.orders.parcels([parcel.parcel_no])[parcel.parcel_no]
    assert (kept.state, kept.carrier, kept.waybill) == (ParcelState.LABELLED, "SF", "SF1234567890")


def test_importing_twice_changes_nothing(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    take(env, f"{parcel.parcel_no},SF,SF1234567890")
    before = books(env)
    assert take(env, f"{parcel.parcel_no},SF,SF1234567890").counts == {"same": 1}
    assert books(env) == before


def test_every_wrong_row_is_refused_with_its_reason_and_the_right_ones_are_taken(
    env: Env, platform: FakePlatform
) -> None:
    one, two, three = handed_over(env, platform, document("1"), document("2"), document("3"))
    result = take(
        env,
        f"{one.parcel_no},SF,SF1234567890",
        f"{two.parcel_no},SF,SF1234567890",
        f"{three.parcel_no},SF,",
        "PNOSUCH,SF,SF1234567899",
        ",SF,SF1234567898",
        f"{one.parcel_no},SF,SF0000000000",
        f"{three.parcel_no},SF,!!",
    )
    assert result.counts == {"labelled": 1, "refused": 6} and result.exit_code == 3
    assert sorted(i.reason for i in result.items) == sorted(
        [f"waybill_of_{one.parcel_no}", "no_waybill", "unknown_parcel", "no_parcel_no", "twice_in_file", "bad_waybill"]
    )
    assert state(env, one.parcel_no) == ParcelState.LABELLED and state(env, two.parcel_no) == ParcelState.HANDED_OVER


def test_the_error_file_can_be_corrected_and_imported(env: Env, platform: FakePlatform) -> None:
    one, two = handed_over(env, platform, document("1"), document("2"))
    result = take(env, f"{one.parcel_no},SF,SF1234567890", f"{two.parcel_no},SF,SF1234567890")
    errors = env.root / "back.errors.csv"
    assert result.facts["errors"] == str(errors)
    text = errors.read_text(encoding="utf-8-sig")
    assert text.splitlines() == [
        "parcel_no,carrier,waybill,reason", f"{two.parcel_no},SF,SF1234567890,waybill_of_{one.parcel_no}"
    ]  # fmt: skip
    errors.write_text(text.replace("SF1234567890", "SF1234567891"), encoding="gb18030")
    assert waybills.take(env, errors, by="li").counts == {"labelled": 1}
    take(env, f"{one.parcel_no},SF,SF1234567890")
    assert not errors.exists()


def test_a_waybill_that_an_earlier_parcel_has_is_refused(env: Env, platform: FakePlatform) -> None:
    one, two = handed_over(env, platform, document("1"), document("2"))
    take(env, f"{one.parcel_no},SF,SF1234567890")
    result = take(env, f"{two.parcel_no},SF,SF1234567890")
    assert [i.reason for i in result.items] == [f"waybill_of_{one.parcel_no}"]


def test_a_waybill_may_be_corrected_until_the_parcel_left(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    take(env, f"{parcel.parcel_no},SF,SF1234567890")
    assert take(env, f"{parcel.parcel_no},YTO,YT1234567890").counts == {"labelled": 1}
    ship.ship(env)
    assert [i.reason for i in take(env, f"{parcel.parcel_no},SF,SF1234567890").items] == ["is_shipped"]


def test_a_planned_parcel_has_no_waybill_yet(env: Env, platform: FakePlatform) -> None:
    [parcel] = planned(env, platform, document("1"))
    assert [i.reason for i in take(env, f"{parcel.parcel_no},SF,SF1234567890").items] == ["not_handed_over"]


def test_a_number_that_a_spreadsheet_has_rounded_is_refused(env: Env, platform: FakePlatform) -> None:
    one, two = handed_over(env, platform, document("1"), document("2"))
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["出库单号", "物流公司", "快递单号"])
    sheet.append([one.parcel_no, "中通", 7312345678901])
    sheet.append([two.parcel_no, "中通", 73123456789012345678])
    book.save(env.root / "back.xlsx")
    result = waybills.take(env, env.root / "back.xlsx", by="li")
    assert result.counts == {"labelled": 1, "refused": 1} and result.items[0].reason == "digits_lost"
    assert env.orders.parcels([one.parcel_no])[one.parcel_no].waybill == "7312345678901"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00\x01"])
def test_a_file_without_the_columns_is_refused_as_a_whole(env: Env, text: str) -> None:
    (env.root / "back.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadFile):
        waybills.take(env, env.root / "back.csv", by="li")
    with pytest.raises(BadFile):
        waybills.take(env, env.root / "nowhere.csv", by="li")


def test_a_dry_run_names_what_would_be_labelled_and_writes_nothing(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    before = books(env)
    result = take(env, f"{parcel.parcel_no},SF,SF1234567890", "PNOSUCH,SF,SF1234567899", dry_run=True)
    assert result.counts == {"labelled": 1, "refused": 1}
    assert books(env) == before and not (env.root / "back.errors.csv").exists()


# ------------------------------------------------------------------ stop answers


ANSWER = "parcel_no,answer"


def test_a_stopped_parcel_frees_its_orders_and_their_stock_stays_held(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    stop.stop(env, [parcel.parcel_no], reason="wrong gift", by="li")
    assert state(env, parcel.parcel_no) == ParcelState.STOP_ASKED
    assert take(env, f"{parcel.parcel_no},stopped", header=ANSWER).counts == {"stopped": 1}
    assert state(env, parcel.parcel_no) == ParcelState.STOPPED
    assert progress(env, "1") == Progress.SOURCED
    assert env.stock.levels(skus=["SKU-1"])[0].held == 2
    merge.merge(env, dry_run=False)
    assert progress(env, "1") == Progress.MERGED


def close_at_platform(env: Env, platform: FakePlatform, number: str) -> None:
    platform.change(number, status="cancelled", status_raw="TRADE_CLOSED")
    store(env, "tmall", platform, "orders", [pulled(platform.orders[number])])  # type: ignore[arg-type]
    push.push(env)


def test_an_order_that_the_platform_closed_is_cancelled_when_its_parcel_stopped(
    env: Env, platform: FakePlatform
) -> None:
    same = {"merge_key": "k", "buyer_id": "b"}
    [parcel] = handed_over(env, platform, document("1", **same), document("2", **same))
    close_at_platform(env, platform, "1")
    assert (progress(env, "1"), state(env, parcel.parcel_no)) == (Progress.MERGED, ParcelState.STOP_ASKED)
    take(env, f"{parcel.parcel_no},已拦截", header=ANSWER)
    assert (progress(env, "1"), progress(env, "2")) == (Progress.CANCELLED, Progress.SOURCED)
    assert env.stock.levels(skus=["SKU-1"])[0].held == 2
    assert env.stock.demand() == {}


def test_an_order_whose_address_changed_is_audited_again_when_its_parcel_stopped(
    env: Env, platform: FakePlatform
) -> None:
    import msgspec

    [parcel] = handed_over(env, platform, document("1"))
    who = msgspec.structs.replace(platform.orders["1"].receiver, address="新地址2号")
    platform.change("1", receiver=who)
    store(env, "tmall", platform, "orders", [pulled(platform.orders["1"])])  # type: ignore[arg-type]
    push.push(env)
    take(env, f"{parcel.parcel_no},stopped", header=ANSWER)
    head = env.orders.heads([number_of("1")])[number_of("1")]
    assert (head.progress, head.held) == (Progress.CREATED, 0)
    assert env.stock.levels(skus=["SKU-1"])[0].held == 0
    assert env.stock.demand() == {"SKU-1": 2}


def test_a_parcel_that_was_too_late_goes_on(env: Env, platform: FakePlatform) -> None:
    labelled, bare = handed_over(env, platform, document("1"), document("2"))
    label(env, labelled)
    stop.stop(env, [labelled.parcel_no, bare.parcel_no], reason="x", by="li")
    result = take(env, f"{labelled.parcel_no},too_late", f"{bare.parcel_no},已发货", header=ANSWER)
    assert result.counts == {"went_on": 2}
    assert state(env, labelled.parcel_no) == ParcelState.LABELLED
    assert state(env, bare.parcel_no) == ParcelState.HANDED_OVER


def test_a_too_late_answer_may_bring_the_waybill_and_releases_the_hold(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    close_at_platform(env, platform, "1")
    assert env.orders.heads([number_of("1")])[number_of("1")].held
    take(env, f"{parcel.parcel_no},SF,SF1234567890,too_late", header="parcel_no,carrier,waybill,answer")
    assert state(env, parcel.parcel_no) == ParcelState.LABELLED
    assert not env.orders.heads([number_of("1")])[number_of("1")].held


def test_an_answer_nobody_asked_for_is_refused(env: Env, platform: FakePlatform) -> None:
    one, two = handed_over(env, platform, document("1"), document("2"))
    label(env, two)
    ship.ship(env)
    result = take(
        env, f"{one.parcel_no},stopped", f"{two.parcel_no},stopped", f"{one.parcel_no},perhaps", header=ANSWER
    )
    assert [i.reason for i in result.items] == ["unknown_answer", "stop_not_asked", "is_shipped"]


def test_a_waybill_for_a_parcel_that_was_asked_back_wants_the_answer_first(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    stop.stop(env, [parcel.parcel_no], reason="x", by="li")
    assert [i.reason for i in take(env, f"{parcel.parcel_no},SF,SF1234567890").items] == ["stop_asked"]


def test_pieces_that_left_our_stock_cannot_be_stopped(
    env: Env, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    label(env, parcel)
    with killed_at(ship.COMMITTED, monkeypatch):
        ship.ship(env)
    stop.stop(env, [parcel.parcel_no], reason="x", by="li")
    assert [i.reason for i in take(env, f"{parcel.parcel_no},stopped", header=ANSWER).items] == ["already_committed"]


@pytest.mark.parametrize("name", [waybills.STOPPED, stopped_members.FREED, stopped_members.MOVED])
def test_a_stop_answer_killed_in_a_gap_is_finished_by_the_same_file(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    close_at_platform(env, platform, "1")
    with killed_at(name, monkeypatch):
        take(env, f"{parcel.parcel_no},stopped", header=ANSWER)
    take(env, f"{parcel.parcel_no},stopped", header=ANSWER)
    assert (progress(env, "1"), state(env, parcel.parcel_no)) == (Progress.CANCELLED, ParcelState.STOPPED)
    assert env.stock.levels(skus=["SKU-1"])[0].held == 0
    assert env.stock.demand() == {}


def test_a_too_late_answer_killed_in_its_gap_is_finished_by_the_same_file(
    env: Env, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    close_at_platform(env, platform, "1")
    with killed_at(waybills.WENT_ON, monkeypatch):
        take(env, f"{parcel.parcel_no},too_late", header=ANSWER)
    assert take(env, f"{parcel.parcel_no},too_late", header=ANSWER).counts == {"same": 1}
    assert not env.orders.heads([number_of("1")])[number_of("1")].held
