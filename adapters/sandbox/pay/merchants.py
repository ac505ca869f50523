"""The merchant of each channel and the keys of both sides. Keys are made when first looked at."""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.sandbox.pay import keys
from adapters.sandbox.wire import digest, iso, token_text

_YEAR = 365 * 86400
_IDS = {
    "wechatpay": ("1900000109", "wxd678efh567hg6787"),
    "alipay": ("2088101106499364", "2021000199912345"),
}


class Merchant(msgspec.Struct, kw_only=True):
    """One merchant at one channel. Empty PEM texts stand for the process's own keys."""

    channel: str
    alias: str
    merchant_id: str
    app_id: str
    #: wechatpay: the merchant certificate's serial number, 40 hex digits
    serial: str = ""
    #: wechatpay: 32 ASCII characters
    api_v3_key: str = ""
    #: wechatpay: the public key's id and the platform certificate's serial number
    public_key_id: str = ""
    certificate_serial: str = ""
    start: int = 0
    #: signs the merchant's requests; its owner would not give it away, but here the world's user needs it
    own_pem: str = ""
    #: wechatpay: chance that a notification is signed with the platform certificate's key, as while switching over
    certificate_share: float = 0.0

    @property
    def own(self) -> rsa.RSAPrivateKey:
        """The merchant's key."""
        return keys.read_private(self.own_pem) if self.own_pem else keys.made(f"{self.channel} merchant")

    @property
    def theirs(self) -> rsa.RSAPrivateKey:
        """The channel's key for answers and notifications (wechatpay: the one with the PUB_KEY_ID)."""
        return keys.made(f"{self.channel} channel")

    @property
    def certified(self) -> rsa.RSAPrivateKey:
        """wechatpay: the key of the platform certificate."""
        return keys.made(f"{self.channel} certificate")

    @property
    def lives(self) -> tuple[int, int]:
        """Since when and until when the platform certificate is good."""
        return self.start - _YEAR, self.start + 4 * _YEAR

    def certificate(self) -> str:
        """wechatpay: the platform certificate as PEM."""
        return keys.certificate_pem(self.certified, self.certificate_serial, *self.lives)

    def describe(self, base_url: str) -> dict[str, Any]:
        """Everything a user needs to set the channel up, under the names of its settings."""
        told: dict[str, Any] = {
            "alias": self.alias,
            "channel": self.channel,
            "merchant_id": self.merchant_id,
            "app_id": self.app_id,
            "base_url": base_url,
            "private_key": keys.private_pem(self.own),
        }
        if self.channel == "alipay":
            return {**told, "alipay_public_key": keys.public_pem(self.theirs)}
        return {
            **told,
            "serial": self.serial,
            "api_v3_key": self.api_v3_key,
            "platform_keys": "public_key",
            "public_keys": {self.public_key_id: keys.public_pem(self.theirs)},
            "certificates": {self.certificate_serial: self.certificate()},
            "certificates_expire": iso(self.lives[1]),
        }


def make_merchant(channel: str, seed: int, start: int) -> Merchant:
    """The one merchant of a channel; all but its keys comes of the seed."""
    merchant_id, app_id = _IDS[channel]
    plain = Merchant(channel=channel, alias=channel, merchant_id=merchant_id, app_id=app_id, start=start)
    if channel == "alipay":
        return plain
    return msgspec.structs.replace(
        plain,
        serial=_hex(seed, "merchant"),
        api_v3_key=token_text(32, seed, "api_v3_key"),
        public_key_id=f"PUB_KEY_ID_01{merchant_id}20260101{digest(seed, 'key id') % 10**12:012d}",
        certificate_serial=_hex(seed, "platform"),
    )


def _hex(seed: int, name: str) -> str:
    """40 hex digits that do not begin with 0, as in a certificate's serial number."""
    return f"{'5' + ''.join(f'{digest(seed, name, n):016X}' for n in range(3))}"[:40]
