"""What rows and tables must agree on: within a row, within a run, and between tables of runs.

Everything here only looks, at tables whose columns are typed and in range, and yields faults.
"""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from cgt.records.csv_columns import (
    BINS,
    CLASS_POINTS,
    EXIT_SHARE,
    ROUNDING,
    ROW_TABLES,
    RULES,
    RULES_OF_LOGITS,
    RUN,
    SCALED,
    SCALINGS,
    TABLES,
)

_RUN = list(RUN)


def exit_columns(frame: pd.DataFrame) -> list[str]:
    """The columns `exit_1 ... exit_E` of a frame, in order."""
    return [column for column in frame.columns if EXIT_SHARE.fullmatch(column)]


def faults_of_rows(
    frame: pd.DataFrame, table: str, shares: list[str]
) -> Iterator[tuple[str, pd.Series]]:
    """What a row cannot hold, though each of its cells is in range: faults, and who has them."""
    if shares:
        off = (frame[shares].sum(axis=1) - 1).abs()
        yield "the shares of the exits do not sum to 1", off > len(shares) * ROUNDING
    if table == "operating_points":
        has_budget = frame["point"].str.startswith("budget_")
        yield "met is 0 of a point without a budget", (frame["met"] == 0) & ~has_budget
        dearer = (frame["met"] == 0) & (frame["threshold"] != 0)
        yield "met is 0, but the threshold is not that of the cheapest point,", dearer
    if table == "overthinking":
        more = frame["destructive"] > frame["wasteful"] + ROUNDING
        yield "destructive is more than wasteful", more
    if table == "calibration":
        unscaled = (frame["scaling"] == "none") & (frame["temperature"] != 1)
        yield "temperature is not 1, though nothing is scaled,", unscaled
    if table == "failure":
        most = frame["excess_aurc"] > frame["aurc"] + ROUNDING
        yield "excess_aurc is more than aurc", most
        alike = frame["risk"].round(6).isin((0, 1)) & (frame["auroc"] != 0.5)
        yield "auroc is not 0.5, though nothing can be told apart,", alike
    if table == "reliability":
        upper = frame["bin"] / BINS
        inside = frame["confidence"].between(upper - 1 / BINS - ROUNDING, upper + ROUNDING)
        yield "confidence lies outside its bin", ~inside
    if table == "gradients":
        yield "the exit does not reach the stage", frame["exit"] < frame["stage"]
        yield "other is before exit", frame["other"] < frame["exit"]
        alike = (frame["exit"] == frame["other"]) & (frame["cosine"] != 1)
        yield "cosine of an exit with itself is not 1", alike


def gaps(frame: pd.DataFrame, table: str, lost: Collection[str] = ()) -> Iterator[str]:
    """What is missing among the keys of a run, or does not belong there.

    lost: values that a run need not have.
    """
    spec = {**TABLES, **ROW_TABLES}[table]
    for column, values in spec.complete.items():
        allowed = (*values, *spec.more.get(column, ()))
        unknown = ~frame[column].isin(allowed)
        if unknown.any():
            row = frame[unknown].iloc[0]
            yield f"{column} is {row[column]}, of {_named(row)}; allowed are {_few(allowed)}"
        for run, there in frame.groupby(_RUN, sort=False)[column].agg(set).items():
            missing = [value for value in values if value not in there and value not in lost]
            if missing:
                yield f"the row {column}={missing[0]} is missing, of {'/'.join(map(str, run))}"
    if not frame.empty:
        yield from _GAPS.get(table, lambda rows: ())(frame)


def _not_counted(frame: pd.DataFrame, within: list[str], column: str) -> Iterator[str]:
    """Groups in which a column does not hold 1, 2, ..., largest."""
    groups = frame.groupby(within, sort=False)[column]
    for group, numbers in frame[groups.transform("nunique") < groups.transform("max")].groupby(
        within, sort=False
    ):
        missing = min({*range(1, numbers[column].max())} - {*numbers[column]})
        key = ", ".join(f"{k}={v}" for k, v in zip(within[3:], group[3:], strict=True))
        where = "/".join(map(str, group[:3]))
        yield f"the row {key + ', ' if key else ''}{column}={missing} is missing, of {where}"


def _in_proportion(frame: pd.DataFrame, macs: str) -> Iterator[str]:
    """Relative costs are shares of one number of multiply-accumulates."""
    least = (frame[macs] - ROUNDING) / (frame["relative_cost"] + ROUNDING)
    most = (frame[macs] + ROUNDING) / (frame["relative_cost"] - ROUNDING).clip(lower=1e-12)
    runs = [frame[name] for name in RUN]
    off = least.groupby(runs).transform("max") > most.groupby(runs).transform("min")
    if off.any():
        yield f"relative_cost is not in proportion to {macs}, of {_named(frame[off].iloc[0])}"


