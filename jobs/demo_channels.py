"""Settings files of the sandbox's payment channels, as a merchant would write them from what the channels handed him."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: where `oms pay listen` is unless it is told otherwise
LISTENER = "http://127.0.0.1:8600"


def write_channels(folder: Path, info: Mapping[str, Any], *, listener: str = LISTENER) -> list[Path]:
    """Write `channels/ALIAS.toml` beside the settings for each channel of a world, readable by nobody else.

    listener: address at which `oms pay listen` hears the channels, without the path.
    """
    place = folder / "channels"
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    written = []
    for channel in info["channels"]:
        path = place / f"{channel['alias']}.toml"
        path.touch(0o600)
        path.write_text(channel_text(channel, f"{listener}/pay/{channel['alias']}"), encoding="utf-8")
        written.append(path)
    return written


def channel_text(channel: Mapping[str, Any], notify_url: str) -> str:
    """The settings file of one channel."""
    keys = {**channel.get("public_keys", {}), **channel.get("certificates", {})}
    words = {
        "channel": channel["channel"],
        "merchant_id": channel["merchant_id"],
        "app_id": channel["app_id"],
        "base_url": channel["base_url"],
        "notify_url": notify_url,
        **{name: channel[name] for name in _SETTINGS if name in channel},
    }
    # JSON's strings are TOML's, line ends of keys included
    lines = [f"{name} = {json.dumps(value)}" for name, value in words.items()]
    table = ["", "[public_keys]", *(f"{json.dumps(i)} = {json.dumps(pem)}" for i, pem in keys.items())] if keys else []
    return "\n".join([*lines, *table, ""])


_SETTINGS = ("serial", "platform_keys", "private_key", "api_v3_key", "alipay_public_key")
