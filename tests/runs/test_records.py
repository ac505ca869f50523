"""A run record is always written, and says how the run ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.env import Env
from jobs.errors import BadRequest, Busy
from stores.records import Run
from tests.factories import open_env


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def record(env: Env) -> Run:
    [found] = env.ledger.runs()
    return found


def test_a_run_is_on_record_before_it_does_anything(env: Env) -> None:
    with env.run("test job", shops=["tmall"], limit=0) as run:
        assert (record(env).run_id, record(env).outcome, record(env).ended_at) == (run.id, "running", None)
        run.result.count("moved", 3)
    assert (record(env).outcome, record(env).counts) == ("done", {"moved": 3})
    assert record(env).ended_at is not None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(BadRequest("nothing named"), "failed"), (Busy("another run"), "busy"), (RuntimeError("a fault"), "failed"),
     (KeyboardInterrupt(), "failed")],
)  # fmt: skip
def test_a_run_that_fails_says_so_and_why_and_the_error_goes_on(env: Env, error: BaseException, outcome: str) -> None:
    with pytest.raises(type(error)), env.run("test job"):
        raise error
    assert (record(env).outcome, record(env).error) == (outcome, f"{type(error).__name__}: {error}")
    assert record(env).ended_at is not None


def test_a_run_that_is_asked_to_stop_is_interrupted(env: Env) -> None:
    with env.run("test job") as run:
        env.stop.set()
        assert run.stopping
    assert record(env).outcome == "interrupted"


def test_a_dry_run_leaves_no_record(env: Env) -> None:
    with env.run("test job", dry_run=True):
        pass
    assert env.ledger.runs() == []
