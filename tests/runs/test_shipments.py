"""push shipments: each parcel is told exactly once, whatever is lost, refused, or killed on the way."""

from pathlib import Path
from typing import Any

import pytest

from adapters.core.shapes import ShipCapability
from adapters.documents import ParcelDocument
from adapters.errors import NotAuthorised, Retryable
from jobs import effects, ship, shipments
from jobs.env import Env
from stores.records import Effect
from tests.documents import refund_document
from tests.factories import open_env
from tests.fulfilment import (
    FakePlatform,
    books,
    document,
    install,
    killed_at,
    labelled,
    number_of,
    pull,
    shipped,
    waybill,
)


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def states(env: Env) -> list[str]:
    return [e.state for e in env.ledger.effects(kind="ship_notice")]


def effect(env: Env) -> Effect:
    return env.ledger.effects(kind="ship_notice")[0]


SPLIT = {"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-2": 10}}


def test_a_shipped_parcel_is_told_with_all_its_lines(env: Env, platform: FakePlatform) -> None:
    parcel = shipped(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 1)))[0]
    result = shipments.push(env)
    assert result.counts == {"told": 1}
    assert states(env) == ["confirmed", "confirmed"]
    [notice] = platform.notices
    assert notice.platform_order_no == "1" and notice.complete
    assert notice.parcels[0].waybill == waybill(parcel)
    assert notice.parcels[0].lines == (("1-1", "L-SKU-1", "P-SKU-1", 2), ("1-2", "L-SKU-2", "P-SKU-2", 1))


