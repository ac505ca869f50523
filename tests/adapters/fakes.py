"""Small scripted marketplaces: one list of orders each, spoken in the platform's dialect.

They are not the sandbox: no signatures, no life of their own. A test moves rows between two requests with `before_list`,
bends totals with `bias`, and breaks single rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.adapters.kit import NOON, Reply, Seen

BEIJING = timezone(timedelta(hours=8))
#: an odd number beyond 2^53: a float cannot hold it
BIG = 4120087654321000001


def local(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def read_local(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)


@dataclass
class Row:
    number: int
    modified: datetime
    #: changes to the payload, by top-level field
    change: dict[str, Any] = field(default_factory=dict)
    shipped: list[tuple[str, str]] = field(default_factory=list)


class Fake:
    """Base: rows, windows with inclusive ends in whole seconds, pages, hooks."""

    platform: str
    newest_first = False
    #: the last thing that `before_list` popped
    page_ignored = False

    def __init__(self, count: int = 0, start: datetime = NOON - timedelta(hours=2), step_s: int = 10) -> None:
        self.rows = [Row(BIG + 2 * i, start + timedelta(seconds=i * step_s)) for i in range(count)]
        self.before_list: list[Callable[[], None]] = []
        self.bias = 0
        self.lists = 0
        self.details: list[str] = []
        self.effects: list[Any] = []

    def select(self, start: datetime, end: datetime, page: int, size: int) -> tuple[list[Row], int]:
        self.lists += 1
        if self.before_list:
            self.before_list.pop(0)()
        rows = [r for r in self.rows if start <= r.modified <= end]
        rows.sort(key=lambda r: (r.modified, r.number), reverse=self.newest_first)
        if self.page_ignored:
            page = 0
        return rows[page * size : (page + 1) * size], len(rows) + self.bias

    def find(self, number: object) -> Row | None:
        return next((r for r in self.rows if str(r.number) == str(number)), None)

    def payload(self, row: Row) -> dict[str, Any]:
        raise NotImplementedError

    def __call__(self, seen: Seen) -> Reply:
        raise NotImplementedError

    # replies of the dialect
    token_expired: Reply
    throttled_2s: Reply
    busy: Reply
    refused: Reply
    unknown_code: Reply

    def broken(self) -> dict[str, Any]:
        """A change that makes a row's money unreadable."""
        raise NotImplementedError

    def float_id(self) -> dict[str, Any]:
        """A change that makes a row's number a float."""
        raise NotImplementedError

    def renews(self, seen: Seen) -> bool:
        """Whether a request asks for a token."""
        return "token" in seen.path


