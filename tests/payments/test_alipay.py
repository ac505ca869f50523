from tests.payments.contract import ChannelContract
from tests.payments.fakes import FakeAlipay
class TestAlipay(ChannelContract):
    fake = FakeAlipay
