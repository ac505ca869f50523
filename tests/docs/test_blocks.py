"""Every block of README and docs is of a kind that some test runs, or says why not; and these are few."""

from __future__ import annotations

import pytest

from tests.docs import test_adding_a_platform, test_channels, test_pages, test_settlement_page
from tests.docs.pages import Block, blocks, pages

ALL = [b for page in pages() for b in blocks(page)]
#: kind → pages whose blocks of it a test runs
RUN = {
    "console": {
        "README.md",
        "docs/quickstart.md",
        "docs/operating.md",
        "docs/stores.md",
        "docs/scripting.md",
        "docs/reports.md",
        "docs/payments.md",
        "docs/own-orders.md",
        "docs/refunds.md",
        test_adding_a_platform.PAGE,
        test_settlement_page.PAGE,
    },
    "python": {"docs/scripting.md", "docs/reports.md", test_adding_a_platform.PAGE},
    # a mall's answer, read by tests/adapters/test_wechat_miniprogram.py
    "json": {test_adding_a_platform.PAGE, "docs/platforms/wechat_miniprogram.md"},
}
#: how many blocks may be left alone, each with its reason in the page
FEW = 2


def test_there_are_blocks_of_every_kind() -> None:
    assert {b.kind for b in ALL} == {"console", "python", "toml", "json", "text"}
    assert sum(len(b.commands) for b in ALL) > 40


@pytest.mark.parametrize("block", [b for b in ALL if b.kind in RUN], ids=str)
def test_a_block_is_run_by_a_test(block: Block) -> None:
    assert block.page in RUN[block.kind], "no test runs the blocks of this page"


@pytest.mark.parametrize("block", [b for b in ALL if b.kind == "toml"], ids=str)
def test_settings_are_loaded_by_a_test(block: Block) -> None:
    files = (test_adding_a_platform.PROJECT, test_settlement_page.LAYOUT, test_settlement_page.RULES)
    assert block in [*test_pages.SETTINGS, *test_channels.SETTINGS, *files]


@pytest.mark.parametrize("block", [b for b in ALL if b.kind == "text" and b.commands], ids=str)
def test_what_was_said_on_a_terminal_is_compared_by_a_test(block: Block) -> None:
    assert block.page == "README.md", "a transcript that no test compares"


def test_what_is_not_run_is_rare_and_says_why() -> None:
    left = {str(b): b.not_run for b in ALL if b.not_run}
    assert len(left) == FEW, left
    assert all(len(why.split()) > 4 for why in left.values()), left


def test_a_console_block_holds_only_what_is_typed() -> None:
    assert [str(b) for b in ALL if b.kind == "console" for x in b.text.splitlines() if not x.startswith("$ ")] == []
