"""The audit for people: classes by protocol, totals, and how much overlap adds to accuracy."""

import pandas as pd

from cgt.analysis.audit import COUNTS
from cgt.analysis.frames import Frames
from cgt.analysis.statistics import estimate
from cgt.analysis.style import dataset_name, looks, order, point_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number, percent

RANDOM, DISJOINT = "indian_pines", "indian_pines_disjoint"
_OVERLAP = "Overlap (%)"
_NOTE = (
    "Pixels of each class by split, at one seed. Unused: within the guard band, or of a class too "
    "small to be split. Overlap: test patches that have a pixel in common with a training patch. A "
    "class without test pixels is not in the macro averages."
)
_GAP_NOTE = (
    "Test accuracy in %, mean ± standard deviation over n seeds; gap: random minus disjoint, in "
    "points, taken seed by seed. Both protocols train on as many pixels of each class that both "
    "have. One-SE point: the cheapest threshold whose validation accuracy is within one standard "
    "error of the best."
)


def audit_markdown(frames: Frames, audit: pd.DataFrame) -> str:
    """The audit of every protocol, and the accuracy gap where both protocols were run."""
    parts = [
        f"**{dataset_name(dataset)}**\n\n{markdown(_classes(rows), text=('Class',))}"
        for dataset, rows in audit.groupby("dataset", sort=False)
    ]
    text = "\n".join([*parts, f"{_NOTE}\n"])
    if "patch" in audit and {RANDOM, DISJOINT} <= set(audit["dataset"]):
        text += f"\n{likeness(audit)}\n"
    gap = _gap(frames)
    return f"{text}\n{markdown(gap, text=('Method',))}\n{_GAP_NOTE}\n" if gap else text


def likeness(audit: pd.DataFrame) -> str:
    """How far the two protocols of Indian Pines compare: what differs besides the distance."""
    both = [audit[audit["dataset"] == name].set_index("class") for name in (RANDOM, DISJOINT)]
    train, test, tested, patch = (
        [of(rows) for rows in both]
        for of in (
            lambda rows: rows["train"].sum(),
            lambda rows: rows["test"].sum(),
            lambda rows: (rows["test"] > 0).sum(),
            lambda rows: rows["patch"].iloc[0],
        )
    )
    overlap, distance = (
        [(rows[name].fillna(0) * rows["test"]).sum() / rows["test"].sum() for rows in both]
        for name in ("val_overlap", "distance")
    )
    other = {
        "classes": tested[0] != tested[1],
        "numbers of training pixels": train[0] != train[1],
        "patches": patch[0] != patch[1],
        "overlaps with validation": round(overlap[0], 4) != round(overlap[1], 4),
    }
    named = [name for name, differs in other.items() if differs]
    verdict = (
        f"So a gap in accuracy is not of distance alone: {', '.join(named)} differ, too."
        if named
        else "So the protocols differ in where the pixels lie alone."
    )
    return (
        f"Random against disjoint, at one seed: {train[0]:d} and {train[1]:d} training pixels, "
        f"{tested[0]:d} and {tested[1]:d} classes with {test[0]:d} and {test[1]:d} test pixels, "
        f"patches of {patch[0]:d} × {patch[0]:d} and {patch[1]:d} × {patch[1]:d}; a test pixel is "
        f"{distance[0]:.1f} and {distance[1]:.1f} pixels from the nearest training pixel in the "
        f"mean, and {percent(overlap[0])} and {percent(overlap[1])} % of the test patches have a "
        f"pixel in common with a validation patch. {verdict}"
    )


def _classes(rows: pd.DataFrame) -> Rows:
    rows = rows.assign(unused=rows["pixels"] - rows[["train", "val", "test"]].sum(axis=1))
    lines = [
        {
            "Class": row["class"],
            **{count.capitalize(): f"{row[count]:d}" for count in (*COUNTS, "unused")},
            _OVERLAP: percent(row["test_overlap"]) if row["test"] else ABSENT,
        }
        for row in rows.to_dict("records")
    ]
    tested = rows["test"].sum()
    overlap = (rows["test_overlap"].fillna(0) * rows["test"]).sum() / tested
    totals = {count.capitalize(): f"**{rows[count].sum():d}**" for count in (*COUNTS, "unused")}
    return [*lines, {"Class": "**all**", **totals, _OVERLAP: f"**{percent(overlap)}**"}]


def _gap(frames: Frames) -> Rows:
    """One row a method that both protocols have, at equal seeds."""
    exits, points = frames["exits"], frames["operating_points"]
    last = exits[exits["exit"] == exits.groupby(["dataset", "method"])["exit"].transform("max")]
    one_se = points[points["point"] == "one_se"]
    names = looks(order(points, "method"))
    rows = []
    for method, look in names.items():
        row = {"Method": look.name}
        for where, frame in {"last exit": last, point_name("one_se"): one_se}.items():
            accuracy = frame[frame["method"] == method].pivot(
                index="seed", columns="dataset", values="accuracy"
            )
            if not {RANDOM, DISJOINT} <= set(accuracy):
                break
            both = accuracy[[RANDOM, DISJOINT]].dropna()
            row[f"Random, {where}"] = _cell(both[RANDOM])
            row[f"Disjoint, {where}"] = _cell(both[DISJOINT])
            row[f"Gap, {where}"] = _cell(both[RANDOM] - both[DISJOINT])
        else:
            rows.append({**row, "n": str(len(both))})
    return rows


def _cell(values: pd.Series) -> str:
    found = estimate(values)
    return number(found.mean, found.sd)
