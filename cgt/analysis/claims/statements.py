"""The paper's claims in words, and the statements they are taken to make about the numbers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from cgt.analysis.claims.effects import (
    TOLERANCE,
    Effect,
    at_point,
    cost_at_equal_accuracy,
    difference,
    early,
    first_exit,
    level,
    overthinking,
    ratio,
    same_exits,
    starvation,
)
from cgt.analysis.claims.rule import Region
from cgt.analysis.frames import Frames
from cgt.analysis.groups import CGT

MARGIN = 0.003
"""Accuracy counts as kept if less than this is lost."""
STARVED = 0.5
"""A deep exit starves if it gets less than this part of what it gets in joint training."""
SAME_SCHEDULE = {
    "hard_cgt": "branchynet_hard_schedule",
    "soft_cgt": "branchynet_soft_schedule",
}
"""Entries of BranchyNet with the schedule of λ of each method: the method without its gates."""
PRINTED_COSTS: tuple[float, ...] | None = None
"""Relative costs of the exits of the paper's network; None: they are not known to us."""
NEAR_SCORE, NEAR_SHARE = 0.01, 0.05
"""How close to the paper's number a score, and a share of samples, has to be."""

BASELINES = ("branchynet", "cascade", "classynet")
LEAK_FREE = "indian_pines_disjoint"
"""The protocol, not the paper's, by which no test patch shares a pixel with a training patch."""
_INDIAN_PINES = ("indian_pines", LEAK_FREE)
_FASHION = ("fashion_mnist",)
DATASETS = _FASHION + _INDIAN_PINES


@dataclass(frozen=True)
class Claim:
    """A saying of the paper, short and in full, and what is measured to judge it.

    datasets: where it is judged. The paper did not use `indian_pines_disjoint`: there, the verdict
    says whether the claim survives without leaks, and does not count for the paper's claim.
    """

    title: str
    sentence: str
    measured: str
    datasets: tuple[str, ...] = DATASETS

    @property
    def paper(self) -> tuple[str, ...]:
        return tuple(name for name in self.datasets if name != LEAK_FREE)


CLAIMS = {
    "a": Claim(
        "SoftCGT: best scores",
        "SoftCGT has the best accuracy and F1 of all methods.",
        "At threshold 0.9, against BranchyNet, CO (Cascade Optimization), ClassyNet and HardCGT.",
        _INDIAN_PINES,
    ),
    "b": Claim(
        "SoftCGT: more out early",
        "SoftCGT sends more samples to early exits than BranchyNet, CO and ClassyNet.",
        "Left early, by two readings: share of test samples that leave before the last exit, and "
        "at exit 1, at threshold 0.9.",
        _INDIAN_PINES,
    ),
    "c": Claim(
        "HardCGT: even more out early",
        "HardCGT sends even more samples to early exits than SoftCGT.",
        "Left early: as in (b).",
        _INDIAN_PINES,
    ),
    "d": Claim(
        "ClassyNet: accurate, deeper",
        "ClassyNet is accurate but computes deeper than HardCGT and SoftCGT.",
        f"At threshold 0.9: accuracy at most {100 * MARGIN:g} points below theirs, and a higher "
        "mean cost, in % of the single-exit network's.",
        _FASHION,
    ),
    "e": Claim(
        "CGT: as accurate, more out early",
        "HardCGT and SoftCGT keep the baselines' accuracy and send more samples out early.",
        "At threshold 0.9, against BranchyNet, CO and ClassyNet: accuracy at most "
        f"{100 * MARGIN:g} points below theirs, and more samples that leave early, as in (b).",
    ),
    "f": Claim(
        "Only HardCGT starves",
        "HardCGT starves the last exit of training signal, SoftCGT does not.",
        "The last exit's part of three sums over the exits, in the last third of the epochs: of "
        "the mean loss weights (with λ and the weight floor, `leak`, as tuned), of the mean "
        "eligibilities (what the gates alone leave to each exit), and of the gradient norms (64 "
        "training samples, all parameters). It is divided by the same part in joint training with "
        "the method's own schedule of λ, so that only gates and weight floor differ. Where that "
        "was not run, it is divided by the part in BranchyNet as tuned, and nothing is judged. "
        f"Starved: less than {STARVED:g}.",
    ),
    "g": Claim(
        "CGT: less overthinking",
        "HardCGT and SoftCGT reduce overthinking, against BranchyNet.",
        "Share of test samples at threshold 0.9 for which an exit before the used one was right "
        "(wasteful), and the used one is wrong (destructive).",
    ),
    "h": Claim(
        "CGT: better first exit",
        "HardCGT and SoftCGT improve the accuracy of the first exit, against BranchyNet.",
        "Accuracy of exit 1 on all test samples.",
    ),
    "i": Claim(
        "CGT: cheaper at equal accuracy",
        "HardCGT and SoftCGT lower the cost at equal accuracy, against BranchyNet.",
        "Smallest mean cost, in % of the single-exit network's, on the test curve that reaches an "
        "accuracy; the accuracy is, seed by seed, the lower of the two methods' best ones less "
        f"{100 * TOLERANCE:g} points. This describes the curves; no threshold is chosen by it.",
    ),
    "j": Claim(
        "SoftCGT: the printed numbers",
        "SoftCGT's scores and exit shares are those that the paper prints.",
        f"At threshold 0.9: scores within {100 * NEAR_SCORE:g} point and exit shares within "
        f"{100 * NEAR_SHARE:g} points of the paper's numbers. Shares depend on where a network has "
        "its exits: they are judged only if these are as many, at the same relative costs, as the "
        "paper's.",
        _INDIAN_PINES,
    ),
}


