"""Every platform and every payment channel is documented, sampled and tested."""

from __future__ import annotations

import pytest

from adapters import payments
from adapters.platforms import find, names
from tests.house import owed
from tests.house.source import ROOT

#: ours; one that someone else ships brings its own pages
PLATFORMS = sorted(n for n in names() if (ROOT / "adapters" / "platforms" / f"{n}.py").exists())


def test_there_are_platforms() -> None:
    assert PLATFORMS


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_has_a_page(name: str) -> None:
    page = ROOT / "docs" / "platforms" / f"{name}.md"
    if name in owed.PAGES:
        assert not page.exists(), f"paid: take {name} out of tests/house/owed.py"
        return
    assert page.exists(), f"write docs/platforms/{name}.md"
    text = page.read_text(encoding="utf-8")
    assert find(name).title in text
    assert [o for o in find(name).options if f"`{o}`" not in text] == []


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_has_tests(name: str) -> None:
    assert list((ROOT / "tests" / "adapters").rglob(f"test_{name}*.py")), f"write tests/adapters/test_{name}.py"


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_names_its_sources(name: str) -> None:
    assert find(name).source.strip()


# ================================================================ payment channels

#: ours; one that someone else ships brings its own pages
CHANNELS = sorted(n for n in payments.names() if (ROOT / "adapters" / "payments" / f"{n}.py").exists())


def test_there_are_channels() -> None:
    assert CHANNELS


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_has_a_page_with_its_settings_and_doubts(name: str) -> None:
    page = ROOT / "docs" / "payments" / f"{name}.md"
    assert page.exists(), f"write docs/payments/{name}.md"
    text, channel = page.read_text(encoding="utf-8"), payments.find(name)
    assert channel.title in text
    words = [*channel.reads, *channel.all_options(), *channel.methods, *channel.bill_kinds, *channel.doubtful]
    assert [word for word in words if f"`{word}`" not in text] == []


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_inherits_the_contract_suite(name: str) -> None:
    page = ROOT / "tests" / "payments" / f"test_{name}.py"
    assert page.exists(), f"write tests/payments/test_{name}.py"
    assert "(ChannelContract):" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_has_a_sample_of_each_bill_and_of_a_notification(name: str) -> None:
    found = {p.stem for p in (ROOT / "tests" / "payments" / "samples" / name).glob("*")}
    assert {*payments.find(name).bill_kinds, "notification"} - found == set()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_names_its_sources_and_doubts(name: str) -> None:
    assert payments.find(name).source.strip() and payments.find(name).doubtful