def _exits_gaps(frame: pd.DataFrame) -> Iterator[str]:
    yield from _not_counted(frame, _RUN, "exit")
    ordered = frame.sort_values([*_RUN, "exit"])
    falling = ordered.groupby(_RUN)["macs"].diff() <= 0
    if falling.any():
        row = ordered[falling].iloc[0]
        yield f"macs does not rise to the row exit={row['exit']}, of {_named(row)}"
    yield from _in_proportion(frame, "macs")


def _points_gaps(frame: pd.DataFrame) -> Iterator[str]:
    yield from _in_proportion(frame, "mean_macs")


def _curves_gaps(frame: pd.DataFrame) -> Iterator[str]:
    ordered = frame.sort_values([*_RUN, "threshold"])
    falling = ordered.groupby(_RUN)["relative_cost"].diff() < -ROUNDING
    if falling.any():
        row = ordered[falling].iloc[0]
        yield f"relative_cost falls in the row threshold={row['threshold']:g}, of {_named(row)}"


def _classes_gaps(frame: pd.DataFrame) -> Iterator[str]:
    """Every point is about the same samples."""
    same = frame.groupby([*_RUN, "class", "support"])["point"].transform("nunique")
    alone = same < len(CLASS_POINTS)
    if alone.any():
        row = frame[alone].iloc[0]
        yield f"support of class={row['class']} is not the same at every point, of {_named(row)}"


def _rules_gaps(frame: pd.DataFrame) -> Iterator[str]:
    for run, found in frame.groupby(_RUN, sort=False)["exit_rule"].agg(set).items():
        due = RULES + RULES_OF_LOGITS if found & {*RULES_OF_LOGITS} else RULES
        for missing in [rule for rule in due if rule not in found]:
            yield f"the row exit_rule={missing} is missing, of {'/'.join(map(str, run))}"


def _calibration_gaps(frame: pd.DataFrame) -> Iterator[str]:
    rows = frame.drop_duplicates([*_RUN, "exit", "scaling"])
    yield from _not_counted(rows, _RUN, "exit")
    for scaling in SCALINGS:
        has = (rows["scaling"] == scaling).groupby([rows[name] for name in [*_RUN, "exit"]])
        lacks = ~has.transform("any")
        # Scaled are all exits of a run or none.
        used = (rows["scaling"] == scaling).groupby([rows[name] for name in RUN]).transform("any")
        if (lacks & (used | (scaling == "none"))).any():
            row = rows[lacks & (used | (scaling == "none"))].iloc[0]
            key = f"exit={row['exit']}, scaling={scaling}"
            yield f"the row {key} is missing, of {_named(row)}"


def _reliability_gaps(frame: pd.DataFrame) -> Iterator[str]:
    yield from _calibration_gaps(frame)
    key = [*_RUN, "exit", "scaling"]
    off = (frame.groupby(key)["share"].transform("sum") - 1).abs() > BINS * ROUNDING
    if off.any():
        row = frame[off].iloc[0]
        of = f"exit={row['exit']}, scaling={row['scaling']}"
        yield f"the shares of {of} do not sum to 1, of {_named(row)}"


def _training_gaps(frame: pd.DataFrame) -> Iterator[str]:
    """A phase that trains a part of the network has the exits up to it: 1, then 1 and 2, ..."""
    yield from _not_counted(frame, [*_RUN, "epoch"], "exit")
    last = frame.groupby([*_RUN, "epoch"])["exit"].max().reset_index()
    fewer = last.groupby(_RUN)["exit"].diff() < 0
    if fewer.any():
        row = last[fewer].iloc[0]
        key = f"epoch={row['epoch']}, exit={row['exit'] + 1}"
        yield f"the row {key} is missing, of {_named(row)}"


def _gradients_gaps(frame: pd.DataFrame) -> Iterator[str]:
    """All pairs of the exits that learn at a stage; an exit learns at its own stage, too.

    But for one behind a frozen stage, whose loss may reach the stages before.
    """
    key = [*_RUN, "epoch", "stage"]
    exits = frame.groupby(key)["other"].transform("nunique")
    short = frame.groupby(key)["other"].transform("size") != exits * (exits + 1) // 2
    epoch = [frame[name] for name in [*_RUN, "epoch"]]
    own = (frame["stage"] == frame["other"]).groupby([*epoch, frame["other"]]).transform("any")
    deepest = frame["stage"].groupby(epoch).transform("max")
    lacks_own = ~own & (frame["other"] <= deepest)
    for rows in (frame[short], frame[lacks_own]):
        if not rows.empty:
            row = rows.iloc[0]
            at = f"epoch={row['epoch']}, stage={row['stage']}, exit={row['exit']}"
            yield f"a row of another stage or exit is missing beside {at}, of {_named(row)}"


