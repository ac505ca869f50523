from tests.payments.contract import ChannelContract
from tests.payments.fakes import FakeWeChat
class TestWeChatPay(ChannelContract):
    fake = FakeWeChat
