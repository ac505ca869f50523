"""Each dialect's own code gives the signatures that the platforms' documents print, and refuses all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox.dialects import douyin, jd, taobao
from adapters.sandbox.gate import Gate
from adapters.sandbox.tokens import Token
from adapters.sandbox.wire import Request, from_beijing
from adapters.sandbox.world import Shop, World
from tests.sandbox.callers import Douyin, Jd, Taobao, Wechat, make

SECRET = "example-secret"


def world_of(platform: str, app_key: str, token: str, at: int) -> World:
    """A world whose one shop has the keys of a worked example, at its time."""
    world = make(platforms=(platform,), start="2020-01-01T00:00:00+08:00").world
    old = world.shops[platform]
    world.shops[platform] = Shop(
        alias=old.alias, platform=platform, seller_id=old.seller_id, app_key=app_key, app_secret=SECRET
    )
    world.tokens[platform].tokens = [
        Token(access=token, refresh="refresh", issued=at, expires=at + 86400, refresh_expires=at + 86400)
    ]
    world.advance(at)
    return world


# --- taobao

TAOBAO = {
    "app_key": "12129701",
    "end_modified": "2025-11-20 10:05:00",
    "fields": "tid,status,payment,orders",
    "format": "json",
    "method": "taobao.trades.sold.increment.get",
    "page_no": "1",
    "page_size": "40",
    "session": "example-session-key",
    "sign_method": "md5",
    "start_modified": "2025-11-20 09:35:00",
    "timestamp": "2025-11-20 10:05:00",
    "use_has_next": "true",
    "v": "2.0",
}
TAOBAO_SIGNS = {
    "md5": "8C86E45F5B8BD3CB8DA8E1D7780DBFB0",
    "hmac": "6D07337E28D590226874B8E45CEE25B5",
    "hmac-sha256": "0ECDFDD6A7C464384D4989D0D6D7003FB5BECEC3A2B929847702A11FF7C64F66",
}


@pytest.fixture
def tmall() -> Taobao:
    world = world_of("taobao", "12129701", "example-session-key", from_beijing("2025-11-20 10:05:00"))
    return Taobao(Gate(world))


@pytest.mark.parametrize(("method", "sign"), TAOBAO_SIGNS.items())
def test_taobao_signs_as_the_worked_example_says(tmall: Taobao, method: str, sign: str) -> None:
    params = {**TAOBAO, "sign_method": method}
    assert taobao.sign(params, SECRET) == sign
    assert "trades_sold_increment_get_response" in tmall.post({**params, "sign": sign})


def test_taobao_signs_as_the_official_example_says() -> None:
    params = {
        "method": "taobao.item.seller.get",
        "app_key": "12345678",
        "session": "test",
        "timestamp": "2016-01-01 12:00:00",
        "format": "json",
        "v": "2.0",
        "sign_method": "md5",
        "fields": "num_iid,title,nick,price,num",
        "num_iid": "11223344",
    }
    assert taobao.sign(params, "helloworld") == "66987CB115214E59E6EC978214934FB8"


def taobao_code(reply: dict[str, Any]) -> int:
    code: int = reply["error_response"]["code"]
    return code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": TAOBAO_SIGNS["md5"].lower()}, 25),
        ({"sign": TAOBAO_SIGNS["hmac"]}, 25),
        ({"sign": TAOBAO_SIGNS["md5"][:-1]}, 25),
        ({"sign": ""}, 24),
        ({"page_size": "41"}, 25),
        ({"extra": "1"}, 25),
        ({"fields": "tid,status,payment,order"}, 25),
        ({"sign_method": "hmac"}, 25),
        ({"sign_method": "sha1"}, 40),
        ({"session": "example-session-kez"}, 25),
        ({"app_key": "12129702"}, 29),
        ({"app_key": ""}, 28),
        ({"timestamp": "2025-11-20 10:15:01"}, 31),
        ({"timestamp": "2025-11-20 09:54:59"}, 31),
        ({"timestamp": "2025-11-20 02:05:00"}, 31),
        ({"timestamp": "1763604300"}, 31),
        ({"v": "1.0"}, 33),
        ({"format": "xml"}, 23),
        ({"method": ""}, 21),
        ({"method": "taobao.no.such.call"}, 22),
    ],
)
def test_taobao_refuses_one_altered_trait(tmall: Taobao, change: dict[str, str], code: int) -> None:
    assert taobao_code(tmall.post({**TAOBAO, "sign": TAOBAO_SIGNS["md5"], **change})) == code


@pytest.mark.parametrize(("method", "sign"), TAOBAO_SIGNS.items())
def test_taobao_refuses_each_vector_with_any_parameter_altered(tmall: Taobao, method: str, sign: str) -> None:
    params = {**TAOBAO, "sign_method": method, "sign": sign}
    assert "trades_sold_increment_get_response" in tmall.post(params)
    for name in sorted(params):
        refused = [{**params, name: params[name] + "1"}, {k: v for k, v in params.items() if k != name}]
        assert ["error_response" in tmall.post(other) for other in refused] == [True, True], name
    for other in set(TAOBAO_SIGNS) - {method}:
        assert taobao_code(tmall.post({**params, "sign_method": other})) == 25
        assert taobao_code(tmall.post({**params, "sign": TAOBAO_SIGNS[other]})) == 25
    # the order in which they are sent is no trait
    assert "trades_sold_increment_get_response" in tmall.post(dict(reversed(params.items())))


@pytest.mark.parametrize(
    "text",
    [
        lambda pairs: "".join(f"{k}{v}" for k, v in pairs),
        lambda pairs: SECRET + "".join(f"{k}{v}" for k, v in reversed(pairs)) + SECRET,
        lambda pairs: SECRET + "&".join(f"{k}={v}" for k, v in pairs) + SECRET,
        lambda pairs: SECRET + "".join(f"{k}{v}" for k, v in pairs if k != "sign_method") + SECRET,
        lambda pairs: SECRET + "".join(f"{k}{v.replace(',', '%2C')}" for k, v in pairs) + SECRET,
    ],
    ids=["no secret", "unsorted", "with separators", "without sign_method", "url-encoded"],
)
def test_taobao_refuses_a_string_built_otherwise(tmall: Taobao, text: Callable[[list[tuple[str, str]]], str]) -> None:
    import hashlib

    sign = hashlib.md5(text(sorted(TAOBAO.items())).encode()).hexdigest().upper()
    assert taobao_code(tmall.post({**TAOBAO, "sign": sign})) == 25


# --- jd

JD = {
    "360buy_param_json": '{"dateType":"0","end_date":"2025-11-20 10:00:00","optional_fields":"orderId,orderState,itemInfoList","order_state":"WAIT_SELLER_STOCK_OUT,LOCKED","page":"1","page_size":"50","sortType":"1","start_date":"2025-11-20 09:30:00"}',
    "access_token": "example-token",
    "app_key": "EXAMPLEAPPKEY",
    "method": "jingdong.pop.order.enSearch",
    "timestamp": "2025-11-20 10:05:00.000+0800",
    "v": "2.0",
}
JD_SIGN = "F60FE60A20B086FB4362196D6AEB2E74"


@pytest.fixture
def jos() -> Jd:
    world = world_of("jd", "EXAMPLEAPPKEY", "example-token", from_beijing("2025-11-20 10:05:00"))
    return Jd(Gate(world))


def test_jd_signs_as_the_worked_example_says(jos: Jd) -> None:
    assert jd.sign(JD, SECRET) == JD_SIGN
    assert "jingdong_pop_order_enSearch_responce" in jos.post({**JD, "sign": JD_SIGN})


def test_jd_signs_as_the_official_example_says() -> None:
    params = {
        "360buy_param_json": '{"end_date":null,"optional_fields":null,"order_state":"WAIT_SELLER_STOCK_OUT","page":"1","page_size":"200","start_date":null}',
        "access_token": "yourtoken",
        "app_key": "yourappkey",
        "method": "jingdong.pop.order.search",
        "timestamp": "2021-05-07 09:20:39.683+0800",
        "v": "2.0",
    }
    assert jd.sign(params, "yourappSecret") == "D70825340F4084360B9362B60DFD7930"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": JD_SIGN.lower()}, "12"),
        ({"sign": ""}, "11"),
        ({"360buy_param_json": JD["360buy_param_json"].replace(",", ", ")}, "12"),
        ({"360buy_param_json": JD["360buy_param_json"].replace('"page":"1"', '"page":"2"')}, "12"),
        ({"access_token": "example-tokem"}, "12"),
        ({"format": "json"}, "12"),
        ({"app_key": "EXAMPLEAPPKEX"}, "21"),
        ({"app_key": ""}, "20"),
        ({"timestamp": "2025-11-20 10:11:01.000+0800"}, "8"),
        ({"timestamp": "2025-11-20 09:58:59.000+0800"}, "8"),
        ({"timestamp": "2025-11-20 10:05:00.000+0000"}, "8"),
        ({"timestamp": "2025-11-20 10:05:00"}, "12"),
        ({"v": "2"}, "50"),
        ({"method": ""}, "14"),
        ({"method": "jingdong.no.such.call"}, "15"),
    ],
)
def test_jd_refuses_one_altered_trait(jos: Jd, change: dict[str, str], code: str) -> None:
    assert jos.post({**JD, "sign": JD_SIGN, **change})["error_response"]["code"] == code


@pytest.mark.parametrize("name", [*JD, "sign"])
def test_jd_refuses_its_vector_without_any_of_its_parameters(jos: Jd, name: str) -> None:
    whole = {**JD, "sign": JD_SIGN}
    assert "error_response" in jos.post({k: v for k, v in whole.items() if k != name})
    assert "error_response" in jos.post({**whole, name: whole[name] + "1"})


def test_jd_takes_a_second_on_the_edge_of_six_minutes(jos: Jd) -> None:
    params = {**JD, "timestamp": "2025-11-20 10:11:00.000+0800"}
    assert "jingdong_pop_order_enSearch_responce" in jos.post({**params, "sign": jd.sign(params, SECRET)})


# --- douyin

BODY = '{"order_asc":true,"order_by":"update_time","page":0,"size":50,"update_time_end":1763604000,"update_time_start":1763602200}'
DOUYIN_SIGN = "a3910dae68625942f1642331547f042e87b95e666565a384cc91a783e4957627"
DOUYIN = {
    "method": "order.searchList",
    "app_key": "6800000000000000001",
    "access_token": "example-access",
    "timestamp": "1763604300",
    "v": "2",
    "sign_method": "hmac-sha256",
    "sign": DOUYIN_SIGN,
}


@pytest.fixture
def doudian() -> Douyin:
    return Douyin(Gate(world_of("douyin", "6800000000000000001", "example-access", 1763604300)))


def test_douyin_signs_as_the_worked_examples_say(doudian: Douyin) -> None:
    words = ("6800000000000000001", SECRET, "order.searchList", BODY, "1763604300")
    assert douyin.sign(*words, "hmac-sha256") == DOUYIN_SIGN
    assert douyin.sign(*words, "md5") == "76e9a3041e8ae92c57e5f93f34a7ff0c"
    assert doudian.post("/order/searchList", DOUYIN, BODY)["code"] == 10000
    md5 = {**DOUYIN, "sign": "76e9a3041e8ae92c57e5f93f34a7ff0c", "sign_method": "md5"}
    assert doudian.post("/order/searchList", md5, BODY)["code"] == 10000
    # without the word md5 is meant
    del md5["sign_method"]
    assert doudian.post("/order/searchList", md5, BODY)["code"] == 10000


def test_douyin_signs_as_the_official_demo_says() -> None:
    words = ("6844048284663924231", "749698a6-fcb3-4358-b241-ec1d93cf9c1f", "product.list", '{"page":"0","size":"20"}')
    assert (
        douyin.sign(*words, "2020-07-05 22:33:59", "hmac-sha256")
        == "a84fc5747114e63196565192a19f80d9d78819b8c8f5940eeb282bf78260901d"
    )
    assert douyin.sign(*words, "2020-07-05 22:33:59", "md5") == "0a1288b4f742252692e6d5e006035e82"


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"sign": DOUYIN_SIGN.upper()}, "isv.signature-invalid"),
        ({"sign": DOUYIN_SIGN[:-1]}, "isv.signature-invalid"),
        ({"sign_method": "md5"}, "isv.signature-invalid"),
        ({"sign_method": "sha1"}, "isv.parameter-format-invalid"),
        ({"timestamp": "1763604301"}, "isv.signature-invalid"),
        ({"timestamp": "1763604901"}, "isv.timestamp-invalid"),
        ({"timestamp": "1763603699"}, "isv.timestamp-invalid"),
        ({"timestamp": "2025-11-20 02:05:00"}, "isv.timestamp-invalid"),
        ({"method": "order.searchlist"}, "isv.parameter-format-invalid"),
        ({"app_key": "6800000000000000002"}, "isv.app-permissions-insufficient"),
        ({"v": "1"}, "isv.parameter-format-invalid"),
        ({"access_token": "example-acces"}, "isv.access-token-no-existed"),
        ({"access_token": ""}, "isv.access-token-missing"),
        ({"sign": ""}, "isv.parameter-missing"),
    ],
)
def test_douyin_refuses_one_altered_trait(doudian: Douyin, change: dict[str, str], sub_code: str) -> None:
    assert doudian.post("/order/searchList", {**DOUYIN, **change}, BODY)["sub_code"] == sub_code


@pytest.mark.parametrize(("kind", "sign"), [("hmac-sha256", DOUYIN_SIGN), ("md5", "76e9a3041e8ae92c57e5f93f34a7ff0c")])
def test_douyin_refuses_each_vector_with_any_part_altered(doudian: Douyin, kind: str, sign: str) -> None:
    query = {**DOUYIN, "sign_method": kind, "sign": sign}
    assert doudian.post("/order/searchList", query, BODY)["code"] == 10000
    for name in sorted(query):
        assert doudian.post("/order/searchList", {**query, name: query[name] + "1"}, BODY)["code"] != 10000, name
        if (name, kind) != ("sign_method", "md5"):  # without the word md5 is meant
            rest = {k: v for k, v in query.items() if k != name}
            assert doudian.post("/order/searchList", rest, BODY)["code"] != 10000, name
    for body in (BODY.replace('"size":50', '"size":51'), BODY.replace("true", "false"), "{}"):
        assert doudian.post("/order/searchList", query, body)["sub_code"] == "isv.signature-invalid"
    assert doudian.post("/order/orderDetail", query, BODY)["code"] != 10000


def test_douyin_never_signs_the_token(doudian: Douyin) -> None:
    doudian.world.tokens["douyin"].tokens[0].access = "another"
    assert doudian.post("/order/searchList", {**DOUYIN, "access_token": "another"}, BODY)["code"] == 10000


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(json.loads(BODY)),
        json.dumps(dict(reversed(json.loads(BODY).items())), separators=(",", ":")),
        BODY.replace('"page":0', '"page":0.0'),
        BODY.replace('update_time"', 'update\\u005ftime"', 1),
    ],
    ids=["spaces", "unsorted", "float", "escaped"],
)
def test_douyin_refuses_a_body_that_is_not_canonical_though_signed(doudian: Douyin, body: str) -> None:
    sign = douyin.sign("6800000000000000001", SECRET, "order.searchList", body, "1763604300", "hmac-sha256")
    assert doudian.post("/order/searchList", {**DOUYIN, "sign": sign}, body)["sub_code"] == "isv.signature-invalid"


def test_douyin_refuses_a_hash_without_the_secret_in_the_message(doudian: Douyin) -> None:
    import hashlib
    import hmac

    text = f"app_key6800000000000000001methodorder.searchListparam_json{BODY}timestamp1763604300v2"
    sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert doudian.post("/order/searchList", {**DOUYIN, "sign": sign}, BODY)["sub_code"] == "isv.signature-invalid"


# --- wechat_shop: calls carry a token instead of a signature


def test_wechat_takes_the_exact_token_and_no_other() -> None:
    caller = Wechat(Gate(make(platforms=("wechat_shop",)).world))
    assert caller.token()["access_token"]
    true = caller.access
    span = {"start_time": caller.world.now - 60, "end_time": caller.world.now}
    words = {"update_time_range": span, "page_size": 10, "next_key": ""}
    assert caller.call("/channels/ec/order/list/get", **words)["errcode"] == 0
    for altered in (true[:-1], true + "1", true.swapcase(), true[::-1]):
        caller.access = altered
        assert caller.call("/channels/ec/order/list/get", **words)["errcode"] in (40001, 40014)
    body = json.dumps(words).encode()
    assert caller.send(Request(path="/channels/ec/order/list/get", body=body))["errcode"] == 41001