def test_pushing_twice_tells_once(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    shipments.push(env)
    assert shipments.push(env).counts == {}
    assert len(platform.shipped_log) == 1


def test_an_answer_that_was_lost_is_read_back_and_not_repeated(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.script = ["lost"]
    shipments.push(env)
    assert states(env) == ["confirmed"]
    assert len(platform.shipped_log) == 1 and len(platform.notices) == 1


def test_a_call_that_was_lost_before_its_effect_is_repeated_after_reading_back(
    env: Env, platform: FakePlatform
) -> None:
    shipped(env, platform, document("1"))
    platform.script = ["dropped"]
    shipments.push(env)
    assert states(env) == ["confirmed"]
    assert len(platform.shipped_log) == 1 and len(platform.notices) == 2


def test_a_lost_answer_that_cannot_be_read_back_is_parked(env: Env) -> None:
    platform = install(env, FakePlatform(ship=ShipCapability(read_back=False), last_look=False))
    shipped(env, platform, document("1"))
    platform.script = ["lost"]
    result = shipments.push(env)
    assert states(env) == ["parked"] and result.exit_code == 3
    assert len(platform.notices) == 1


def test_a_refusal_is_final_and_alarms_with_its_request(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.script = ["refused"]
    result = shipments.push(env)
    assert result.exit_code == 3 and states(env) == ["refused"]
    assert effect(env).answer == "refused B01 (request r-1)"
    assert [a.kind for a in env.ledger.alerts()] == ["ship_notice_refused"]
    assert shipments.push(env).counts == {}


def test_what_surely_was_not_applied_comes_again_after_its_wait(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.script = ["retry"]
    assert shipments.push(env).counts == {"waiting": 1}
    assert shipments.push(env).counts == {}
    env.clock.advance(60)
    assert shipments.push(env).counts == {"told": 1}


def test_an_accepted_notice_is_polled_and_not_sent_again(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.script = ["accepted"]
    shipments.push(env)
    assert states(env) == ["accepted"]
    env.clock.advance(60)
    shipments.push(env)
    assert states(env) == ["confirmed"]
    assert platform.polls == [f"poll-{effect(env).group}"] and len(platform.notices) == 1


def test_the_last_look_confirms_what_the_platform_shows_already(env: Env, platform: FakePlatform) -> None:
    parcel = shipped(env, platform, document("1"))[0]
    platform.change("1", status="shipped", parcels=(ParcelDocument(carrier="SF", waybill=waybill(parcel)),))
    shipments.push(env)
    assert states(env) == ["confirmed"] and platform.notices == []
    assert effect(env).answer.startswith("already")


def test_the_last_look_parks_what_was_cancelled(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.change("1", status="cancelled", status_raw="TRADE_CLOSED")
    result = shipments.push(env)
    assert states(env) == ["parked"] and platform.notices == []
    assert [i.reason for i in result.items] == ["parked order_cancelled"]
    assert {a.kind for a in env.ledger.alerts()} >= {"ship_notice_parked"}


def test_a_shipment_told_by_somebody_else_is_parked(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.change("1", status="shipped", parcels=(ParcelDocument(carrier="YTO", waybill="YT000001"),))
    shipments.push(env)
    assert states(env) == ["parked"] and effect(env).answer.startswith("parked other_parcel")


def test_a_refund_parks_the_notice_until_it_is_withdrawn(env: Env, platform: FakePlatform) -> None:
    import msgspec

    shipped(env, platform, document("1"))
    lines = platform.orders["1"].lines
    platform.change("1", lines=tuple(msgspec.structs.replace(x, refund="asked") for x in lines))
    shipments.push(env)
    assert states(env) == ["parked"] and effect(env).answer.startswith("parked refund_asked")
    shipments.push(env)
    assert states(env) == ["parked"]
    platform.change("1", lines=lines)
    pull(env, platform, platform.orders["1"])
    shipments.push(env)
    assert states(env) == ["confirmed"]


def test_an_order_that_cannot_be_read_waits(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.fail_current = Retryable("busy")
    assert shipments.push(env).counts == {"waiting": 1}
    platform.fail_current = None
    env.clock.advance(3600)
    assert shipments.push(env).counts == {"told": 1}


def test_without_a_last_look_nobody_is_asked(tmp_path: Path) -> None:
    env = open_env(tmp_path, shipping={"last_look": False})
    platform = install(env, FakePlatform())
    shipped(env, platform, document("1"))
    shipments.push(env)
    assert platform.asked == [] and states(env) == ["confirmed"]
    env.close()


def test_a_shop_that_rests_is_passed_over(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.resting = True
    result = shipments.push(env)
    assert [(i.did, i.reason) for i in result.items] == [("failed", "shop_rests")]
    assert states(env) == ["intent"] and effect(env).attempts == 0


def test_a_call_that_fails_before_anything_is_sent_comes_again(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    platform.script = [NotAuthorised("no token")]
    assert shipments.push(env).counts == {"waiting": 1}
    env.clock.advance(3600)
    assert shipments.push(env).counts == {"told": 1}


def test_a_second_parcel_is_told_alone_and_not_as_the_whole_order(env: Env, platform: FakePlatform) -> None:
    first, second = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), levels=SPLIT)
    ship.ship(env, parcels=[first.parcel_no])
    shipments.push(env)
    ship.ship(env, parcels=[second.parcel_no])
    shipments.push(env)
    assert [(n.complete, [p.waybill for p in n.parcels]) for n in platform.notices] == [
        (False, [waybill(first)]), (False, [waybill(second)])
    ]  # fmt: skip
    assert states(env) == ["confirmed", "confirmed"]


def test_a_platform_that_takes_no_parts_is_told_after_the_last_parcel(env: Env) -> None:
    platform = install(env, FakePlatform(ship=ShipCapability(partial=False)))
    first, second = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), levels=SPLIT)
    ship.ship(env, parcels=[first.parcel_no])
    assert shipments.push(env).counts == {"waiting": 1} and platform.notices == []
    env.clock.advance(200)
    ship.ship(env, parcels=[second.parcel_no])
    shipments.push(env)
    env.clock.advance(600)
    shipments.push(env)
    [notice] = platform.notices
    assert notice.complete and [p.waybill for p in notice.parcels] == [waybill(first), waybill(second)]


def test_a_line_that_only_its_refund_took_off_the_order_is_not_waited_for(env: Env) -> None:
    platform = install(env, FakePlatform(ship=ShipCapability(partial=False)))
    back = refund_document(
        platform_order_no="1", platform_line_no="1-2", kind="refund_only", status="done", amount_minor=10_000
    )
    shipped(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), back)
    env.clock.advance(600)
    assert shipments.push(env).counts == {"told": 1}
    [notice] = platform.notices
    assert notice.complete and [line[0] for line in notice.parcels[0].lines] == ["1-1"]


def test_a_platform_of_one_parcel_per_order_hears_one_waybill_with_every_line(env: Env) -> None:
    platform = install(env, FakePlatform(ship=ShipCapability(parts_per_order=1)))
    group = [
        Effect(
            key=f"ship:{number_of('1')}:{n}:P{n}", kind="ship_notice", shop="tmall", ref=number_of("1"), group="g", created_at=env.clock.now(),
            payload={"platform_order_no": "1", "parcel_no": f"P{n}", "carrier": "SF", "waybill": f"SF00000{n}", "platform_line_no": f"1-{n}",
                     "listing_id": "L", "product_id": "P", "qty": n, "whole": True},
        )
        for n in (1, 2)
    ]  # fmt: skip
    with env.run("test", dry_run=True) as run:
        notice = shipments.Notices(env, run, "tmall", platform).notice(group)  # type: ignore[arg-type]
    assert [p.waybill for p in notice.parcels] == ["SF000001"]
    assert [(no, qty) for no, _, _, qty in notice.parcels[0].lines] == [("1-1", 1), ("1-2", 2)]


def test_a_dry_run_lists_what_would_be_told(env: Env, platform: FakePlatform) -> None:
    parcel = shipped(env, platform, document("1"))[0]
    result = shipments.push(env, dry_run=True)
    assert [(i.ref, i.facts["waybill"]) for i in result.items] == [(effect(env).group, waybill(parcel))]
    assert states(env) == ["intent"] and platform.notices == []


def test_a_notice_that_never_ends_is_parked(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    for _ in range(effects.MAX_ATTEMPTS):
        platform.script = ["retry"]
        shipments.push(env)
        assert states(env) == ["intent"]
        env.clock.advance(3601)
    env.clock.advance(effects.MAX_AGE_S)
    platform.script = ["retry"]
    shipments.push(env)
    assert states(env) == ["parked"]


@pytest.mark.parametrize("name", [effects.SENDING, effects.ANSWERED])
def test_a_push_killed_at_the_call_tells_nothing_twice(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    documents = [document("1", ("SKU-1", 2), ("SKU-2", 1)), document("2")]
    shipped(env, platform, *documents)
    with killed_at(name, monkeypatch):
        shipments.push(env)
    shipments.push(env)
    env.clock.advance(env.settings.shipping.lease + 1)
    shipments.push(env)
    other = open_env(tmp_path / "unkilled")
    calm = install(other, FakePlatform())
    shipped(other, calm, *documents)
    shipments.push(other)
    assert sorted(platform.shipped_log) == sorted(calm.shipped_log)
    assert books(env)["effects"] == books(other)["effects"]
    other.close()


def test_what_a_stopped_run_still_holds_is_not_told_by_it_again(env: Env, platform: FakePlatform) -> None:
    """A run stands still past its lease before it sends; another one tells; the first goes on and has lost its claim."""
    shipped(env, platform, document("1"))
    with env.run("push shipments") as run:
        slow = shipments.Notices(env, run, "tmall", platform)  # type: ignore[arg-type]
        token, found = env.ledger.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="slow")
        env.clock.advance(61)
        shipments.push(env)
        slow._load([found])
        slow._tell(token, [found])
    assert len(platform.shipped_log) == 1 and len(platform.notices) == 1


def test_a_refund_of_another_line_does_not_keep_this_one(env: Env, platform: FakePlatform) -> None:
    import msgspec

    first, _ = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), levels=SPLIT)
    ship.ship(env, parcels=[first.parcel_no])
    lines = platform.orders["1"].lines
    told = env.ledger.effects(kind="ship_notice")[0].payload["platform_line_no"]
    platform.change(
        "1", lines=tuple(x if x.platform_line_no == told else msgspec.structs.replace(x, refund="asked") for x in lines)
    )
    shipments.push(env)
    assert states(env) == ["confirmed"]
