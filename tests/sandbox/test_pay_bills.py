"""Bills: in the documented form to the byte, there when they are said to be, by links that run out."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from urllib.parse import urlencode, urlsplit

import pytest

from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.pay.till import Habits
from adapters.sandbox.wire import Request, from_beijing
from tests.sandbox.pay_callers import Alipay, WechatPay, channels
from tests.sandbox.pay_tables import fen, rows_of, summary_of, table_of

DAY = "2026-09-01"
#: the documented bill of a day with one payment and one refund of a part of it
WECHAT_ALL = """\
交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注
`2026-09-01 10:15:20,`wxd678efh567hg6787,`1900000109,`0,`,`4200000000202609010000000001,`OMS20260901000001,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`OTHERS,`CNY,`83.00,`5.00,`0,`0,`0.00,`0.00,`,`,`T恤,`,`0.50000,`0.60%,`88.00,`0.00,`
`2026-09-01 18:00:00,`wxd678efh567hg6787,`1900000109,`0,`,`4200000000202609010000000001,`OMS20260901000001,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026090100000000001,`OMSR20260901000001,`11.32,`0.00,`ORIGINAL,`SUCCESS,`T恤,`,`-0.07000,`0.60%,`0.00,`12.00,`
总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额
`2,`83.00,`11.32,`0.00,`0.43000,`88.00,`12.00
"""
ALIPAY_TRADE = """\
#支付宝业务明细查询
#账号：[20881011064993640156]
#起始日期：[2026年09月01日 00:00:00]   终止日期：[2026年09月02日 00:00:00]
#-----------------------------------------业务明细列表----------------------------------------
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注
2026090122001424331400000001⇥,OMS20260901000002⇥,交易⇥,T恤,2026-09-01 10:15:02,2026-09-01 10:15:20,⇥,⇥,⇥,⇥,BUYER⇥,88.00,83.00,0.00,0.00,0.00,5.00,0.00,店铺满减券,0.00⇥,0.00,⇥,-0.50,0.00,
2026090122001424331400000001⇥,OMS20260901000002⇥,退款⇥,T恤,2026-09-01 10:15:02,2026-09-01 18:00:03,⇥,⇥,⇥,⇥,BUYER⇥,-12.00,-11.32,0.00,0.00,0.00,-0.68,0.00,店铺满减券,0.00⇥,0.00,OMSR20260901000002⇥,0.00,0.00,质量问题
#-----------------------------------------业务明细列表结束------------------------------------
#交易合计：1笔，商家实收共83.00元，商家优惠共5.00元
#退款合计：1笔，商家实收退款共-11.32元，商家优惠退款共-0.68元
#导出时间：[2026年09月02日 05:46:49]
"""


def sample_day() -> tuple[WechatPay, Alipay]:
    """The samples' trade at both channels, written into the till as it stands there, and the next morning."""
    wechat, ali = channels(start=f"{DAY}T00:00:00+08:00")
    at = {
        k: from_beijing(f"{DAY} {v}") for k, v in {"made": "10:15:02", "paid": "10:15:20", "back": "18:00:00"}.items()
    }
    trades = (
        ("wechatpay", "JSAPI", "1", "4200000000202609010000000001", 7, at["back"]),
        ("alipay", "page", "2", "2026090122001424331400000001", 0, at["back"] + 3),
    )
    for channel, method, n, trade_no, fee_back, done in trades:
        payment = Payment(
            channel=channel,
            no=f"OMS2026090100000{n}",
            method=method,
            title="T恤",
            total=8800,
            notify_url="",
            created=at["made"],
            expires=at["back"],
            payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            state="paid",
            trade_no=trade_no,
            paid_at=at["paid"],
            coupon="NOCASH",
            coupon_amount=500,
            backs=[f"OMSR2026090100000{n}"],
        )
        back = Back(
            channel=channel,
            no=f"OMSR2026090100000{n}",
            payment_no=payment.no,
            refund_id="50300000002026090100000000001",
            amount=1200,
            payer=1132,
            settled=1132,
            fee_back=fee_back,
            reason="质量问题",
            created=done,
            state="success",
            done_at=done,
        )
        wechat.till.payments[payment.key], wechat.till.backs[back.key] = payment, back
    wechat.world.advance(from_beijing("2026-09-02 09:00:00"))
    return wechat, ali


# --- the documented form


def test_wechatpay_trade_bill_is_the_sample_to_the_byte() -> None:
    wechat, _ = sample_day()
    assert wechat.bill(DAY) == WECHAT_ALL.replace("\n", "\r\n")
    assert wechat.bill(DAY, bill_type="ALL", tar_type="GZIP") == WECHAT_ALL.replace("\n", "\r\n")


