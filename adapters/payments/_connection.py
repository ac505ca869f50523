"""What a channel is given, the options that every channel has, and what readers raise, put into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from adapters.core.fields import FieldError
from adapters.core.shapes import Option
from adapters.ports import Clock, Retry

#: options that every channel has; sizes guard against answers and archives made to fill the memory
COMMON: Mapping[str, Option] = {
    "answer_kb": Option(help="largest answer to a call, KiB", default=1024),
    "notification_kb": Option(help="largest notification, KiB", default=64),
    "download_mb": Option(help="largest bill file as downloaded, MiB", default=64),
    "unpacked_mb": Option(
        help="largest bill after unpacking, MiB; reading it takes about ten times as much", default=256
    ),
}


#: what readers raise about what they cannot read
UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError, ArithmeticError)


def why(error: Exception) -> tuple[str, str]:
    """A reason code and words for what a reader raised; the words name places and types, never values."""
    match error:
        case FieldError():
            return error.code, str(error)
        case msgspec.ValidationError():
            return "bad_shape", str(error)
        case msgspec.DecodeError():
            return "not_json", str(error)
        case _:
            return "unreadable", type(error).__name__


class ChannelConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one channel instance gets. Secrets and keys are functions, read at each use.

    secret: by the name of the setting, those in `Channel.reads`. public_keys: id of a key → PEM (a public key, or a
    certificate), those that the channel may sign with; empty where the channel takes its key through `secret`.
    """

    alias: str
    base_url: str = ""
    merchant_id: str
    app_id: str
    #: where the channel sends notifications; a public address
    notify_url: str = ""
    secret: Callable[[str], str]
    public_keys: Callable[[], Mapping[str, str]] = dict
    clock: Clock
    retry: Retry = Retry()
    #: httpx.BaseTransport for tests; None: the network
    transport: object | None = None
    #: settings declared in `Channel.options`
    options: dict[str, object] = {}

    @property
    def shop(self) -> str:
        return self.alias

    def __repr__(self) -> str:
        return f"ChannelConnection(alias={self.alias!r}, merchant_id={self.merchant_id!r}, ***)"


class BillLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bill file is for a short time. Its address holds a token and never shows. sha1: empty where not told."""

    url: str
    sha1: str = ""

    def __repr__(self) -> str:
        return "BillLink(***)"
