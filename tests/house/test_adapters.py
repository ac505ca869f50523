"""Every platform is documented, sampled and tested."""

from __future__ import annotations

import pytest

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
