"""Small clients for the four dialects, straight through the gate without sockets, and worlds to call."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from adapters.sandbox.control import make_order
from adapters.sandbox.dialects import douyin, jd, taobao
from adapters.sandbox.faults import Armed
from adapters.sandbox.gate import Gate, Outcome
from adapters.sandbox.making import Made, Wish, make_world
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request, beijing
from adapters.sandbox.world import World

TRADE_FIELDS = (
    "tid,tid_str,status,type,seller_nick,buyer_nick,buyer_open_uid,created,pay_time,modified,consign_time,end_time,price,num,"
    "num_iid,total_fee,discount_fee,adjust_fee,post_fee,payment,received_payment,shipping_type,has_buyer_message,"
    "buyer_message,seller_memo,seller_flag,receiver_name,receiver_mobile,receiver_phone,receiver_state,receiver_city,"
    "receiver_district,receiver_town,receiver_address,receiver_zip,oaid,is_part_consign,orders,promotion_details,"
    "platform_subsidy_fee,step_trade_status,step_paid_fee"
)
REFUND_FIELDS = "refund_id,tid,oid,total_fee,refund_fee,payment,status,order_status,good_status,has_good_return,created,modified,reason,title,num,company_name,sid,refund_phase,refund_version,outer_id"
ORDER_FIELDS = (
    "orderId,venderId,orderType,payType,orderTotalPrice,orderSellerPrice,sellerDiscount,freightPrice,balanceUsed,"
    "orderPayment,shouldPay,actualPay,orderState,orderStateRemark,deliveryType,orderRemark,venderRemark,orderStartTime,"
    "paymentConfirmTime,modified,orderEndTime,pin,open_id_buyer,xid_buyer,parentOrderId,directParentOrderId,waybill,"
    "logisticsId,storeOrder,orderSource,returnOrder,idSopShipmenttype,invoiceInfo,vatInfo,consigneeInfo,itemInfoList,"
    "couponDetailList"
)


class Stalled(Exception):
    """No answer that can be read came back."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"status {outcome.response.status}, lost {outcome.lost}")
        self.outcome = outcome


class Caller:
    """What the four have in common."""

    platform = ""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.world = gate, gate.world
        self.shop = gate.world.shops[self.platform]
        latest = gate.world.tokens[self.platform].latest
        self.access = latest.access if latest else ""
        self.outcome: Outcome | None = None

    def send(self, request: Request) -> Any:
        self.outcome = self.gate.handle(self.platform, request)
        response = self.outcome.response
        if self.outcome.lost or response.status >= 500:
            raise Stalled(self.outcome)
        return json.loads(response.body)


class Taobao(Caller):
    platform = "taobao"

    def params(self, method: str, **args: object) -> dict[str, str]:
        common = {
            "method": method,
            "app_key": self.shop.app_key,
            "session": self.access,
            "timestamp": beijing(self.world.now),
            "format": "json",
            "v": "2.0",
            "sign_method": "md5",
        }
        return {**common, **{k: str(v) for k, v in args.items()}}

    def sign(self, params: dict[str, str]) -> dict[str, str]:
        return {**params, "sign": taobao.sign(params, self.shop.app_secret)}

    def post(self, params: dict[str, str], path: str = "/router/rest") -> Any:
        return self.send(Request(path=path, body=urlencode(params).encode()))

    def call(self, method: str, **args: object) -> Any:
        """The inside of the reply, or the error_response."""
        reply = self.post(self.sign(self.params(method, **args)))
        assert len(reply) == 1
        return next(iter(reply.values()))

    def trades(self, start: int, end: int, **args: object) -> Any:
        asked = {"fields": TRADE_FIELDS, "start_modified": beijing(start), "end_modified": beijing(end), **args}
        return self.call("taobao.trades.sold.increment.get", **asked)

    def refresh(self, refresh_token: str) -> Any:
        words = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.shop.app_key,
            "client_secret": self.shop.app_secret,
        }
        return self.post(words, "/token")


