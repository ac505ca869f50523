"""Repair plans: a JSON file with the digest of what it holds, so that a changed or foreign one is never carried out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import BadFile, PlanOutdated

Entry = dict[str, Any]


class Plan(NamedTuple):
    """Items as they were written, and their digest."""

    hash: str
    items: list[Entry]


def digest(job: str, items: Sequence[Entry]) -> str:
    """SHA-256 over the canonical JSON of a job's items: sorted keys, no blanks."""
    text = json.dumps([job, list(items)], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, job: str, items: Sequence[Entry]) -> str:
    """Write a plan whole or not at all; returns its digest."""
    made = digest(job, items)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = json.dumps({"job": job, "hash": made, "items": list(items)}, indent=1, sort_keys=True, ensure_ascii=False)
    beside.write_text(text + "\n", encoding="utf-8")
    os.replace(beside, path)
    return made


def read(path: Path, job: str) -> Plan:
    """Read a plan of this job.

    Raises:
        BadFile: not there, or no plan. PlanOutdated: its digest does not fit what it holds, or it is another job's.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        found, items, owner = str(held["hash"]), list(held["items"]), str(held["job"])
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}", hint="oms reconcile stock --plan FILE") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadFile(f"{path}: not a plan", hint="oms reconcile stock --plan FILE") from error
    if owner != job or digest(job, items) != found:
        raise PlanOutdated(f"{path} was changed after it was written", hint="oms reconcile stock --plan FILE")
    return Plan(found, items)
