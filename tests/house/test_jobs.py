"""The jobs: catalogue, cron lines, run records and tests agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.api import Oms
from oms_cli.reference import leaves
from tests.house import owed
from tests.house.source import ROOT, calls, files, imports, module, tree

LEAVES = {path: command for path, command, _ in leaves()}


def constants(path: Path) -> dict[str, set[str]]:
    """Texts given to names at the top of a module."""
    return {
        target.id: {node.value.value}
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def run_names() -> set[str]:
    """Names of run records as they are written in the jobs; a variable part is ``*``."""
    found: set[str] = set()
    for path in files("jobs"):
        for call, name in calls(path):
            if not name.endswith("env.run") or not call.args:
                continue
            first = call.args[0]
            if isinstance(first, ast.JoinedStr):
                found.add("".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in first.values))
            elif isinstance(first, ast.Name):
                found |= constants(path).get(first.id, set())
            else:
                found |= {n.value for n in ast.walk(first) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


@pytest.mark.parametrize("job", catalogue.CATALOGUE, ids=lambda j: j.name)
def test_a_scheduled_command_exists_with_its_options(job: catalogue.Job) -> None:
    command = LEAVES[f"oms {job.name}"]
    known = {o for p in command.params for o in p.opts}
    assert {o for o in job.options if o.startswith("--")} <= known


@pytest.mark.parametrize("job", catalogue.CATALOGUE, ids=lambda j: j.name)
def test_a_job_writes_its_runs_under_its_name(job: catalogue.Job) -> None:
    from fnmatch import fnmatchcase

    assert any(fnmatchcase(job.name, pattern) for pattern in run_names())


def test_cron_d_is_the_catalogue() -> None:
    made = catalogue.cron(user="oms", command="/opt/oms/bin/oms", config="/etc/oms/oms.toml")
    assert (ROOT / "cron.d" / "oms").read_text(encoding="utf-8") == made


def test_names_and_moments_are_unique() -> None:
    names = [j.name for j in catalogue.CATALOGUE]
    assert len(set(names)) == len(names)


def facade_modules() -> list[str]:
    """The job modules that the facade calls."""
    paths = [ROOT / "jobs" / "api.py", *(ROOT / "jobs").glob("*_api.py")]
    names = {name for p in paths for _, name in imports(p) if name.startswith("jobs.") and name.count(".") == 1}
    return sorted(n for n in names - {"jobs.env", "jobs.results"} if not n.endswith("_api"))


def typed_for(method: str) -> list[str]:
    """How a test types the commands that call a method of the facade: ``"order", "cancel"``."""
    found = []
    for path in files("oms_cli/commands"):
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef) or f"oms.{method}(" not in ast.unparse(node):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".command"):
                    words = [path.stem, *(str(ast.literal_eval(w)) for w in mark.args)]
                    found.append(", ".join(f'"{w}"' for w in words))
    return found


@pytest.mark.parametrize("name", facade_modules())
def test_every_job_has_a_test_that_runs_it(name: str) -> None:
    short = name.removeprefix("jobs.")
    methods = [
        n
        for c in Oms.__mro__[:-1]
        for n, v in vars(c).items()
        if callable(v) and not n.startswith("_") and short in v.__code__.co_names
    ]
    ways = [rf"from jobs\.{short} import", rf"from jobs import [^\n]*\b{short}\b", rf"import jobs\.{short}\b"]
    ways += [rf"\.{m}\(" for m in methods]
    ways += [rf"oms\({re.escape(line)}[,)]" for m in methods for line in typed_for(m)]
    tests = "".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py") if p.parent.name != "house"
    )
    found = any(re.search(way, tests) for way in ways)
    if short in owed.JOBS:
        assert not found, f"paid: take {short} out of tests/house/owed.py"
        return
    assert found, f"no test runs {name} or {methods}"


def test_every_module_of_the_facade_is_there() -> None:
    there = {module(p) for p in files("jobs")}
    assert [name for name in facade_modules() if name not in there] == []
