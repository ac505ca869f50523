"""Signatures: the worked examples of the platforms' documents, on our own code, and one altered trait each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from adapters.core.wire import Call
from adapters.platforms import douyin, jd, taobao
from tests.adapters.kit import FixedClock, Rig

TAOBAO = {
    "app_key": "12129701",
    "end_modified": "2025-11-20 10:05:00",
    "fields": "tid,status,payment,orders",
    "format": "json",
    "method": "taobao.trades.sold.increment.get",
    "page_no": "1",
    "page_size": "40",
    "session": "example-session-key",
    "start_modified": "2025-11-20 09:35:00",
    "timestamp": "2025-11-20 10:05:00",
    "use_has_next": "true",
    "v": "2.0",
}
JD = {
    "360buy_param_json": (
        '{"dateType":"0","end_date":"2025-11-20 10:00:00","optional_fields":"orderId,orderState,itemInfoList",'
        '"order_state":"WAIT_SELLER_STOCK_OUT,LOCKED","page":"1","page_size":"50","sortType":"1",'
        '"start_date":"2025-11-20 09:30:00"}'
    ),
    "access_token": "example-token",
    "app_key": "EXAMPLEAPPKEY",
    "method": "jingdong.pop.order.enSearch",
    "timestamp": "2025-11-20 10:05:00.000+0800",
    "v": "2.0",
}
DOUYIN_BODY = (
    '{"order_asc":true,"order_by":"update_time","page":0,"size":50,'
    '"update_time_end":1763604000,"update_time_start":1763602200}'
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("md5", "8C86E45F5B8BD3CB8DA8E1D7780DBFB0"),
        ("hmac", "6D07337E28D590226874B8E45CEE25B5"),
        ("hmac-sha256", "0ECDFDD6A7C464384D4989D0D6D7003FB5BECEC3A2B929847702A11FF7C64F66"),
    ],
)
def test_taobao_signs_as_the_worked_examples(kind: str, expected: str) -> None:
    assert taobao.sign({**TAOBAO, "sign_method": kind}, "example-secret") == expected


def test_taobao_signs_the_official_example() -> None:
    assert taobao.sign(TAOBAO_OFFICIAL, "helloworld") == "66987CB115214E59E6EC978214934FB8"


def test_taobao_leaves_empty_values_and_the_signature_out() -> None:
    params = {**TAOBAO, "sign_method": "md5"}
    assert taobao.sign({**params, "buyer_nick": "", "sign": "X"}, "example-secret") == taobao.sign(
        params, "example-secret"
    )


@pytest.mark.parametrize("name", sorted(TAOBAO))
def test_taobao_signature_changes_with_every_parameter(name: str) -> None:
    params = {**TAOBAO, "sign_method": "md5"}
    assert taobao.sign({**params, name: params[name] + "x"}, "example-secret") != taobao.sign(params, "example-secret")


def test_jd_signs_as_the_worked_example() -> None:
    assert jd.sign(JD, "example-secret") == "F60FE60A20B086FB4362196D6AEB2E74"


def test_jd_signs_the_official_example() -> None:
    assert jd.sign(JD_OFFICIAL, "yourappSecret") == "D70825340F4084360B9362B60DFD7930"


@pytest.mark.parametrize("name", sorted(JD))
def test_jd_signature_changes_with_every_parameter(name: str) -> None:
    assert jd.sign({**JD, name: JD[name] + "x"}, "example-secret") != jd.sign(JD, "example-secret")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("hmac-sha256", "a3910dae68625942f1642331547f042e87b95e666565a384cc91a783e4957627"),
        ("md5", "76e9a3041e8ae92c57e5f93f34a7ff0c"),
    ],
)
def test_douyin_signs_as_the_worked_examples(kind: str, expected: str) -> None:
    got = douyin.sign("6800000000000000001", "order.searchList", DOUYIN_BODY, "1763604300", "example-secret", kind)
    assert got == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("hmac-sha256", "a84fc5747114e63196565192a19f80d9d78819b8c8f5940eeb282bf78260901d"),
        ("md5", "0a1288b4f742252692e6d5e006035e82"),
    ],
)
def test_douyin_signs_the_official_demo(kind: str, expected: str) -> None:
    got = douyin.sign(
        "6844048284663924231", "product.list", '{"page":"0","size":"20"}', "2020-07-05 22:33:59",
        "749698a6-fcb3-4358-b241-ec1d93cf9c1f", kind,
    )  # fmt: skip
    assert got == expected


@pytest.mark.parametrize("place", range(5))
def test_douyin_signature_changes_with_every_part(place: int) -> None:
    parts = ["6800000000000000001", "order.searchList", DOUYIN_BODY, "1763604300", "example-secret", "hmac-sha256"]
    altered = [part + "x" if i == place else part for i, part in enumerate(parts)]
    assert douyin.sign(*altered) != douyin.sign(*parts)


# ------------------------------------------------------------------ each vector, one trait altered

#: sign method → the worked example's signature, as printed
TAOBAO_SIGNS = {
    "md5": "8C86E45F5B8BD3CB8DA8E1D7780DBFB0",
    "hmac": "6D07337E28D590226874B8E45CEE25B5",
    "hmac-sha256": "0ECDFDD6A7C464384D4989D0D6D7003FB5BECEC3A2B929847702A11FF7C64F66",
}
TAOBAO_OFFICIAL = {
    "method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "timestamp": "2016-01-01 12:00:00",
    "format": "json", "v": "2.0", "sign_method": "md5", "fields": "num_iid,title,nick,price,num", "num_iid": "11223344",
}  # fmt: skip
JD_OFFICIAL = {
    "360buy_param_json": (
        '{"end_date":null,"optional_fields":null,"order_state":"WAIT_SELLER_STOCK_OUT","page":"1","page_size":"200",'
        '"start_date":null}'
    ),
    "access_token": "yourtoken", "app_key": "yourappkey", "method": "jingdong.pop.order.search",
    "timestamp": "2021-05-07 09:20:39.683+0800", "v": "2.0",
}  # fmt: skip
#: (name, sign, parameters, secret, printed signature) of every vector whose parameters are one flat form
FLAT: list[tuple[str, Callable[[dict[str, str], str], str], dict[str, str], str, str]] = [
    *(
        (f"taobao-{kind}", taobao.sign, {**TAOBAO, "sign_method": kind}, "example-secret", printed)
        for kind, printed in TAOBAO_SIGNS.items()
    ),
    ("taobao-official", taobao.sign, TAOBAO_OFFICIAL, "helloworld", "66987CB115214E59E6EC978214934FB8"),
    ("jd", jd.sign, JD, "example-secret", "F60FE60A20B086FB4362196D6AEB2E74"),
    ("jd-official", jd.sign, JD_OFFICIAL, "yourappSecret", "D70825340F4084360B9362B60DFD7930"),
]
DOUYIN = ("6800000000000000001", "order.searchList", DOUYIN_BODY, "1763604300", "example-secret")
DOUYIN_OFFICIAL = (
    "6844048284663924231", "product.list", '{"page":"0","size":"20"}', "2020-07-05 22:33:59",
    "749698a6-fcb3-4358-b241-ec1d93cf9c1f",
)  # fmt: skip
#: (name, parts, kind, printed signature)
PARTED = [
    ("douyin", DOUYIN, "hmac-sha256", "a3910dae68625942f1642331547f042e87b95e666565a384cc91a783e4957627"),
    ("douyin-md5", DOUYIN, "md5", "76e9a3041e8ae92c57e5f93f34a7ff0c"),
    ("official", DOUYIN_OFFICIAL, "hmac-sha256", "a84fc5747114e63196565192a19f80d9d78819b8c8f5940eeb282bf78260901d"),
    ("official-md5", DOUYIN_OFFICIAL, "md5", "0a1288b4f742252692e6d5e006035e82"),
]


def altered(params: dict[str, str]) -> Iterator[dict[str, str]]:
    """One trait at a time: a value with its last character changed, a parameter left out, renamed, added, moved."""
    for name, value in params.items():
        rest = {k: v for k, v in params.items() if k != name}
        yield {**rest, name: value[:-1] + chr(ord(value[-1]) ^ 1)}
        yield {**rest, name.upper(): value}
        if name != "sign_method":  # without one md5 is meant, which may be what the vector has
            yield rest
    yield {**params, "extra": "1"}
    yield {**params, "session" if "session" in params else "access_token": "someone-else"}


@pytest.mark.parametrize(("sign", "params", "secret", "printed"), [v[1:] for v in FLAT], ids=[v[0] for v in FLAT])
def test_no_vector_of_a_flat_form_survives_one_altered_trait(
    sign: Callable[[dict[str, str], str], str], params: dict[str, str], secret: str, printed: str
) -> None:
    assert sign(params, secret) == printed
    assert [other for other in altered(params) if sign(other, secret) == printed] == []
    assert printed not in (sign(params, secret.upper()), sign(params, secret + " "), sign(params, ""))
    # the order in which they stand is no trait: they are sorted
    assert sign(dict(reversed(params.items())), secret) == printed


@pytest.mark.parametrize(("parts", "kind", "printed"), [v[1:] for v in PARTED], ids=[v[0] for v in PARTED])
def test_no_vector_of_douyin_survives_one_altered_trait(parts: tuple[str, ...], kind: str, printed: str) -> None:
    def sign(some: Sequence[str], by: str = kind) -> str:
        app_key, method, body, timestamp, secret = some
        return douyin.sign(app_key, method, body, timestamp, secret, by)

    assert sign(parts) == printed
    for place, part in enumerate(parts):
        for other in (part[:-1] + chr(ord(part[-1]) ^ 1), part[:-1], part + " ", part.upper() + "X"):
            assert sign([other if i == place else p for i, p in enumerate(parts)]) != printed
    assert sign(parts, "md5" if kind != "md5" else "hmac-sha256") != printed
    # blanks in the JSON text are a trait: what is sent is what is signed
    assert sign([p.replace(",", ", ") if p.startswith("{") else p for p in parts]) != printed


# ------------------------------------------------------------------ what goes over the wire is what was signed


def test_taobao_sends_the_form_it_signed_on_the_clock_of_beijing() -> None:
    clock = FixedClock(datetime(2025, 11, 20, 2, 5, tzinfo=UTC))
    with Rig("taobao", lambda _: {"time_get_response": {}}, clock=clock, token=lambda: "example-session-key") as rig:
        params = {k: TAOBAO[k] for k in ("fields", "page_no", "page_size", "start_modified", "end_modified")}
        rig.adapter.call(Call(api=TAOBAO["method"], params={**params, "use_has_next": True, "empty": ""}))
        form = rig.server.seen[0].form
    assert form == {**TAOBAO, "sign_method": "md5", "sign": "8C86E45F5B8BD3CB8DA8E1D7780DBFB0"}


def test_jd_sends_system_parameters_in_the_query_and_the_very_text_it_signed_in_the_body() -> None:
    clock = FixedClock(datetime(2025, 11, 20, 2, 5, tzinfo=UTC))
    reply = {"jingdong_x_responce": {"code": "0"}}
    with Rig("jd", lambda _: reply, clock=clock, app_key="EXAMPLEAPPKEY", token=lambda: "example-token") as rig:
        params = {
            "start_date": "2025-11-20 09:30:00", "end_date": "2025-11-20 10:00:00", "dateType": "0", "sortType": "1",
            "order_state": "WAIT_SELLER_STOCK_OUT,LOCKED", "optional_fields": "orderId,orderState,itemInfoList",
            "page": "1", "page_size": "50",
        }  # fmt: skip
        rig.adapter.call(Call(api=JD["method"], params=params))
        seen = rig.server.seen[0]
    assert parse_qs(seen.body.decode()) == {"360buy_param_json": [JD["360buy_param_json"]]}
    system = {k: v for k, v in JD.items() if k != "360buy_param_json"}
    assert seen.query == {**system, "sign": "F60FE60A20B086FB4362196D6AEB2E74"}


def test_douyin_sends_the_very_bytes_it_signed_and_does_not_sign_the_token() -> None:
    clock = FixedClock(datetime.fromtimestamp(1763604300, tz=UTC))
    reply = {"code": 10000, "data": {}}
    with Rig("douyin", lambda _: reply, clock=clock, app_key="6800000000000000001", token=lambda: "any") as rig:
        params = {
            "update_time_start": 1763602200, "update_time_end": 1763604000, "page": 0, "size": 50,
            "order_by": "update_time", "order_asc": True,
        }  # fmt: skip
        rig.adapter.call(Call(api="/order/searchList", params=params))
        seen = rig.server.seen[0]
    assert seen.body == DOUYIN_BODY.encode()
    assert seen.path == "/order/searchList"
    assert seen.query["sign"] == "a3910dae68625942f1642331547f042e87b95e666565a384cc91a783e4957627"
    assert seen.query["access_token"] == "any"


def test_douyin_sorts_every_level_and_escapes_nothing() -> None:
    with Rig("douyin", lambda _: {"code": 10000}, token=lambda: "t") as rig:
        rig.adapter.call(Call(api="/x/y", params={"b": {"z": 1, "a": "<米&>"}, "a": [{"d": 1, "c": 2}]}))
        assert rig.server.seen[0].body.decode() == '{"a":[{"c":2,"d":1}],"b":{"a":"<米&>","z":1}}'


def test_wechat_signs_nothing_and_carries_its_token_in_the_query() -> None:
    with Rig("wechat_shop", lambda _: {"errcode": 0, "errmsg": "ok"}, token=lambda: "secret-token") as rig:
        rig.adapter.call(Call(api="/channels/ec/order/get", params={"order_id": "1"}))
        seen = rig.server.seen[0]
    assert seen.query == {"access_token": "secret-token"}
    assert seen.json == {"order_id": "1"}
