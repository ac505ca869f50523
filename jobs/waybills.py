"""parcel import: what the warehouse answers. Waybills, and whether a parcel it was asked to stop has stopped.

Each row stands for itself; what cannot be taken goes to FILE.errors.csv with its reason, to be corrected and imported
again. Importing the same row twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs import sheets
from jobs.env import Env
from jobs.results import Item, Result
from stores.contracts import ParcelChange
from stores.records import Parcel, ParcelState

NEEDED = ("parcel_no", "carrier", "waybill")


def take(env: Env, path: Path, *, by: str, dry_run: bool = False) -> Result:
    """Read parcel_no, carrier, waybill; rows of parcels that are handed over (or labelled: correction)."""
    with env.run("parcel import", dry_run=dry_run, file=path.name, by=by) as run:
        rows = sheets.read(path, NEEDED)
        bad: list[dict[str, str]] = []
        for at in range(0, len(rows), 500):
            bad += _batch(env, run.result, run.id, rows[at : at + 500], by)
            run.beat()
        errors = path.with_name(f"{path.name}.errors.csv")
        if bad:
            sheets.write(errors, (*NEEDED, "error"), bad)
            run.result.facts["errors"] = str(errors)
        elif errors.exists() and not dry_run:
            errors.unlink()
        return run.result


def _batch(env: Env, result: Result, run_id: str, rows: Sequence[dict[str, str]], by: str) -> list[dict[str, str]]:
    parcels = env.orders.parcels([r["parcel_no"] for r in rows])
    taken = _waybills_elsewhere(env, rows)
    bad: list[dict[str, str]] = []
    changes: dict[str, tuple[ParcelChange, dict[str, str]]] = {}
    for row in rows:
        number = row["parcel_no"]
        parcel = parcels.get(number)
        problem = _problem(parcel, row, taken)
        if problem == "same":
            result.add(Item(ref=number, did="same"))
        elif problem or parcel is None:
            bad.append({**row, "error": problem})
            result.add(Item(ref=number or "?", did="refused", reason=problem))
        elif number in changes:
            bad.append({**row, "error": "twice_in_file"})
            result.add(Item(ref=number, did="refused", reason="twice_in_file"))
        else:
            taken[row["waybill"]] = number
            changes[number] = (
                ParcelChange(
                    parcel_no=number, expect=parcel.version, to=ParcelState.LABELLED, reason="waybill",
                    facts={"by": by, "waybill": row["waybill"], "carrier": row["carrier"]},
                    set={"carrier": row["carrier"], "waybill": row["waybill"]},
                ),
                row,
            )  # fmt: skip
    if result.dry_run:
        for number in changes:
            result.add(Item(ref=number, did="labelled"))
        return bad
    for outcome in env.orders.apply_parcels([c for c, _ in changes.values()], run_id=run_id):
        if outcome.ok:
            result.add(Item(ref=outcome.key, did="labelled"))
        else:
            bad.append({**changes[outcome.key][1], "error": outcome.reason or outcome.result})
            result.add(Item(ref=outcome.key, did="refused", reason=outcome.reason or outcome.result))
    return bad


def _waybills_elsewhere(env: Env, rows: Sequence[dict[str, str]]) -> dict[str, str]:
    """waybill → parcel that has it already, among those of this batch."""
    out: dict[str, str] = {}
    for row in rows:
        if row["waybill"] and row["waybill"] not in out:
            found = env.orders.find_parcels(waybill=row["waybill"], limit=1)
            if found:
                out[row["waybill"]] = found[0].parcel_no
    return out


def _problem(parcel: Parcel | None, row: dict[str, str], taken: dict[str, str]) -> str:
    if parcel is None:
        return "unknown_parcel"
    if not row["waybill"] or not row["carrier"]:
        return "no_waybill"
    if parcel.waybill == row["waybill"] and parcel.carrier == row["carrier"]:
        return "same"
    if parcel.state not in (ParcelState.HANDED_OVER, ParcelState.LABELLED):
        return f"is_{parcel.state}"
    holder = taken.get(row["waybill"])
    return f"waybill_of_{holder}" if holder and holder != parcel.parcel_no else ""
