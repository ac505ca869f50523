"""The answers have the field paths and JSON types of the platforms' sampled answers (`shapes/`: path → type).

Orders are made like the sampled ones: a rich one with every discount and remark, and one with a refund or a parcel.
Paths that the samples do not have are named here, each with the reason it is there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sandbox.callers import Caller, Douyin, Jd, Taobao, Wechat, gate_of, place

SHAPES = Path(__file__).parent / "shapes"


def kind(value: object) -> str:
    """JSON type of a scalar."""
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float", str: "text"}[type(value)]


def walk(value: object, path: str, found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Every path of a JSON value with the types seen there."""
    if isinstance(value, dict):
        for key, inner in value.items():
            walk(inner, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for inner in value:
            walk(inner, f"{path}[]", found)
    else:
        found.setdefault(path, set()).add(kind(value))
    return found


def shape(platform: str) -> dict[str, str]:
    told: dict[str, str] = json.loads((SHAPES / f"{platform}.json").read_text(encoding="utf-8"))
    return {path: types for path, types in told.items() if types != "empty list"}


def compare(platform: str, *answers: object, more: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """The answers together have exactly the sampled paths and types, and those of `more`."""
    seen: dict[str, set[str]] = {}
    for answer in answers:
        walk(answer, "", seen)
    sampled = shape(platform)
    assert {p: seen.get(p, set()) for p in sampled} == {p: {t} for p, t in sampled.items()}
    assert seen.keys() - sampled.keys() == more


def rich(caller: Caller, **more: Any) -> None:
    """Two lines, discounts of all kinds, freight, words from both sides."""
    listings = caller.world.catalogue.listings[caller.platform]
    plain = [x for x in listings if x.has_variants][:2]
    lines = [
        {"listing": plain[0].listing, "qty": 2, "item_off": 4000, "shop_off": 2803, "platform_off": 300},
        {"listing": plain[1].listing, "qty": 1, "shop_off": 197, "platform_off": 200},
    ]
    words = {"remark": "请尽快发货", "memo": "VIP", "flag": 2, "receiver": {"city": "杭州市", "town": "示例街道"}}
    place(caller.world, caller.platform, lines=lines, freight=800, **words, **more)


def test_taobao_answers_have_the_sampled_shape() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    rich(caller)
    order = place(caller.world, "taobao", freight=1000)
    caller.world.happen(order, "refund_asked", {}, why="script")
    reply = caller.post(
        caller.sign(
            caller.params(
                "taobao.trades.sold.increment.get",
                fields=(
                    "tid,status,type,seller_nick,buyer_nick,buyer_open_uid,created,pay_time,modified,price,num,num_iid,"
                    "total_fee,discount_fee,adjust_fee,post_fee,payment,received_payment,shipping_type,has_buyer_message,"
                    "buyer_message,seller_memo,seller_flag,receiver_name,receiver_mobile,receiver_phone,receiver_state,"
                    "receiver_city,receiver_district,receiver_town,receiver_address,receiver_zip,oaid,is_part_consign,"
                    "orders,promotion_details,platform_subsidy_fee"
                ),
                start_modified="2025-11-20 00:00:00",
                end_modified="2025-11-20 00:05:00",
                use_has_next="true",
            )
        )
    )
    compare("taobao", reply)


def test_taobao_ids_are_numbers_that_a_float_cannot_hold() -> None:
    caller = Taobao(gate_of(platforms=("taobao",), orders=60))
    caller.world.advance(caller.world.end)
    reply = caller.trades(caller.world.start, caller.world.end, page_size=100)
    tids = [t["tid"] for t in reply["trades"]["trade"]]
    assert len(set(tids)) == 60
    assert min(tids) > 2**53
    assert len({float(t) for t in tids}) < 60


def test_wechat_answers_have_the_sampled_shape() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    rich(caller)
    order = place(caller.world, "wechat_shop", lines=[{"sku": "SKU-1001-A"}])
    box = {"delivery_id": "SF", "waybill_id": "SF0000000000001", "deliver_type": 1, "product_infos": []}
    assert caller.call("/channels/ec/order/delivery/send", order_id=order.no, delivery_list=[box])["errcode"] == 0
    caller.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    listed = caller.ids(caller.world.start, caller.world.end)
    details = [caller.order(no) for no in listed["order_id_list"]]
    compare(
        "wechat_shop",
        {k: v for k, v in listed.items() if k != "order_id_list"},
        *details,
        {"order_id_list": listed["order_id_list"]},
    )


def test_jd_answers_have_the_sampled_shape() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    rich(caller, events=[{"after_s": 0, "name": "settled"}])
    order = place(caller.world, "jd")
    caller.world.happen(order, "refund_asked", {"answer_after": 60}, why="script")
    caller.world.advance(caller.world.now + 61)
    reply = caller.search(caller.world.start, caller.world.end)
    compare("jd", {"jingdong_pop_order_enSearch_responce": reply})
    rows = reply["searchorderinfo_result"]["orderInfoList"]
    assert [r["orderState"] for r in rows] == ["WAIT_SELLER_STOCK_OUT", "TRADE_CANCELED"]
    assert rows[0]["vatInfo"] == []
    assert rows[0]["orderEndTime"] == "0001-01-01 00:00:00"
    assert json.loads(rows[0]["itemInfoList"][0]["itemExt"])["skuUuid"]


def test_douyin_answers_have_the_sampled_shape() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    rich(caller)
    order = place(caller.world, "douyin", freight=800)
    caller.world.happen(order, "refund_asked", {}, why="script")
    compare("douyin", caller.search(caller.world.start, caller.world.end))


def test_douyin_list_of_parcels_has_the_documented_fields() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    order = place(caller.world, "douyin")
    caller.call("/order/logisticsAdd", order_id=order.no, company_code="shunfeng", logistics_code="SF0000000000001")
    detail = caller.call("/order/orderDetail", shop_order_id=order.no)["data"]["shop_order_detail"]
    seen = walk(detail["logistics_info"], "", {})
    assert {p: next(iter(t)) for p, t in seen.items()} == {
        "[].tracking_no": "text",
        "[].company": "text",
        "[].company_name": "text",
        "[].ship_time": "int",
        "[].delivery_id": "text",
        "[].product_info[].sku_order_id": "text",
        "[].product_info[].product_count": "int",
        "[].product_info[].sku_id": "int",
    }
