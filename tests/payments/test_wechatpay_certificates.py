"""WeChat Pay by platform certificates: fetched, opened, kept for twelve hours, and given up when they end."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.errors import NotVerified
from tests.payments.contract import NO
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.fakes import API_V3_KEY, Pay
from tests.payments.kit import NOON, Rig


@pytest.fixture
def world() -> FakeWeChat:
    fake = FakeWeChat(NOON)
    fake.pays[NO] = Pay(NO, 8800, "paid")
    return fake


def certificate(serial: int, days: int = 30) -> str:
    key = FakeWeChat.mine
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tenpay.com sign")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
    )
    made = made.not_valid_before(NOON - timedelta(days=9)).not_valid_after(NOON + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


SERIAL = 0x41A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4
NAME = f"{SERIAL:040X}"


class FakeCertificates(FakeWeChat):
    """A merchant without a public key: answers and notifications are signed by a platform certificate."""

    offered = {NAME: certificate(SERIAL)}
    asked = 0

    def keys(self) -> dict[str, str]:
        return {}

    def signed(self, body: bytes, serial: str = NAME, key: Any = None) -> dict[str, str]:
        return super().signed(body, serial, key)

    def __call__(self, seen: Any) -> Any:
        if seen.path != "/v3/certificates":
            assert "wechatpay-serial" not in seen.headers
            return super().__call__(seen)
        self._check(seen)
        self.asked += 1
        return self.says({"data": [self._sealed(name, pem) for name, pem in self.offered.items()]})

    @staticmethod
    def _sealed(name: str, pem: str) -> dict[str, Any]:
        nonce = "61f9c719728a"
        box = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), pem.encode(), b"certificate")
        return {
            "serial_no": name, "effective_time": "x", "expire_time": "x",
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate",
                "ciphertext": base64.b64encode(box).decode(),
            },
        }  # fmt: skip


@pytest.fixture
def certified() -> Iterator[tuple[FakeCertificates, Rig]]:
    fake = FakeCertificates(NOON)
    fake.pays[NO] = Pay(NO, 8800, "paid")
    with fake.rig(options={"platform_keys": "certificates"}) as rig:
        yield fake, rig


def test_certificates_are_fetched_when_one_is_needed_and_again_after_twelve_hours(certified: Any) -> None:
    fake, rig = certified
    assert rig.channel.query(NO).status == "paid" and rig.channel.notification(*fake.paid_notice(NO)).payment
    assert fake.asked == 1
    rig.clock.sleep(12 * 3600)
    assert rig.channel.query(NO).status == "paid" and fake.asked == 2


def test_unknown_serials_do_not_make_us_ask_each_time(certified: Any) -> None:
    fake, rig = certified
    for n in range(50):
        headers, body = fake.paid_notice(NO)
        with pytest.raises(NotVerified) as caught:
            rig.channel.notification({**headers, "Wechatpay-Serial": f"{n:040X}"}, body)
        assert caught.value.reason == "unknown_key"
    assert fake.asked == 1


def test_a_certificate_that_ended_is_not_believed(certified: Any) -> None:
    fake, rig = certified
    rig.clock.sleep(31 * 86400)
    with pytest.raises(NotVerified) as caught:
        rig.channel.notification(*fake.paid_notice(NO))
    assert caught.value.reason == "expired_key"


def test_certificates_sealed_with_another_key_or_named_otherwise_are_not_believed(certified: Any) -> None:
    fake, rig = certified
    rig.secrets["api_v3_key"] = "x" * 32
    with pytest.raises(NotVerified):
        rig.channel.query(NO)
    rig.secrets["api_v3_key"] = API_V3_KEY
    rig.clock.sleep(600)
    fake.offered = {f"{1:040X}": certificate(SERIAL)}
    with pytest.raises(NotVerified):
        rig.channel.query(NO)


def test_certificates_held_go_on_when_new_ones_cannot_be_had(certified: Any) -> None:
    _, rig = certified
    rig.channel.query(NO)
    rig.clock.sleep(13 * 3600)
    answers = rig.server.handler
    rig.server.handler = lambda seen: httpx.Response(500) if "certificates" in seen.path else answers(seen)
    assert rig.channel.query(NO).status == "paid"


def test_both_kinds_of_keys_are_believed_while_the_platform_switches(world: FakeWeChat) -> None:
    with world.rig(keys={**world.keys(), NAME.lower(): certificate(SERIAL)}) as rig:
        headers, body = world.paid_notice(NO)
        assert rig.channel.notification(headers, body).payment
        assert rig.channel.notification({**headers, "Wechatpay-Serial": NAME}, body).payment
