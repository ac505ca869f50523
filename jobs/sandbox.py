"""sandbox serve: the marketplace world of the demo on this machine, in real time, with settings to try against it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from jobs.demo import SELF_USE, settings_text, write_rows
from jobs.demo_channels import write_channels
from jobs.demo_world import World, WorldFailed

#: the world's clock follows ours in steps of this
STEP_S = 1.0


def authorise(config: Path, info: Mapping[str, Any]) -> None:
    """Store the merchants' access tokens in the office of these settings, as `oms shop token --store` does."""
    from jobs import open as open_office

    with open_office(config) as oms:
        for shop in info["shops"]:
            if shop["token"] and shop["platform"] not in SELF_USE:
                left = datetime.fromisoformat(shop["token_expires"]) - oms.env.clock.now()
                oms.shop_token(
                    shop["alias"],
                    access=shop["token"],
                    refresh=shop["refresh_token"],
                    expires_in_s=left.total_seconds(),
                )


def serve(
    folder: Path, *, orders: int, seed: int, faults: str, platforms: Sequence[str], history: timedelta, port: int, bills: str = "none",
    stop: threading.Event, ready: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:  # fmt: skip
    """Serve a world until `stop` is set; its time is ours.

    Args:
        folder: gets the world's own files (`world/`), and oms.toml, listings.csv and channels/ for its shops and payment
            channels, written anew.
        bills: differences planted into the channels' bills: ``none``, ``all`` or names with commas.
        history: how much of the day has happened already when it starts.
        ready: called once with where it listens and what to type.

    Raises:
        jobs.demo_world.WorldFailed: it did not come up; the message has its last words.
    """
    start = datetime.now(UTC).replace(microsecond=0) - history
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    # an earlier world's address must not be taken for this one's
    (folder / "world" / "sandbox.json").unlink(missing_ok=True)
    with World(
        folder / "world",
        orders=orders,
        seed=seed,
        faults=faults,
        platforms=platforms,
        start=start.isoformat(),
        port=port,
        bills=bills,
    ) as world:
        config = folder / "oms.toml"
        config.write_text(settings_text(world.info, tokens=False), encoding="utf-8")
        config.chmod(0o600)
        write_rows(folder / "listings.csv", ("platform", "listing", "sku", "qty", "share"), world.info["listings"])
        channels = write_channels(folder, world.info)
        authorise(config, world.info)
        told = {
            "address": f"http://127.0.0.1:{world.info['port']}",
            "shops": [s["alias"] for s in world.info["shops"]],
            "channels": [path.stem for path in channels],
            "config": str(config),
            "next": f"oms sync orders --config {config}",
        }
        world.clock(datetime.now(UTC))
        ready(told)
        while not stop.wait(STEP_S):
            try:
                world.clock(datetime.now(UTC))
            except httpx.HTTPError as error:
                # Ctrl-C reaches both processes, in either order
                if not stop.is_set():
                    raise WorldFailed(f"the world is gone: {error}") from error
    return told
