"""The paper's claims in words, and the statements they are taken to make about the numbers."""

from dataclasses import dataclass

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
    starvation,
)
from cgt.analysis.claims.rule import Region
from cgt.analysis.groups import CGT

MARGIN = 0.003
"""Accuracy counts as kept if less than this is lost."""
STARVED = 0.5
"""A deep exit starves if it gets less than this part of the signal it gets in BranchyNet."""
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
        "Left early: share of test samples that leave before the last exit at threshold 0.9.",
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
        f"{100 * MARGIN:g} points below theirs, and more samples that leave before the last exit.",
    ),
    "f": Claim(
        "Only HardCGT starves",
        "HardCGT starves the last exit of training signal, SoftCGT does not.",
        "The last exit's part of three sums over the exits, in the last third of the epochs: of "
        "the mean loss weights (with λ and the weight floor, `leak`, as tuned), of the mean "
        "eligibilities (what the gates alone leave to each exit), and of the gradient norms (64 "
        "training samples, all parameters). It is divided by the same part in BranchyNet. "
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
        f"{100 * NEAR_SHARE:g} points of the paper's numbers.",
        _INDIAN_PINES,
    ),
}


@dataclass(frozen=True)
class Statement:
    """One number that a claim speaks of, and where it says that the number lies.

    others: the competitors, of which the weakest comparison is reported; none for a statement about
    the method alone. unit: "points" and "%" are of shares in [0, 1], "×" is a plain factor.
    """

    claim: str
    measure: str
    effect: Effect
    method: str
    others: tuple[str, ...]
    region: Region
    unit: str = "points"

    @property
    def scale(self) -> float:
        return 1.0 if self.unit == "×" else 100.0


_MORE, _LESS = Region(lower=0.0), Region(upper=0.0)
_KEPT = Region(lower=-MARGIN)
_ACCURACY = difference(at_point("accuracy"))
_EARLY = difference(early)


def _best() -> list[Statement]:
    others = (*BASELINES, "hard_cgt")
    return [
        Statement("a", "accuracy", _ACCURACY, "soft_cgt", others, _MORE),
        Statement("a", "F1", difference(at_point("f1_macro")), "soft_cgt", others, _MORE),
    ]


def _more_early() -> list[Statement]:
    return [
        Statement("b", "left early", _EARLY, "soft_cgt", BASELINES, _MORE),
        Statement("c", "left early", _EARLY, "hard_cgt", ("soft_cgt",), _MORE),
    ]


def _classynet() -> list[Statement]:
    deeper = difference(at_point("relative_cost"))
    return [
        Statement("d", "accuracy", _ACCURACY, "classynet", CGT, _KEPT),
        Statement("d", "relative cost", deeper, "classynet", CGT, _MORE),
    ]


def _kept_and_early() -> list[Statement]:
    return [
        statement
        for method in CGT
        for statement in (
            Statement("e", "accuracy", _ACCURACY, method, BASELINES, _KEPT),
            Statement("e", "left early", _EARLY, method, BASELINES, _MORE),
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
            "f", measure, ratio(starvation(column)), method, ("branchynet",), region, unit="×"
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
        ("F1", "f1_macro", 0.95, NEAR_SCORE),
        ("precision", "precision_macro", 0.96, NEAR_SCORE),
        ("recall", "recall_macro", 0.95, NEAR_SCORE),
        ("share of exit 1", "exit_1", 0.600, NEAR_SHARE),
        ("share of exit 2", "exit_2", 0.213, NEAR_SHARE),
        ("share of exit 3", "exit_3", 0.187, NEAR_SHARE),
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
        )
        for measure, column, number, near in printed
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