class FakeTaobao(Fake):
    platform = "taobao"
    newest_first = True
    token_expired: Reply = {
        "error_response": {"code": 27, "msg": "Invalid session", "sub_code": "session-expired", "request_id": "tb-27"}
    }
    throttled_2s: Reply = {
        "error_response": {
            "code": 7, "msg": "App Call Limited", "sub_code": "accesscontrol.limited-by-api-access-count",
            "sub_msg": "This ban will last for 2 more seconds", "request_id": "tb-7",
        }
    }  # fmt: skip
    busy: Reply = {
        "error_response": {
            "code": 15,
            "msg": "Remote service error",
            "sub_code": "isp.system-busy",
            "request_id": "tb-15",
        }
    }
    refused: Reply = {
        "error_response": {
            "code": 15,
            "msg": "Remote service error",
            "sub_code": "isv.invalid-parameter",
            "sub_msg": "no",
            "request_id": "tb-r",
        }
    }
    unknown_code: Reply = {"error_response": {"code": 999, "msg": "?", "sub_code": "zzz.new", "request_id": "tb-u"}}

    def payload(self, row: Row) -> dict[str, Any]:
        status = "WAIT_BUYER_CONFIRM_GOODS" if row.shipped else "WAIT_SELLER_SEND_GOODS"
        line = {
            "oid": row.number + 1,
            "num_iid": 71,
            "sku_id": "51",
            "price": "10.00",
            "num": 1,
            "payment": "10.00",
            "status": status,
        }
        if row.shipped:
            line |= {"invoice_no": row.shipped[0][1], "logistics_company": row.shipped[0][0]}
        return {
            "tid": row.number, "status": status, "created": "2025-11-20 09:00:00", "pay_time": "2025-11-20 09:01:00",
            "modified": local(row.modified), "post_fee": "0.00", "payment": "10.00", "receiver_name": "王**",
            "orders": {"order": [line]}, **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"payment": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"tid": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        form = seen.form
        if seen.path == "/token":
            return {
                "access_token": "token-2",
                "refresh_token": "refresh-2",
                "expires_in": 86400,
                "taobao_user_id": "7700001",
            }
        match form["method"]:
            case "taobao.trades.sold.increment.get":
                size = int(form["page_size"])
                part, total = self.select(
                    read_local(form["start_modified"]), read_local(form["end_modified"]), int(form["page_no"]) - 1, size
                )
                body: dict[str, Any] = {"request_id": "tb"}
                if part:
                    body["trades"] = {"trade": [self.payload(r) for r in part]}
                if form["use_has_next"] == "true":
                    body["has_next"] = int(form["page_no"]) * size < total
                else:
                    body["total_results"] = total
                return {"trades_sold_increment_get_response": body}
            case "taobao.trade.fullinfo.get":
                self.details.append(form["tid"])
                row = self.find(form["tid"])
                if row is None:
                    return {"error_response": {"code": 15, "sub_code": "isv.trade-not-exist", "msg": "x"}}
                return {"trade_fullinfo_get_response": {"trade": self.payload(row)}}
            case "taobao.logistics.offline.send":
                row = self.find(form["tid"])
                assert row is not None
                if row.shipped:
                    return {"error_response": {"code": 15, "sub_code": "isv.already-consigned", "msg": "x"}}
                row.shipped.append((form["company_code"], form["out_sid"]))
                self.effects.append(form)
                return {"logistics_offline_send_response": {"shipping": {"is_success": True}}}
            case "taobao.skus.quantity.update" | "taobao.item.quantity.update":
                if "666" in form.get("skuid_quantities", ""):
                    return self.refused
                self.effects.append(form)
                return {"skus_quantity_update_response": {"item": {"num_iid": 71}}}
            case other:
                raise AssertionError(other)


class FakeWechat(Fake):
    platform = "wechat_shop"
    token_expired: Reply = {"errcode": 42001, "errmsg": "access_token expired rid: wx-42001"}
    throttled_2s: Reply = {"errcode": 45011, "errmsg": "api minute-quota reach limit rid: wx-45011"}
    busy: Reply = {"errcode": -1, "errmsg": "system error rid: wx-1"}
    refused: Reply = {"errcode": 40097, "errmsg": "invalid args rid: wx-r"}
    unknown_code: Reply = {"errcode": 987654321, "errmsg": "? rid: wx-u"}
    cursor_stuck = False

    def payload(self, row: Row) -> dict[str, Any]:
        created = int((NOON - timedelta(hours=3)).timestamp())
        deliveries = [
            {
                "waybill_id": w,
                "delivery_id": c,
                "product_infos": [{"product_id": "71", "sku_id": "51", "product_cnt": 1}],
            }
            for c, w in row.shipped
        ]
        return {
            "order_id": str(row.number), "status": 30 if row.shipped else 20, "create_time": created,
            "update_time": int(row.modified.timestamp()), "openid": "o1",
            "order_detail": {
                "product_infos": [{"product_id": "71", "sku_id": "51", "sku_cnt": 1, "sale_price": 1000, "real_price": 1000}],
                "pay_info": {"pay_time": created + 9},
                "price_info": {"product_price": 1000, "order_price": 1000, "freight": 0},
                "delivery_info": {"address_info": {"user_name": "林**"}, "delivery_product_info": deliveries},
            },
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"create_time": "soon"}

    def float_id(self) -> dict[str, Any]:
        return {"order_id": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        body = seen.json
        match seen.path:
            case "/cgi-bin/stable_token":
                return {"access_token": "token-2", "expires_in": 7200}
            case "/channels/ec/order/list/get":
                window = body["update_time_range"]
                at = int(body["next_key"] or 0)
                size = body["page_size"]
                part, total = self.select(
                    datetime.fromtimestamp(window["start_time"], UTC), datetime.fromtimestamp(window["end_time"], UTC),
                    at, size,
                )  # fmt: skip
                more = (at + 1) * size < total
                key = "1" if self.cursor_stuck else str(at + 1)
                # Older answers list numbers, newer ones text: both are served.
                ids = [r.number if i % 2 else str(r.number) for i, r in enumerate(part)]
                return {
                    "errcode": 0, "errmsg": "ok", "order_id_list": ids or None, "next_key": key,
                    "has_more": more or self.cursor_stuck,
                }  # fmt: skip
            case "/channels/ec/order/get":
                self.details.append(body["order_id"])
                row = self.find(body["order_id"])
                if row is None:
                    return {"errcode": 100002, "errmsg": "order not exist rid: wx-100002"}
                return {"errcode": 0, "errmsg": "ok", "order": self.payload(row)}
            case "/channels/ec/order/delivery/send":
                row = self.find(body["order_id"])
                assert row is not None
                if row.shipped:
                    return {"errcode": 606034, "errmsg": "shipped rid: wx-s"}
                row.shipped += [(d["delivery_id"], d["waybill_id"]) for d in body["delivery_list"]]
                self.effects.append(body)
                return {"errcode": 0, "errmsg": "ok"}
            case "/channels/ec/product/stock/update":
                if body["sku_id"] == "666":
                    return self.refused
                self.effects.append(body)
                return {"errcode": 0, "errmsg": "ok"}
            case "/channels/ec/product/stock/get":
                return {"errcode": 0, "errmsg": "ok", "data": {"sku_id": body["sku_id"], "stock_num": 17}}
            case "/channels/ec/aftersale/acceptapply" | "/channels/ec/aftersale/rejectapply":
                self.effects.append((seen.path, body))
                return {"errcode": 0, "errmsg": "ok"}
            case other:
                raise AssertionError(other)


class FakeJd(Fake):
    platform = "jd"
    token_expired: Reply = {"error_response": {"code": "19", "zh_desc": "无效access_token"}}
    throttled_2s: Reply = {"error_response": {"code": "2", "zh_desc": "限流"}}
    busy: Reply = {"error_response": {"code": "1", "zh_desc": "服务不可用"}}
    refused: Reply = {"jingdong_x_responce": {"code": "0", "returnType": {"success": False, "englishErrCode": "no"}}}
    unknown_code: Reply = {"error_response": {"code": "4711", "zh_desc": "?"}}

    def payload(self, row: Row) -> dict[str, Any]:
        return {
            "orderId": str(row.number), "orderType": "22", "payType": "4-在线支付", "sellerDiscount": "0.00", "freightPrice": "0.00",
            "shouldPay": "10.00", "actualPay": "10.00", "orderState": "WAIT_GOODS_RECEIVE_CONFIRM" if row.shipped else "WAIT_SELLER_STOCK_OUT",
            "orderStartTime": "2025-11-20 09:00:00", "paymentConfirmTime": "2025-11-20 09:01:00", "modified": local(row.modified),
            "orderEndTime": "0001-01-01 00:00:00", "logisticsId": "|".join(c for c, _ in row.shipped), "waybill": "|".join(w for _, w in row.shipped),
            "itemInfoList": [{"skuId": "51", "jdPrice": "10.00", "itemTotal": "1", "wareId": "71"}], **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"shouldPay": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"orderId": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        if seen.path == "/oauth2/refresh_token":
            return {"access_token": "token-2", "refresh_token": "refresh-2", "expires_in": 2592000}
        method, body = seen.query["method"], json.loads(seen.form["360buy_param_json"])
        match method:
            case "jingdong.pop.order.enSearch":
                part, total = self.select(
                    read_local(body["start_date"]),
                    read_local(body["end_date"]),
                    int(body["page"]) - 1,
                    int(body["page_size"]),
                )
                return {
                    "jingdong_pop_order_enSearch_responce": {
                        "code": "0",
                        "searchorderinfo_result": {
                            "apiResult": {"success": "true", "numberCode": 0}, "orderTotal": str(total),
                            "orderInfoList": [self.payload(r) for r in part] or None,
                        },
                    }
                }  # fmt: skip
            case "jingdong.pop.order.enGet":
                self.details.append(body["order_id"])
                row = self.find(body["order_id"])
                if row is None:
                    told: dict[str, Any] = {"apiResult": {"success": False, "englishErrCode": "order.not.exist"}}
                    return {"jingdong_pop_order_enGet_responce": {"code": "0", "orderDetailInfo": told}}
                return {
                    "jingdong_pop_order_enGet_responce": {
                        "code": "0", "orderDetailInfo": {"apiResult": {"success": True}, "orderInfo": self.payload(row)},
                    }
                }  # fmt: skip
            case "jingdong.pop.order.shipment":
                row = self.find(body["orderId"])
                assert row is not None
                if row.shipped:
                    told = {"success": "false", "englishErrCode": "order.state.error"}
                    return {"jingdong_pop_order_shipment_responce": {"code": "0", "sopjosshipment_result": told}}
                row.shipped += list(zip(body["logiCoprId"].split("|"), body["logiNo"].split("|"), strict=True))
                self.effects.append(body)
                return {
                    "jingdong_pop_order_shipment_responce": {"code": "0", "sopjosshipment_result": {"success": "true"}}
                }
            case "jingdong.ware.stock.sku.set":
                self.effects.append(body)
                failed = [
                    {"data": s["skuId"], "message": "unknown sku"}
                    for s in body["req"]["skuStocks"]
                    if s["skuId"] == "666"
                ]
                return {
                    "jingdong_ware_stock_sku_set_responce": {
                        "code": "0", "returnType": {"success": True, "obj": {"updateStockResult": failed}},
                    }
                }  # fmt: skip
            case "jingdong.pop.afs.soa.refundapply.replyRefund":
                self.effects.append(body)
                return {
                    "jingdong_pop_afs_soa_refundapply_replyRefund_responce": {
                        "code": "0",
                        "replyResult": {"success": True},
                    }
                }
            case other:
                raise AssertionError(other)


class FakeDouyin(Fake):
    platform = "douyin"
    token_expired: Reply = {
        "code": 40003,
        "msg": "x",
        "sub_code": "isv.access-token-expired",
        "sub_msg": "x",
        "log_id": "dy-40003",
    }
    throttled_2s: Reply = {
        "code": 60000,
        "msg": "x",
        "sub_code": "isp.traffic-limited:1",
        "sub_msg": "x",
        "log_id": "dy-60000",
    }
    busy: Reply = {"code": 20000, "msg": "x", "sub_code": "dop.service-error", "sub_msg": "x", "log_id": "dy-20000"}
    refused: Reply = {"code": 50002, "msg": "x", "sub_code": "isv.business-failed:1", "sub_msg": "no", "log_id": "dy-r"}
    unknown_code: Reply = {"code": 12345, "msg": "?", "sub_code": "new.code", "sub_msg": "", "log_id": "dy-u"}

    def payload(self, row: Row) -> dict[str, Any]:
        status = 3 if row.shipped else 2
        logistics = [
            {
                "tracking_no": w,
                "company": c,
                "product_info": [{"sku_order_id": str(row.number + 1), "product_count": 1}],
            }
            for c, w in row.shipped
        ]
        return {
            "order_id": str(row.number), "order_status": status, "main_status": status, "create_time": 1763600000, "pay_time": 1763600060,
            "update_time": int(row.modified.timestamp()), "exp_ship_time": 1763770000, "pay_type": 2, "pay_amount": 1000, "post_amount": 0,
            "open_address_id": "#a1", "mask_post_receiver": "张*", "logistics_info": logistics,
            "sku_order_list": [
                {"order_id": str(row.number + 1), "order_status": status, "product_id": 71, "sku_id": 51, "item_num": 1, "origin_amount": 1000, "pay_amount": 1000}
            ],
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"pay_amount": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"order_id": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        body = seen.json
        ok = {"code": 10000, "msg": "success", "sub_code": "", "sub_msg": "", "log_id": "dy"}
        match seen.path:
            case "/token/refresh":
                data = {
                    "access_token": "token-2",
                    "refresh_token": "refresh-2",
                    "expires_in": 604800,
                    "shop_id": 7700001,
                }
                return {**ok, "data": data}
            case "/order/searchList":
                part, total = self.select(
                    datetime.fromtimestamp(body["update_time_start"], UTC), datetime.fromtimestamp(body["update_time_end"], UTC),
                    body["page"], body["size"],
                )  # fmt: skip
                rows = [self.payload(r) for r in part]
                return {
                    **ok,
                    "data": {"page": body["page"], "size": body["size"], "total": total, "shop_order_list": rows},
                }
            case "/order/orderDetail":
                self.details.append(body["shop_order_id"])
                row = self.find(body["shop_order_id"])
                if row is None:
                    return {**ok, "code": 50002, "sub_code": "isv.business-failed:2"}
                return {**ok, "data": {"shop_order_detail": self.payload(row)}}
            case "/order/logisticsAdd" | "/order/logisticsAddMultiPack":
                row = self.find(body["order_id"])
                assert row is not None
                if row.shipped:
                    return {**ok, "code": 50002, "sub_code": "isv.business-failed:3"}
                packs = body.get("pack_list") or [body]
                row.shipped += [(p["company_code"], p["logistics_code"]) for p in packs]
                self.effects.append((seen.path, body))
                return {**ok, "data": {}}
            case "/sku/syncStock":
                if body["sku_id"] == 666:
                    return self.refused
                self.effects.append(body)
                return {**ok, "data": True}
            case "/sku/syncStockBatch":
                if any(s["sku_id"] == 666 for s in body["sku_sync_list"]):
                    return self.refused
                self.effects.append(body)
                return {**ok, "data": {}}
            case other:
                raise AssertionError(other)
