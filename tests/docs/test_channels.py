"""The settings shown on the pages of payment channels are those of the channel: nothing unknown in them, nothing missing."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.payments import find
from adapters.payments.base import ChannelConnection
from tests.adapters.kit import FixedClock
from tests.docs.pages import Block, blocks, pages

SETTINGS = [b for p in pages() if p.startswith("docs/payments/") for b in blocks(p, "toml")]
COMMON = {"channel", "merchant_id", "app_id", "notify_url", "base_url"}


def test_every_channel_page_shows_settings() -> None:
    assert {b.page for b in SETTINGS} == {p for p in pages() if p.startswith("docs/payments/")}


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_of_a_channel_make_that_channel(block: Block) -> None:
    values: dict[str, Any] = tomllib.loads(block.text)
    kind = find(values["channel"])
    assert block.page.endswith(f"/{kind.name}.md")
    keys = values.pop("public_keys", {})
    assert set(kind.reads) <= set(values), "a setting that is read at use is not shown"
    assert set(values) - COMMON <= set(kind.reads) | set(kind.all_options())
    connection = ChannelConnection(
        alias="pay", merchant_id=values["merchant_id"], app_id=values["app_id"], notify_url=values["notify_url"],
        secret=lambda name: str(values[name]), public_keys=lambda: keys, clock=FixedClock(datetime.now(UTC)),
        options={name: value for name, value in values.items() if name in kind.all_options()},
    )  # fmt: skip
    with kind(connection) as channel:
        assert channel.alias == "pay"
