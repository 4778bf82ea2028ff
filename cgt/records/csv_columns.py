"""What every CSV of runs, summaries and published rows holds: columns, types, ranges, keys.

The only place that describes them; `cgt.records.csv_schema` reads, checks and writes by it.

Exits and epochs count from 1, classes from 0, as in the labels. Shares and scores lie in [0, 1].
Costs are multiply-accumulates of one sample. A relative cost is divided by the cost of the
dataset's single-exit network (`cgt.records.reference`), the same for all methods: it is above 0,
and may be a little above 1 for a network with heads. `exit_1 ... exit_E` stand at the end of the
tables that have them.

`training` and `gradients` have rows of the epochs that were validated: all, or some where a dataset
sets `validate_every`. What is about training samples, `train_loss`, `mean_weight` and
`mean_eligibility`, is then the mean over the epochs since the row before; all else is of the end of
the epoch.

Some quantities in words:

- `mean_eligibility` of an exit: mean over the training samples of how far the gates before the exit
  let a sample through, in [0, 1]; 1 without gates. `val_mean_eligibility`: the same of the
  validation samples at the end of the epoch.
- `mean_budget_accuracy`, "area" in prose: test accuracy averaged over budgets of cost, see
  `cgt.operate.area`. A `budget` is a relative cost.
- `met`: 1 if the budget of the point could be met on validation, else 0: then the point is the
  cheapest there is. Points without a budget are always met.
- `threshold_0.9_scaled`: threshold 0.9 on confidences that are scaled by each exit's temperature,
  fitted on validation. Only runs have it whose confidences are the largest softmax probabilities
  of their logits; all other points are about the confidences as they are.
- `risk`, `auroc`, `aurc`, `excess_aurc` of an exit on all test samples: see `cgt.analysis.failure`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

RUN = ("dataset", "method", "seed")
SCORES = ("accuracy", "f1_macro", "precision_macro", "recall_macro")
EXIT_SHARE = re.compile(r"exit_[1-9]\d*")

POINTS = ("one_se", "budget_10", "budget_25", "budget_50", "threshold_0.9")
"""Operating points that every run has."""
SCALED = "threshold_0.9_scaled"
"""A point more, of runs with temperatures."""
ROW_POINTS = (*POINTS, "full")
"""Operating points of a published row; `full`: every sample at the last exit."""
CLASS_POINTS = ("threshold_0.9", "one_se")
"""Operating points at which each class is scored."""
RULES = ("shared", "per_exit")
RULES_OF_LOGITS = ("entropy", "margin", "temperature")
SCALINGS = ("none", "temperature")
BINS = 15
"""Equal bins of the confidence in `reliability`."""
_NEAR_ONE = 1 - np.logspace(-2, -6, 81)
GRID = tuple(np.unique(np.concatenate([np.linspace(0, 1, 101), _NEAR_ONE]).round(6)).tolist())
"""The thresholds of every curve."""

NAME = "[a-z][a-z0-9_]*"
"""Datasets and methods: they stand in paths."""
VARIANT = rf"{NAME}(,[a-z_]+=[a-z0-9_.-]+)*"
"""A method, or one with other settings, as in the ablations."""


@dataclass(frozen=True)
class Column:
    """What a cell may hold: a pattern for text, else a number with inclusive or open bounds."""

    low: float = -np.inf
    high: float = np.inf
    above: bool = False
    """True where the lowest value itself is not allowed."""
    whole: bool = False
    text: str | None = None

    @property
    def allowed(self) -> str:
        """In words."""
        if self.text is not None:
            return f"match {self.text}"
        if np.isfinite(self.high):
            return f"be in [{self.low:g}, {self.high:g}]"
        return f"be {'above' if self.above else 'at least'} {self.low:g}"


def _one_of(*names: str) -> Column:
    return Column(text="|".join(map(re.escape, names)))


_SHARE = Column(0, 1)
_COST = Column(0, above=True)
_SIZE = Column(0)
_COUNTED = Column(1, whole=True)
_NUMBERED = Column(0, whole=True)

COLUMNS = {
    "dataset": Column(text=NAME),
    "method": Column(text=VARIANT),
    "seed": _NUMBERED,
    "point": _one_of(*ROW_POINTS, SCALED),
    "exit_rule": _one_of(*RULES, *RULES_OF_LOGITS),
    "scaling": _one_of(*SCALINGS),
    "exit": _COUNTED,
    "other": _COUNTED,
    "stage": _COUNTED,
    "epoch": _COUNTED,
    "macs": _COUNTED,
    "bin": Column(1, BINS, whole=True),
    "class": _NUMBERED,
    "support": _COUNTED,
    "met": Column(0, 1, whole=True),
    "mean_macs": _COST,
    "relative_cost": _COST,
    "temperature": _COST,
    "seconds": _SIZE,
    "mean_weight": _SIZE,
    "grad_norm": _SIZE,
    "norm": _SIZE,
    "cosine": Column(-1, 1),
    "train_loss": Column(),
    **dict.fromkeys(
        (
            *("threshold", *SCORES, "precision", "recall", "mean_budget_accuracy", "budget"),
            *("wasteful", "destructive", "ece", "share", "confidence"),
            *("risk", "auroc", "aurc", "excess_aurc"),
            *("val_accuracy", "mean_eligibility", "val_mean_eligibility"),
        ),
        _SHARE,
    ),
}
"""Every column by its name, which means the same in all tables; `exit_1 ...` are shares."""


@dataclass(frozen=True)
class Table:
    """One CSV: the key of its rows within a run, and what they hold."""

    key: tuple[str, ...]
    values: tuple[str, ...]
    has_exit_shares: bool = False
    may_be_empty: bool = False
    """True where a run that does not route has no rows."""
    complete: Mapping[str, tuple] = field(default_factory=dict)
    """Key columns of which every run has exactly these values."""
    more: Mapping[str, tuple] = field(default_factory=dict)
    """Values of these that a run may have besides."""

    @property
    def columns(self) -> list[str]:
        return [*RUN, *self.key, *self.values]


TABLES = {
    "operating_points": Table(
        ("point",),
        ("threshold", *SCORES, "mean_macs", "relative_cost", "met"),
        has_exit_shares=True,
        complete={"point": POINTS},
        more={"point": (SCALED,)},
    ),
    "curves": Table(
        ("threshold",),
        ("accuracy", "f1_macro", "relative_cost"),
        has_exit_shares=True,
        complete={"threshold": GRID},
    ),
    "exits": Table(("exit",), ("accuracy", "f1_macro", "macs", "relative_cost")),
    "classes": Table(
        ("point", "class"), ("support", "precision", "recall"), complete={"point": CLASS_POINTS}
    ),
    "areas": Table((), ("mean_budget_accuracy",), may_be_empty=True),
    "exit_rules": Table(("exit_rule",), ("mean_budget_accuracy",), may_be_empty=True),
    "oracle": Table(
        (), ("accuracy", "mean_macs", "relative_cost"), has_exit_shares=True, may_be_empty=True
    ),
    "overthinking": Table(
        ("point",),
        ("wasteful", "destructive"),
        may_be_empty=True,
        complete={"point": (*POINTS, "full")},
        more={"point": (SCALED,)},
    ),
    "calibration": Table(("exit", "scaling"), ("temperature", "ece"), may_be_empty=True),
    "failure": Table(
        ("exit", "scaling"), ("risk", "auroc", "aurc", "excess_aurc"), may_be_empty=True
    ),
    "reliability": Table(
        ("exit", "scaling", "bin"), ("share", "confidence", "accuracy"), may_be_empty=True
    ),
    "training": Table(
        ("epoch", "exit"),
        (
            "train_loss",
            "val_accuracy",
            "mean_weight",
            "mean_eligibility",
            "grad_norm",
            "val_mean_eligibility",
        ),
    ),
    "gradients": Table(("epoch", "stage", "exit", "other"), ("norm", "cosine")),
    "timings": Table((), ("seconds",)),
}

ROW_TABLES = {
    "row_areas": Table((), ("mean_budget_accuracy",), may_be_empty=True),
    "row_points": Table(
        ("point",),
        ("threshold", "accuracy", "f1_macro", "mean_macs", "relative_cost", "met"),
        complete={"point": ROW_POINTS},
    ),
    "row_budgets": Table(("budget",), ("accuracy",), may_be_empty=True),
}
"""The CSVs of a published row, see `cgt.records.rows`: one entry on one dataset, all its seeds."""

LARGEST = 2**53
"""Whole numbers below are exact as floats."""
ROUNDING = 1.01e-6
"""By how much two numbers of a CSV may differ that were equal before they were written."""


def column_of(name: str) -> Column:
    return _SHARE if EXIT_SHARE.fullmatch(name) else COLUMNS[name]
