"""Two small scripted channels. They check what is signed to them with cryptography alone, and sign what they say.

The samples' merchant keys serve crosswise: each fake signs with the key that is the other channel's merchant's.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.adapters.kit import FixedClock
from tests.payments.kit import Reply, Rig, Seen, sample

BEIJING = timezone(timedelta(hours=8))
API_V3_KEY = "ExampleApiV3KeyExampleApiV3Key32"
KEY_ID = "PUB_KEY_ID_0119000001092026010100000001"


def load(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signature(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def check(key: rsa.RSAPrivateKey, message: bytes, sign: str) -> None:
    """Raises InvalidSignature, which fails the test."""
    key.public_key().verify(base64.b64decode(sign, validate=True), message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Pay:
    number: str
    total: int
    #: unpaid, paid, closed
    state: str = "unpaid"
    refunded: int = 0


@dataclass
class FakePay:
    """What both have: payments and refunds by number, and the bills of `DAY`."""

    #: the time it has until a rig with a clock is made
    start: datetime
    pays: dict[str, Pay] = field(default_factory=dict)
    #: number → (payment, amount)
    backs: dict[str, tuple[str, int]] = field(default_factory=dict)
    bills: dict[str, bytes] = field(default_factory=dict)
    #: how many refunds took effect
    given: int = 0
    clock: FixedClock | None = None

    channel = ""
    merchant_id = ""
    app_id = ""

    def secrets(self) -> dict[str, str]:
        raise NotImplementedError

    def rig(self, **changes: Any) -> Rig:
        values = {"merchant_id": self.merchant_id, "app_id": self.app_id, "now": self.now, "keys": self.keys()}
        rig = Rig(self.channel, self, self.secrets(), **{**values, **changes})
        self.clock = rig.clock
        return rig

    @property
    def now(self) -> datetime:
        return self.clock.now() if self.clock else self.start

    def keys(self) -> dict[str, str]:
        return {}

    def __call__(self, seen: Seen) -> Reply:
        raise NotImplementedError

    def local(self) -> datetime:
        return self.now.astimezone(BEIJING)

    def give(self, back_no: str, payment_no: str, amount: int) -> bool:
        """Do a refund once; whether it was done now."""
        if back_no in self.backs:
            return False
        self.backs[back_no] = (payment_no, amount)
        self.pays[payment_no].refunded += amount
        self.given += 1
        return True


def both_bills(fake: FakePay) -> None:
    """Give it the samples of its notes as the bills of `DAY`."""
    fake.bills = {kind: sample(fake.channel, f"{kind}.csv") for kind in ("trade", "funds")}


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
