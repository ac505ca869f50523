"""The catalogue: cron lines and when they fire next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jobs import catalogue
from jobs.catalogue import cron, next_time
from jobs.errors import UnknownThing


@pytest.fixture
def machine_in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_in_shanghai")
@pytest.mark.parametrize(
    ("schedule", "now", "then"),
    [
        ("* * * * *", "2024-03-01T00:00:30", "2024-03-01T00:01:00"),
        ("*/5 * * * *", "2024-03-01T00:05:00", "2024-03-01T00:10:00"),
        ("7 * * * *", "2024-03-01T00:08:00", "2024-03-01T01:07:00"),
        # 02:17 in Shanghai is 18:17 the day before
        ("17 2 * * *", "2024-02-28T18:17:00", "2024-02-29T18:17:00"),
        ("0 0 1 * *", "2024-03-02T00:00:00", "2024-03-31T16:00:00"),
        ("30 9 * * 1-5", "2024-03-01T02:00:00", "2024-03-04T01:30:00"),
        ("0 8,20 * * 0", "2024-03-01T00:00:00", "2024-03-03T00:00:00"),
    ],
)
def test_next_time_is_what_cron_would_do_on_this_machine(schedule: str, now: str, then: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_time(schedule, at) == datetime.fromisoformat(then).replace(tzinfo=UTC)


def test_a_schedule_that_never_comes_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="never comes"):
        next_time("0 0 31 2 *", datetime(2024, 1, 1, tzinfo=UTC))


def test_every_schedule_of_the_catalogue_comes_within_its_quiet_time() -> None:
    now = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
    for job in catalogue.CATALOGUE:
        first = next_time(job.schedule, now)
        assert next_time(job.schedule, first) - first < timedelta(seconds=job.quiet_s), job.name


def test_each_line_names_user_command_and_settings() -> None:
    lines = [
        x
        for x in cron(user="brand", command="/opt/oms/bin/oms", config="/etc/o m s.toml").splitlines()
        if " brand " in x
    ]
    assert len(lines) == len(catalogue.CATALOGUE)
    assert lines[0] == "* * * * * brand /opt/oms/bin/oms sync orders --due --config '/etc/o m s.toml'"


def test_a_percent_sign_does_not_break_the_line() -> None:
    text = cron(user="u", command="/oms", config="/etc/50%.toml")
    assert r"--config '/etc/50\%.toml'" in text or r"--config /etc/50\%.toml" in text


def test_an_unknown_job_names_the_known_ones() -> None:
    with pytest.raises(UnknownThing, match="sync orders"):
        catalogue.find("sync everything")