_GAPS = {
    "exits": _exits_gaps,
    "operating_points": _points_gaps,
    "curves": _curves_gaps,
    "classes": _classes_gaps,
    "exit_rules": _rules_gaps,
    "calibration": _calibration_gaps,
    "failure": _calibration_gaps,
    "reliability": _reliability_gaps,
    "training": _training_gaps,
    "gradients": _gradients_gaps,
}

Run = tuple[str, str, int]
Fault = tuple[str, Run, str]
"""The table that has it, of which run, and what it is."""


def contradictions(frames: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    if "exits" not in frames:
        return
    yield from _other_runs(frames)
    exits = frames["exits"]
    last = exits.groupby(_RUN)["exit"].max().rename("last")
    for table in ("training", "calibration", "failure", "gradients"):
        frame = frames.get(table)
        if frame is None or frame.empty:
            continue
        column = "other" if table == "gradients" else "exit"
        most = frame.groupby(_RUN)[column].max().to_frame().join(last)
        off = most[column] > most["last"] if table == "gradients" else most[column] != most["last"]
        for run, row in most[off].iterrows():
            yield table, run, f"the last exit is {row[column]}, but {row['last']} in exits"
    for table in ("operating_points", "curves", "oracle"):
        if table in frames and not frames[table].empty:
            yield from _other_costs(table, frames[table], exits)
    if {"operating_points", "curves"} <= frames.keys():
        yield from _other_curve(frames["operating_points"], frames["curves"])
    if {"operating_points", "classes"} <= frames.keys():
        yield from _other_classes(frames["operating_points"], frames["classes"])
    if {"areas", "exit_rules"} <= frames.keys():
        rules = frames["exit_rules"]
        own = rules[rules["exit_rule"] == RULES[0]].merge(frames["areas"], on=_RUN)
        names = "mean_budget_accuracy_x", "mean_budget_accuracy_y"
        for row in _differing(own, *names):
            yield (
                "exit_rules",
                _run(row),
                f"{RULES[0]} is {row[names[0]]:g}, but {row[names[1]]:g} in areas",
            )
    if {"calibration", "exit_rules"} <= frames.keys():
        yield from _other_logits(frames["calibration"], frames["exit_rules"])
    if {"calibration", "failure"} <= frames.keys():
        yield from _other_scalings(frames["calibration"], frames["failure"])
    if "failure" in frames:
        yield from _other_risks(frames["failure"], exits)
    for table in ("operating_points", "overthinking"):
        if {table, "calibration"} <= frames.keys():
            yield from _other_scaled(table, frames[table], frames["calibration"])
    if {"calibration", "reliability"} <= frames.keys():
        yield from _other_calibration(frames["calibration"], frames["reliability"])
    if {"training", "gradients"} <= frames.keys():
        yield from _other_epochs(frames["training"], frames["gradients"])
    if "gradients" in frames:
        yield from _other_seeds(frames["gradients"])
    if "training" in frames:
        yield from _missing_epochs(frames["training"])
    if "classes" in frames:
        yield from _other_samples(frames["classes"])


def _other_runs(frames: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    """All tables are about the same runs; what training records has none of external methods."""
    every = set(frames["exits"][_RUN].itertuples(index=False, name=None))
    trained = {
        name: set(frames[name][_RUN].itertuples(index=False, name=None))
        for name in ("training", "gradients", "timings")
        if name in frames
    }
    ours = {run[:2] for runs in trained.values() for run in runs}
    routing = {
        run
        for name, frame in frames.items()
        if TABLES[name].may_be_empty and name != "areas"
        for run in frame[_RUN].itertuples(index=False, name=None)
    }
    deep = frames["exits"].query("exit > 1")
    several = set(deep[_RUN].itertuples(index=False, name=None))
    for name, frame in frames.items():
        there = set(frame[_RUN].itertuples(index=False, name=None))
        due = every
        if name in trained:
            due = {run for run in every if run[:2] in ours}
        if TABLES[name].may_be_empty:
            due = several if name == "areas" else routing
        for run in sorted(due - there):
            yield name, run, "holds no rows"
        for run in sorted(there - every):
            yield "exits", run, f"holds no rows, but {name} does"


def _other_epochs(training: pd.DataFrame, gradients: pd.DataFrame) -> Iterator[Fault]:
    """Gradients are measured where a run is validated, but for epochs in which no stage learns.

    These are the first or the last.
    """
    validated = training.groupby(_RUN)["epoch"].agg(set)
    for run, measured in gradients.groupby(_RUN)["epoch"].agg(set).items():
        if run not in validated.index:
            continue
        for epoch in sorted(measured - validated[run])[:1]:
            yield "training", run, f"epoch={epoch} is missing"
        inner = {e for e in validated[run] if min(measured) < e < max(measured)}
        for epoch in sorted(inner - measured)[:1]:
            yield "gradients", run, f"epoch={epoch} between others is missing"


def _missing_epochs(training: pd.DataFrame) -> Iterator[Fault]:
    """All methods train equally long; which epochs are validated does not depend on the seed."""
    epochs = training.groupby(_RUN)["epoch"].agg(set)
    last = epochs.map(max)
    most = last.groupby("dataset").transform("max")
    for run in last.index[last < most]:
        yield "training", run, f"epoch={last[run] + 1} is missing"
    for _, runs in epochs.groupby(_RUN[:2]):
        every = set().union(*runs)
        for run, there in runs.items():
            for epoch in sorted(every - there)[:1]:
                yield "training", run, f"epoch={epoch} is missing"


def _other_seeds(gradients: pd.DataFrame) -> Iterator[Fault]:
    """Which exits learn at which stage and epoch does not depend on the seed."""
    rows = gradients.groupby(_RUN).size()
    most = rows.groupby(_RUN[:2]).transform("max")
    for run in rows.index[rows < most]:
        yield "gradients", run, f"{most[run] - rows[run]} rows fewer than at other seeds"


def _other_costs(table: str, frame: pd.DataFrame, exits: pd.DataFrame) -> Iterator[Fault]:
    """A mean cost is that of the exits, weighted with their shares."""
    shares = exit_columns(frame)
    cost = exits.pivot(index=_RUN, columns="exit", values="relative_cost")
    cost = cost.reindex(columns=range(1, len(shares) + 1)).fillna(0.0)
    joined = frame.reset_index(drop=True).join(cost, on=_RUN)
    mean = (joined[shares].to_numpy() * joined[list(cost)].to_numpy()).sum(axis=1)
    room = (len(shares) + 1) * ROUNDING * max(1.0, float(np.nanmax(joined[list(cost)].to_numpy())))
    for _, row in joined[(mean - joined["relative_cost"]).abs() > room].iterrows():
        key = ", ".join(f"{name}={row[name]}" for name in TABLES[table].key)
        yield table, _run(row), f"relative_cost is not what the exits cost in the row {key}"


def _other_curve(points: pd.DataFrame, curves: pd.DataFrame) -> Iterator[Fault]:
    points = points[points["point"] != SCALED]  # of other confidences
    joined = points.merge(curves, on=[*_RUN, "threshold"], how="left", suffixes=("", "_curve"))
    for column in ("accuracy", "f1_macro", "relative_cost", *exit_columns(points)):
        if f"{column}_curve" not in joined:
            continue
        for row in _differing(joined, column, f"{column}_curve"):
            at = f"point={row['point']}, threshold={row['threshold']:g}"
            yield (
                "operating_points",
                _run(row),
                f"{column} differs from the curve in the row {at}",
            )


def _other_classes(points: pd.DataFrame, classes: pd.DataFrame) -> Iterator[Fault]:
    """Scores of a point are means over its classes."""
    right = classes.assign(right=classes["recall"] * classes["support"])
    groups = right.groupby([*_RUN, "point"])
    means = groups[["precision", "recall"]].mean()
    means["mean"] = groups["right"].sum() / groups["support"].sum()
    joined = points.merge(means.reset_index(), on=[*_RUN, "point"])
    scores = {"precision_macro": "precision", "recall_macro": "recall", "accuracy": "mean"}
    for score, column in scores.items():
        for row in _differing(joined, score, column):
            fault = f"the mean of {column if column != 'mean' else 'recall'} is not {score}"
            yield "classes", _run(row), f"{fault} of operating_points at point={row['point']}"


def _other_logits(calibration: pd.DataFrame, rules: pd.DataFrame) -> Iterator[Fault]:
    """Scaling, and rules that need logits, are there of the same runs."""
    scaled = calibration[calibration["scaling"] == SCALINGS[-1]]
    ruled = rules[rules["exit_rule"].isin(RULES_OF_LOGITS)]
    both = [set(rows[_RUN].itertuples(index=False, name=None)) for rows in (scaled, ruled)]
    for run in sorted(both[0] - both[1]):
        yield "exit_rules", run, f"the row exit_rule={RULES_OF_LOGITS[0]} is missing"
    for run in sorted(both[1] - both[0]):
        yield "calibration", run, f"the row scaling={SCALINGS[-1]} is missing"


def _other_scalings(calibration: pd.DataFrame, failure: pd.DataFrame) -> Iterator[Fault]:
    """Both are about the same exits, scaled or not."""
    key = [*_RUN, "exit", "scaling"]
    joined = calibration[key].merge(failure[key], how="outer", indicator="side")
    for _, row in joined[joined["side"] != "both"].iterrows():
        name = "failure" if row["side"] == "left_only" else "calibration"
        at = f"exit={row['exit']}, scaling={row['scaling']}"
        yield name, _run(row), f"the row {at} is missing"


def _other_risks(failure: pd.DataFrame, exits: pd.DataFrame) -> Iterator[Fault]:
    """An exit errs where it is not right."""
    joined = failure.merge(exits[[*_RUN, "exit", "accuracy"]], on=[*_RUN, "exit"])
    joined["errors"] = 1 - joined["accuracy"]
    for row in _differing(joined, "risk", "errors"):
        at = f"exit={row['exit']}, scaling={row['scaling']}"
        fault = f"risk is {row['risk']:g}, but accuracy is {row['accuracy']:g} in exits.csv"
        yield "failure", _run(row), f"{fault}, in the row {at}"


def _other_scaled(table: str, points: pd.DataFrame, calibration: pd.DataFrame) -> Iterator[Fault]:
    """The point at scaled confidences is there of the routing runs that were scaled, or of none."""
    routing, scaled, there = (
        set(rows[_RUN].itertuples(index=False, name=None))
        for rows in (
            calibration,
            calibration[calibration["scaling"] == SCALINGS[-1]],
            points[points["point"] == SCALED],
        )
    )
    if not there:
        return
    for run in sorted(scaled - there):
        yield table, run, f"the row point={SCALED} is missing"
    for run in sorted(there & routing - scaled):
        yield "calibration", run, f"the row scaling={SCALINGS[-1]} is missing"


def _other_calibration(calibration: pd.DataFrame, reliability: pd.DataFrame) -> Iterator[Fault]:
    key = [*_RUN, "exit", "scaling"]
    gap = reliability["share"] * (reliability["confidence"] - reliability["accuracy"]).abs()
    sums = gap.groupby([reliability[name] for name in key]).sum().rename("sum").reset_index()
    joined = calibration.merge(sums, on=key, how="outer")
    for _, row in joined[joined[["ece", "sum"]].isna().any(axis=1)].iterrows():
        name = "reliability" if np.isnan(row["sum"]) else "calibration"
        at = f"exit={row['exit']}, scaling={row['scaling']}"
        yield name, _run(row), f"the row {at} is missing"
    for row in _differing(joined, "ece", "sum", 3 * BINS):
        at = f"exit={row['exit']}, scaling={row['scaling']}"
        yield "calibration", _run(row), f"ece is not that of reliability in the row {at}"


def _other_samples(classes: pd.DataFrame) -> Iterator[Fault]:
    """At one seed, all methods answer the same test samples."""
    at = classes[classes["point"] == CLASS_POINTS[0]]
    runs = at.groupby(["dataset", "seed"])["method"].transform("nunique")
    same = at.groupby(["dataset", "seed", "class", "support"])["method"].transform("nunique")
    if (same < runs).any():
        # Whoever differs from the most is named.
        row = at.loc[same[same < runs].idxmin()]
        fault = f"support of class={row['class']} is not that of other methods"
        yield "classes", _run(row), f"{fault}; they must answer the same test samples"


def _differing(frame: pd.DataFrame, one: str, other: str, times: float = 2) -> Iterator[pd.Series]:
    """Rows in which two columns do not say the same; an absent number says nothing."""
    off = (frame[one] - frame[other]).abs() > times * ROUNDING
    return (row for _, row in frame[off].iterrows())


def _named(row: pd.Series) -> str:
    return "/".join(str(row[name]) for name in RUN)


def _run(row: pd.Series) -> Run:
    return tuple(row[name] for name in RUN)


def _few(values: tuple) -> str:
    shown = ", ".join(map(str, values[:5]))
    return f"{shown}, ..., {values[-1]}" if len(values) > 6 else ", ".join(map(str, values))
