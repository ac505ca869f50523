"""Whatever we tell people to type exists: hints of errors, alerts and results, examples in help and docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oms_cli.reference import commands
from tests.house.source import PACKAGES, ROOT, files, module, texts

KNOWN = {path: command for path, command, _ in commands()}
#: words before the command's name: `oms --config FILE sync`
ROOT_OPTIONS = re.compile(r"^oms(?: --(?:config|set) \S+)*(?= |$)")


def unknown(line: str) -> str:
    """What is wrong with a typed `oms …` line; empty when its command and long options exist."""
    line = ROOT_OPTIONS.sub("oms", line)
    words = line.split()
    depth = max((n for n in range(1, len(words) + 1) if " ".join(words[:n]) in KNOWN), default=1)
    if depth == 1:
        # capitals stand for what the reader puts there
        known = len(words) == 1 or words[1].isupper() or words[1] in ("--help", "--version", "-h")
        return "" if known else f"no command {line!r}"
    command = KNOWN[" ".join(words[:depth])]
    if hasattr(command, "commands") and depth < len(words) and words[depth] == "X":
        return ""
    if hasattr(command, "commands") and depth < len(words) and re.fullmatch("[a-z]+", words[depth]):
        return f"no command {' '.join(words[: depth + 1])!r}"
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
    wrong = [w for w in words[depth:] if w.startswith("--") and w.split("=")[0] not in options]
    return f"{' '.join(words[:depth])} has no {', '.join(wrong)}" if wrong else ""


def typed(text: str) -> list[str]:
    """The `oms …` command lines in a text of code or docs, up to a pipe or the end of the quote."""
    found = re.findall(r"(?:^|[`(;]|&& |\| |<\()(oms(?: [^`\n|;)&#…]*)?)", text, re.M)
    return [f.strip() for f in found if f == "oms" or f.startswith("oms ")]


HINTS = [
    (f"{module(path)}:{line}", typed(text)[0])
    for path in files(*PACKAGES)
    for line, text in texts(path)
    # "oms doctor: …" is a docstring
    if re.match(r"oms (--|[a-z]+(?![:a-z]))", text)
    and "\n" not in text
    and module(path) != "oms_cli.tree"
    and typed(text)
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_hints_are_found() -> None:
    assert len(HINTS) > 20


@pytest.mark.parametrize(("where", "hint"), HINTS, ids=[w for w, _ in HINTS])
def test_a_hint_can_be_typed(where: str, hint: str) -> None:
    assert unknown(hint) == "", where


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_the_docs_exist(page: Path) -> None:
    lines = [
        line
        for block in re.findall(r"```(?:console|sh|bash|shell)\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
        for line in typed(re.sub(r"^\$ ", "", block, flags=re.M))
    ]
    lines += re.findall(r"`(oms [^`\n]+)`", page.read_text(encoding="utf-8"))
    assert [wrong for line in lines if (wrong := unknown(line))] == []


def test_an_unknown_command_or_option_is_seen() -> None:
    assert unknown("oms bogus")
    assert unknown("oms sync bogus")
    assert unknown("oms sync orders --bogus 1")
    assert not unknown("oms sync orders --shop 'x' --since 2h")
    assert not unknown("oms --config x.toml sync orders --due")