def test_wechatpay_bills_of_one_kind_have_their_own_columns() -> None:
    wechat, _ = sample_day()
    success, refund = (wechat.bill(DAY, bill_type=kind) for kind in ("SUCCESS", "REFUND"))
    assert success.split("\r\n")[0] == (
        "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
        "应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
    )
    assert list(summary_of(success).values()) == ["1", "83.00", "0.50000", "88.00"]
    assert "代金券金额,退款申请时间,退款成功时间,微信退款单号" in refund.split("\r\n")[0]
    assert list(summary_of(refund).values()) == ["1", "0.00", "11.32", "0.00", "-0.07000", "0.00", "12.00"]


def test_wechatpay_fund_flow_has_the_documented_rows() -> None:
    wechat, _ = sample_day()
    text = wechat.bill(DAY, "fundflowbill", account_type="BASIC")
    assert text.split("\r\n")[0] == (
        "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
    )
    rows = rows_of(text)
    assert [(r["业务名称"], r["收支类型"], r["收支金额(元)"], r["备注"]) for r in rows] == [
        ("交易", "收入", "83.00", ""),
        ("扣除交易手续费", "支出", "0.50", "结算手续费"),
        ("退款", "支出", "11.25", "退款总金额11.32元;含手续费0.07元"),
    ]
    assert list(summary_of(text).items()) == [
        ("资金流水总笔数", "3"),
        ("收入笔数", "1"),
        ("收入金额", "83.00"),
        ("支出笔数", "2"),
        ("支出金额", "11.75"),
    ]
    assert fen(rows[-1]["账户结余(元)"]) - fen(rows[0]["账户结余(元)"]) == -1175


def test_alipay_business_bill_is_the_sample_to_the_byte() -> None:
    _, ali = sample_day()
    files = ali.bill(DAY)
    owner = "20881011064993640156_20260901"
    assert list(files) == [f"{owner}_业务明细(汇总).csv", f"{owner}_业务明细.csv"]
    text = files[f"{owner}_业务明细.csv"]
    buyer = table_of(text)[0]["对方账户"]
    assert buyer.startswith("*某(1")
    assert text.replace(buyer, "BUYER") == ALIPAY_TRADE.replace("\n", "\r\n").replace("⇥", "\t")
    total = table_of(files[f"{owner}_业务明细(汇总).csv"])[-1]
    assert total["门店编号"] == "合计"
    assert (total["订单金额（元）"], total["商家实收（元）"], total["实收净额（元）"]) == ("76.00", "71.68", "71.18")


def test_alipay_account_ledger_has_the_documented_columns_and_footer() -> None:
    _, ali = sample_day()
    files = ali.bill(DAY, "signcustomer")
    owner = "20881011064993640156_20260901"
    assert list(files) == [f"{owner}_账务明细(汇总).csv", f"{owner}_账务明细.csv"]
    text = files[f"{owner}_账务明细.csv"]
    rows = table_of(text)
    assert [(r["业务类型"], r["收入金额（+元）"], r["支出金额（-元）"]) for r in rows] == [
        ("在线支付", "83.00", ""),
        ("收费", "", "-0.50"),
        ("交易退款", "", "-11.32"),
    ]
    assert "#支出合计：2笔，共-11.82元\r\n#收入合计：1笔，共83.00元\r\n" in text


def test_alipay_names_are_gbk_without_the_flag_for_utf8() -> None:
    _, ali = sample_day()
    told = ali.call("alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": DAY})
    url = urlsplit(told["bill_download_url"])
    assert "bizType=trade&userId=20881011064993640156&fileType=csv.zip&bizDates=20260901" in url.query
    response = ali.send(Request(method="GET", path=url.path, query=url.query)).response
    with zipfile.ZipFile(io.BytesIO(response.body)) as archive:
        infos = archive.infolist()
    assert [i.flag_bits & 0x800 for i in infos] == [0, 0]
    # read without a word about the encoding, the names are what two wrong guesses make of GBK
    assert "业务明细.csv".encode("gbk").decode("cp437") in infos[1].filename


def test_a_title_with_a_comma_stays_one_value() -> None:
    wechat, ali = channels(start=f"{DAY}T00:00:00+08:00")
    wechat.start("OMS00001", description="T恤,红\n`M", attach="a,b")
    ali.start("OMS00001", subject='T恤,"红"')
    wechat.advance(33 * 3600)
    (row,) = rows_of(wechat.bill(DAY))
    assert (row["商品名称"], row["商户数据包"]) == ("T恤\\ 红\\n`M", "a\\ b")
    (other,) = table_of(list(ali.bill(DAY).values())[1])
    assert other["商品名称"] == 'T恤,"红"'


# --- when they are there


def asked(wechat: WechatPay, day: str, **more: str) -> str:
    _, told = wechat.call("GET", f"/v3/bill/tradebill?{urlencode({'bill_date': day, **more})}")
    return str(told.get("code", "OK"))


