"""The files an operator downloads from a merchant back office: platform and form to the function that writes a day's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.statements import douyin, jd, taobao, wechat_shop

if TYPE_CHECKING:
    from adapters.sandbox.world import World

Writer = Callable[["World", str], tuple[str, bytes]]
#: the first form of a platform is the one handed out unasked
FORMS: Mapping[str, Mapping[str, Writer]] = {
    "taobao": {"zip": taobao.ledger_zip, "csv": taobao.ledger_csv},
    "jd": {"csv": jd.settlement_csv, "xlsx": jd.combined, "fund": jd.fund_csv},
    "douyin": {"csv": douyin.fund_csv},
    "wechat_shop": {"jsonl": wechat_shop.flows_jsonl},
}


class NoFile(Exception):
    """There is no such file, or not yet; the text says which."""


def statement_file(world: World, platform: str, day: str, form: str = "") -> tuple[str, bytes]:
    """The name and the bytes of a day's file.

    Raises:
        NoFile: no such platform or form in this world, no day of it, or the day is not told yet.
    """
    if platform not in world.shops:
        raise NoFile(f"no platform {platform}; there are {', '.join(world.shops)}")
    writers = FORMS.get(platform, {})
    writer = writers.get(form or next(iter(writers), ""))
    if writer is None:
        raise NoFile(f"{platform} has no form {form}; there are {', '.join(writers)}")
    try:
        if not world.statements.ready(day):
            raise NoFile(f"the file of {day} is not there: it comes at ten in the morning of the next day")
    except ValueError as error:
        raise NoFile(f"{day} is no day") from error
    return writer(world, day)


def listed(world: World) -> list[dict[str, Any]]:
    """Every file that can be had now."""
    return [
        {
            "platform": p,
            "shop": shop.alias,
            "day": day,
            "form": form,
            "path": f"/_world/statements/{p}/{day}?form={form}",
        }
        for day in world.statements.days
        if world.statements.ready(day)
        for p, shop in world.shops.items()
        for form in FORMS.get(p, ())
    ]