@dataclass(frozen=True)
class Statement:
    """One number that a claim speaks of, and where it says that the number lies.

    others: the competitors, of which the weakest comparison is reported; none for a statement about
    the method alone. unit: "points" and "%" are of shares in [0, 1], "×" is a plain factor.
    saying: statements of one saying are readings of the same words; "" stands alone.
    instead: competitors that are shown where none of `others` was run; nothing is judged then.
    comparable: whether the runs of a dataset and method can be judged at all; None: always.
    at_threshold: whether it is measured at the paper's threshold, so that the same with scaled
    temperatures is shown beside.
    """

    claim: str
    measure: str
    effect: Effect
    method: str
    others: tuple[str, ...]
    region: Region
    unit: str = "points"
    saying: str = ""
    instead: tuple[str, ...] = ()
    comparable: Callable[[Frames, str, str], bool] | None = None
    at_threshold: bool = False

    @property
    def scale(self) -> float:
        return 1.0 if self.unit == "×" else 100.0


_MORE, _LESS = Region(lower=0.0), Region(upper=0.0)
_KEPT = Region(lower=-MARGIN)
_ACCURACY = difference(at_point("accuracy"))
_READINGS = {
    "left before the last exit": difference(early),
    "left at exit 1": difference(at_point("exit_1")),
}


def _at_threshold(
    claim: str, measure: str, effect: Effect, method: str, others: tuple[str, ...], region: Region
) -> Statement:
    return Statement(claim, measure, effect, method, others, region, at_threshold=True)


def _left_early(claim: str, method: str, others: tuple[str, ...]) -> list[Statement]:
    """More samples leave early, by both readings of "early"."""
    return [
        replace(_at_threshold(claim, measure, effect, method, others, _MORE), saying="left early")
        for measure, effect in _READINGS.items()
    ]


def _best() -> list[Statement]:
    others = (*BASELINES, "hard_cgt")
    return [
        _at_threshold("a", "accuracy", _ACCURACY, "soft_cgt", others, _MORE),
        _at_threshold("a", "F1", difference(at_point("f1_macro")), "soft_cgt", others, _MORE),
    ]


def _more_early() -> list[Statement]:
    return [
        *_left_early("b", "soft_cgt", BASELINES),
        *_left_early("c", "hard_cgt", ("soft_cgt",)),
    ]


def _classynet() -> list[Statement]:
    deeper = difference(at_point("relative_cost"))
    return [
        _at_threshold("d", "accuracy", _ACCURACY, "classynet", CGT, _KEPT),
        _at_threshold("d", "relative cost", deeper, "classynet", CGT, _MORE),
    ]


def _kept_and_early() -> list[Statement]:
    return [
        statement
        for method in CGT
        for statement in (
            _at_threshold("e", "accuracy", _ACCURACY, method, BASELINES, _KEPT),
            *_left_early("e", method, BASELINES),
        )
    ]


def _starving() -> list[Statement]:
    regions = {"hard_cgt": Region(upper=STARVED), "soft_cgt": Region(lower=STARVED)}
    measures = {
        "mean_weight": "weight of the last exit",
        "mean_eligibility": "eligibility of the last exit",
        "grad_norm": "gradient of the last exit",
    }
    return [
        Statement(
            "f",
            measure,
            ratio(starvation(column)),
            method,
            (SAME_SCHEDULE[method],),
            region,
            unit="×",
            instead=("branchynet",),
        )
        for method, region in regions.items()
        for column, measure in measures.items()
    ]


def _against_branchynet() -> list[Statement]:
    effects = (
        ("g", "wasteful", difference(overthinking("wasteful")), _LESS),
        ("g", "destructive", difference(overthinking("destructive")), _LESS),
        ("h", "accuracy of exit 1", difference(first_exit), _MORE),
        ("i", "cost at equal accuracy", cost_at_equal_accuracy, _LESS),
    )
    return [
        Statement(claim, measure, effect, method, ("branchynet",), region)
        for claim, measure, effect, region in effects
        for method in CGT
    ]


def _printed() -> list[Statement]:
    """The paper's Table 1, SoftCGT on Indian Pines."""
    printed = (
        ("F1", "f1_macro", 0.95, NEAR_SCORE, None),
        ("precision", "precision_macro", 0.96, NEAR_SCORE, None),
        ("recall", "recall_macro", 0.95, NEAR_SCORE, None),
        ("share of exit 1", "exit_1", 0.600, NEAR_SHARE, same_exits(PRINTED_COSTS)),
        ("share of exit 2", "exit_2", 0.213, NEAR_SHARE, same_exits(PRINTED_COSTS)),
        ("share of exit 3", "exit_3", 0.187, NEAR_SHARE, same_exits(PRINTED_COSTS)),
    )
    return [
        Statement(
            "j",
            measure,
            level(at_point(column)),
            "soft_cgt",
            (),
            Region(number - near, number + near),
            unit="%",
            comparable=comparable,
            at_threshold=True,
        )
        for measure, column, number, near, comparable in printed
    ]


STATEMENTS = (
    *_best(),
    *_more_early(),
    *_classynet(),
    *_kept_and_early(),
    *_starving(),
    *_against_branchynet(),
    *_printed(),
)


def methods_of(claim: str) -> tuple[str, ...]:
    """The methods that a claim gets a verdict for each, in order."""
    return tuple(dict.fromkeys(one.method for one in STATEMENTS if one.claim == claim))