def test_a_bill_is_there_from_nine_in_the_morning_after() -> None:
    wechat, ali = channels(start=f"{DAY}T00:00:00+08:00")
    wechat.start("OMS00001")
    ali.start("OMS00001")
    query = "alipay.data.dataservice.bill.downloadurl.query"
    wanted = {"bill_type": "trade", "bill_date": DAY}
    assert asked(wechat, DAY) == "INVALID_REQUEST"
    assert ali.call(query, wanted)["sub_code"] == "isv.invalid_arguments"
    wechat.world.advance(from_beijing("2026-09-02 08:59:59"))
    assert asked(wechat, DAY) == "STATEMENT_CREATING"
    assert ali.call(query, wanted)["sub_code"] == "isp.bill_not_exist"
    wechat.advance(1)
    assert asked(wechat, DAY) == "OK"
    assert ali.call(query, wanted)["code"] == "10000"
    wechat.advance(86400)
    assert asked(wechat, "2026-09-02") == "NO_STATEMENT_EXIST"
    wechat.advance(100 * 86400)
    assert asked(wechat, DAY) == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"bill_date": "2026-13-01"}, "PARAM_ERROR"),
        ({"bill_type": "EVERYTHING"}, "PARAM_ERROR"),
        ({"tar_type": "ZIP"}, "PARAM_ERROR"),
    ],
)
def test_a_question_that_names_nothing_is_a_parameter_error(more: dict[str, str], code: str) -> None:
    wechat, ali = sample_day()
    assert asked(wechat, day=DAY) == "OK"
    status, told = wechat.call("GET", f"/v3/bill/tradebill?{urlencode({'bill_date': DAY, **more})}")
    assert (status, told["code"]) == (400, code)
    query = "alipay.data.dataservice.bill.downloadurl.query"
    for content in ({"bill_type": "trade", "bill_date": "2026-09"}, {"bill_type": "x", "bill_date": DAY}):
        assert ali.call(query, content)["sub_code"] == "isv.invalid_arguments"


def test_links_run_out_by_the_worlds_clock() -> None:
    wechat, ali = sample_day()
    _, told = wechat.call("GET", f"/v3/bill/tradebill?bill_date={DAY}")
    link = urlsplit(told["download_url"])
    target = f"{link.path}?{link.query}"
    told = ali.call("alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": DAY})
    other = urlsplit(told["bill_download_url"])
    wechat.advance(30)
    assert ali.send(Request(method="GET", path=other.path, query=other.query)).response.body[:2] == b"PK"
    ali.advance(1)
    late = ali.send(Request(method="GET", path=other.path, query=other.query)).response.body
    assert late.decode("gbk") == "下载超时，请重新下载"
    wechat.advance(269)
    assert wechat.raw("GET", target)[0] == 200
    assert wechat.raw("GET", target, signature="x")[0] == 401
    wechat.advance(1)
    assert wechat.raw("GET", target)[0] == 400


def test_the_hash_is_now_of_the_file_and_now_of_what_is_sent() -> None:
    wechat, _ = sample_day()
    seen = set()
    for _ in range(12):
        _, told = wechat.call("GET", f"/v3/bill/tradebill?bill_date={DAY}&tar_type=GZIP")
        link = urlsplit(told["download_url"])
        data = wechat.raw("GET", f"{link.path}?{link.query}")[1]
        hashes = {hashlib.sha1(data).hexdigest(): "sent", hashlib.sha1(gzip.decompress(data)).hexdigest(): "file"}
        seen.add(hashes[told["hash_value"]])
    assert seen == {"sent", "file"}


def test_a_day_without_a_kind_of_row_has_headers_and_zeros() -> None:
    wechat, _ = channels(start=f"{DAY}T00:00:00+08:00")
    wechat.start("OMS00001")
    wechat.world.advance(wechat.till.bills.next_at())
    text = wechat.bill(DAY, bill_type="REFUND")
    assert rows_of(text) == []
    assert list(summary_of(text).values()) == ["0", "0.00", "0.00", "0.00", "0.00000", "0.00", "0.00"]


def test_a_refund_that_was_closed_is_failed_on_the_bill_and_comes_back_to_the_account() -> None:
    wechat, _ = channels(start=f"{DAY}T00:00:00+08:00")
    wechat.till.habits = Habits(plan="prompt", coupon="none", outcome="closed")
    wechat.start("OMS00001")
    wechat.advance(300)
    wechat.refund("OMS00001", "R1", 8800)
    wechat.world.advance(wechat.till.bills.next_at())
    assert [r["退款状态"] for r in rows_of(wechat.bill(DAY))] == ["", "FAIL"]
    funds = rows_of(wechat.bill(DAY, "fundflowbill"))
    assert [r["业务名称"] for r in funds] == ["交易", "扣除交易手续费", "退款", "退款退回"]
    assert fen(funds[-1]["账户结余(元)"]) == wechat.till.balances["wechatpay"]