class Wechat(Caller):
    platform = "wechat_shop"

    def token(self, **args: object) -> Any:
        body = {
            "grant_type": "client_credential",
            "appid": self.shop.app_key,
            "secret": self.shop.app_secret,
            "force_refresh": False,
            **args,
        }
        reply = self.send(Request(path="/cgi-bin/stable_token", body=json.dumps(body).encode()))
        self.access = reply.get("access_token", self.access)
        return reply

    def call(self, path: str, **args: object) -> Any:
        if not self.access:
            self.token()
        body = json.dumps(args, ensure_ascii=False).encode()
        return self.send(Request(path=path, query=urlencode({"access_token": self.access}), body=body))

    def ids(self, start: int, end: int, **args: object) -> Any:
        span = {"start_time": start, "end_time": end}
        asked = {"update_time_range": span, "page_size": 100, "next_key": "", **args}
        return self.call("/channels/ec/order/list/get", **asked)

    def order(self, no: str) -> Any:
        return self.call("/channels/ec/order/get", order_id=no)


class Jd(Caller):
    platform = "jd"

    def params(self, method: str, args: dict[str, object]) -> dict[str, str]:
        return {
            "360buy_param_json": json.dumps(args, ensure_ascii=False),
            "access_token": self.access,
            "app_key": self.shop.app_key,
            "method": method,
            "timestamp": beijing(self.world.now) + ".000+0800",
            "v": "2.0",
        }

    def post(self, params: dict[str, str], path: str = "/routerjson") -> Any:
        return self.send(Request(path=path, body=urlencode(params).encode()))

    def call(self, method: str, **args: object) -> Any:
        params = self.params(method, args)
        reply = self.post({**params, "sign": jd.sign(params, self.shop.app_secret)})
        assert len(reply) == 1
        return next(iter(reply.values()))

    def search(self, start: int, end: int, **args: object) -> Any:
        asked: dict[str, object] = {
            "start_date": beijing(start),
            "end_date": beijing(end),
            "dateType": "0",
            "order_state": "ALL",
            "optional_fields": ORDER_FIELDS,
            "page": "1",
            "page_size": "50",
            "sortType": "0",
        }
        return self.call("jingdong.pop.order.enSearch", **{**asked, **args})

    def oauth(self, path: str, **args: str) -> Any:
        words = {"app_key": self.shop.app_key, "app_secret": self.shop.app_secret, **args}
        return self.send(Request(method="GET", path=path, query=urlencode(words)))


class Douyin(Caller):
    platform = "douyin"

    def query(self, path: str, body: str) -> dict[str, str]:
        method, now = path[1:].replace("/", "."), str(self.world.now)
        return {
            "method": method,
            "app_key": self.shop.app_key,
            "access_token": self.access,
            "timestamp": now,
            "v": "2",
            "sign_method": "hmac-sha256",
            "sign": douyin.sign(self.shop.app_key, self.shop.app_secret, method, body, now, "hmac-sha256"),
        }

    def body(self, args: dict[str, object]) -> str:
        return json.dumps(args, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    def post(self, path: str, query: dict[str, str], body: str) -> Any:
        return self.send(Request(path=path, query=urlencode(query), body=body.encode()))

    def raw(self, path: str, **args: object) -> Any:
        body = self.body(args)
        return self.post(path, self.query(path, body), body)

    def call(self, path: str, **args: object) -> Any:
        if not self.access:
            self.access = self.raw("/token/create", grant_type="authorization_self", shop_id=self.shop.seller_id)[
                "data"
            ]["access_token"]
        return self.raw(path, **args)

    def search(self, start: int, end: int, **args: object) -> Any:
        asked = {
            "update_time_start": start,
            "update_time_end": end,
            "order_by": "update_time",
            "order_asc": True,
            "page": 0,
            "size": 50,
        }
        return self.call("/order/searchList", **{**asked, **args})


CALLERS: dict[str, type[Caller]] = {"taobao": Taobao, "wechat_shop": Wechat, "jd": Jd, "douyin": Douyin}


def make(**wish: object) -> Made:
    """A world in memory; without a word it has four platforms and no orders of its own."""
    return make_world(Wish(**{"orders": 0, **wish}))  # type: ignore[arg-type]


def gate_of(**wish: object) -> Gate:
    return Gate(make(**wish).world, rate=1_000_000.0)


def place(world: World, platform: str, **wanted: object) -> Order:
    """Place one hand-made order now: one piece of the first SKU, paid at once, unless told otherwise."""
    sku = world.catalogue.listings[platform][2].code
    plan = make_order(world, {"platform": platform, "lines": [{"sku": sku}], **wanted})
    world.plan(plan)
    world.advance(world.now)
    return plan.order


def arm(world: World, name: str, **words: object) -> None:
    world.faults.arm(Armed(name=name, **words))  # type: ignore[arg-type]
