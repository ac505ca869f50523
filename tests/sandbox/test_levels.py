"""Stock levels: absolute and delta, batches, and what each platform says to a repeat."""

from __future__ import annotations

from adapters.sandbox.goods import Listing
from tests.sandbox.callers import Caller, Douyin, Jd, Taobao, Wechat, gate_of


def first(caller: Caller) -> Listing:
    return next(x for x in caller.world.catalogue.listings[caller.platform] if x.has_variants)


def test_taobao_sets_adds_and_reads_levels() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    listing = first(caller)
    update = "taobao.skus.quantity.update"
    words = {"num_iid": listing.product}
    assert (
        caller.call(update, **words, skuid_quantities=f"{listing.listing}:30")["item"]["skus"]["sku"][0]["quantity"]
        == 30
    )
    caller.call(update, **words, outerid_quantities=f"{listing.code}:-50", type="2")
    assert caller.world.levels["taobao", listing.listing] == 0
    caller.call(update, **words, skuid_quantities=f"{listing.listing}:7", type="2")
    skus = caller.call("taobao.item.skus.get", num_iids=listing.product)["skus"]["sku"]
    assert {s["sku_id"]: s["quantity"] for s in skus}[int(listing.listing)] == 7
    assert caller.call(update, **words, skuid_quantities=f"{listing.listing}:-1")["code"] == 41
    assert caller.call(update, **words, skuid_quantities="1:1")["sub_code"] == "isv.sku-not-exist"
    many = ";".join(f"{listing.listing}:1" for _ in range(21))
    assert caller.call(update, **words, skuid_quantities=many)["code"] == 41
    lone = next(x for x in caller.world.catalogue.listings["taobao"] if not x.has_variants)
    assert "item" in caller.call("taobao.item.quantity.update", num_iid=lone.product, quantity=5)
    assert caller.world.levels["taobao", lone.listing] == 5
    assert [e["after"] for e in caller.world.book.of("effect", effect="level")] == [30, 0, 7, 5]


def test_wechat_adds_takes_away_and_sets() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    listing = first(caller)
    words = {"product_id": listing.product, "sku_id": listing.listing}
    for kind, num, after in ((3, 20, 20), (1, 5, 25), (2, 10, 15), (2, 99, 0)):
        assert caller.call("/channels/ec/product/stock/update", **words, diff_type=kind, num=num)["errcode"] == 0
        assert caller.call("/channels/ec/product/stock/get", **words)["data"]["normal_stock_num"] == after
    assert caller.call("/channels/ec/product/stock/update", **words, diff_type=4, num=1)["errcode"] == 40097
    wrong = {"product_id": listing.product, "sku_id": "1", "diff_type": 3, "num": 1}
    assert caller.call("/channels/ec/product/stock/update", **wrong)["errcode"] == 40097


def test_jd_lists_failures_only_and_knows_a_repeat_by_its_id() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    listing = first(caller)
    method = "jingdong.ware.stock.sku.set"

    def req(rf: str, *stocks: dict[str, object]) -> dict[str, object]:
        return {"req": {"updateModel": "fullStockIn", "stockRfId": rf, "skuStocks": list(stocks)}}

    good = {"skuId": int(listing.listing), "stockNum": 12}
    assert caller.call(method, **req("a", good))["returnType"] == {"success": True, "obj": {"updateStockResult": []}}
    more = {"skuId": int(listing.listing), "incrStockNum": 3}
    for _ in range(2):
        assert caller.call(method, **req("b", more))["returnType"]["success"] is True
    assert caller.world.levels["jd", listing.listing] == 15
    assert len(caller.world.book.of("repeat", effect="level")) == 1
    mixed = caller.call(method, **req("c", good, {"skuId": 1, "stockNum": 1}))["returnType"]
    assert (mixed["success"], [f["data"] for f in mixed["obj"]["updateStockResult"]]) == (False, [1])
    assert caller.call("jingdong.stock.read.findSkuStock", skuId=int(listing.listing))["skuStocks"][0]["stockNum"] == 12
    assert caller.call(method, **req("d", *[good] * 31))["code"] == "60"


def test_douyin_refuses_a_known_delta_and_a_batch_is_all_or_nothing() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    product = first(caller).product
    skus = [x for x in caller.world.catalogue.listings["douyin"] if x.product == product]
    words = {"product_id": int(product), "sku_id": int(skus[0].listing)}
    assert caller.call("/sku/syncStock", **words, stock_num=9, incremental=False)["code"] == 10000
    assert caller.call("/sku/syncStock", **words, stock_num=0, incremental=False)["code"] == 10000
    delta = {**words, "stock_num": 4, "incremental": True, "idempotent_id": "d1"}
    assert caller.call("/sku/syncStock", **delta)["code"] == 10000
    assert caller.call("/sku/syncStock", **delta)["sub_code"] == "isv.parameter-invalid:40010"
    assert caller.call("/sku/stockNum", sku_id=int(skus[0].listing))["data"]["stock_num"] == 4
    rows = [{"sku_id": x.listing, "sku_type": 0, "stock_num": 6} for x in skus]
    batch = {"product_id": product, "incremental": False}
    bad = [*rows, {"sku_id": "1", "sku_type": 0, "stock_num": 6}]
    assert caller.call("/sku/syncStockBatch", **batch, sku_sync_list=bad)["code"] == 50002
    assert caller.world.levels["douyin", skus[0].listing] == 4
    assert caller.call("/sku/syncStockBatch", **batch, sku_sync_list=rows)["code"] == 10000
    assert {caller.world.levels["douyin", x.listing] for x in skus} == {6}
