"""Two paragraphs on why the curves look as they do. The words are chosen by the numbers.

Means over seeds, ± half of the 95 % t interval. Without the methods or datasets in question a
paragraph says so.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import POINT
from cgt.analysis.frames import Frames, gated_exits, routing_exits
from cgt.analysis.groups import REFERENCE
from cgt.analysis.statistics import estimate, half_width
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.training_signal import last_exit_share, third

_STILL = 0.01
"""Shares closer than this are called the same."""
_ALIGNED = 0.1
"""Cosines closer to 0 than this are called a right angle."""


def gradients_paragraph(frames: Frames) -> str:
    """Which exits train the shared first stage, and whether their gradients agree."""
    gradients = frames["gradients"]
    gradients = gradients[gradients["stage"] == 1]  # which all exits share
    intro = (
        "**Who trains the shared first stage?** The share is the last exit's part of the exits' "
        "summed gradient norms there, in the first and the last third of the epochs; in "
        "brackets: the cosine between the gradients of the first and the last exit there, in the "
        "last third."
    )
    methods = _reference_first(routing_exits(frames))
    sentences = [
        _on_dataset(gradients, dataset, present)
        for dataset in order(gradients, "dataset")
        if (present := _present(gradients, dataset, methods))
    ]
    return _paragraph(intro, sentences, "No method that routes samples was run.")


def resolved_paragraph(frames: Frames) -> str:
    """Whether the gates keep more training than validation samples from the last exit."""
    training = frames["training"]
    gated = gated_exits(frames)
    intro = (
        "**Do the gates overfit the training samples?** A sample is resolved as far as the gates "
        "before the last exit keep it from there (1 − eligibility). Shares are of the last epoch; "
        "training samples are taken as they were trained, augmented or not."
    )
    sentences = []
    for dataset in order(training, "dataset"):
        if methods := _present(training, dataset, gated):
            found = " ".join(_resolved(frames, dataset, method) for method in methods)
            sentences.append(f"{_named(training, dataset)}: {found}")
    return _paragraph(intro, sentences, "No method with a gate was run.")


def change(before: float, after: float) -> str:
    """The verb between two shares, the earlier one first."""
    if abs(after - before) < _STILL:
        return "hardly moves"
    return "rises" if after > before else "falls"


def proportion(part: np.ndarray, whole: np.ndarray) -> str:
    """How one share compares to another, paired by seed."""
    found = estimate(part - whole)
    if not (found.ci_low > 0 or found.ci_high < 0):
        return "not significantly different from what it is"
    if found.mean > 0:
        return "more than"
    return "less than half of what it is" if part.mean() < 0.5 * whole.mean() else "less than"


def direction(cosine: float) -> str:
    """The angle between two gradients in words."""
    if abs(cosine) < _ALIGNED:
        return "nearly at right angles"
    return "partly the same way" if cosine > 0 else "against each other"


def gap(training: float, validation: float) -> str:
    """The words between the resolved shares of training and validation samples."""
    if abs(training - validation) < _STILL:
        return "and about as many, "
    return "but only " if training > validation else "and even "


def amount(answered: float, trained: float) -> str:
    """How the share of samples an exit answers compares to the share that it was trained on."""
    if abs(answered - trained) < _STILL:
        return "about as many as"
    return "more than" if answered > trained else "fewer than"


def _on_dataset(gradients: pd.DataFrame, dataset: str, methods: list[str]) -> str:
    of_dataset = gradients[gradients["dataset"] == dataset]
    deep = of_dataset[(of_dataset["exit"] == 1) & (of_dataset["other"] == of_dataset["exit"].max())]
    always = _present(third(deep, "first"), dataset, _present(third(deep), dataset, methods))
    names = {method: look.name for method, look in looks(methods).items()}
    parts = []
    if always:
        if shares := _shares(of_dataset, dataset, always, names):
            parts.append(f"{shares}.")
        parts.append(_cosines(deep, dataset, {method: names[method] for method in always}))
    if apart := [names[method] for method in methods if method not in always]:
        parts.append(f"Under {_listed(apart)} the first stage gets no gradient of the last exit.")
    return f"{_named(gradients, dataset)}: {' '.join(parts)}"


def _shares(
    gradients: pd.DataFrame, dataset: str, methods: list[str], names: dict[str, str]
) -> str:
    """The last exit's share at the beginning and at the end, of each method."""
    norms = gradients[gradients["exit"] == gradients["other"]]
    first, last = (
        {method: _of(last_exit_share(norms, "norm", which), dataset, method) for method in methods}
        for which in ("first", "last")
    )
    # Without any gradient there is no share of it: a network that has learned all there is.
    shares = {method: (first[method], last[method]) for method in methods}
    methods = [method for method, both in shares.items() if np.isfinite(np.hstack(both)).all()]
    parts = []
    for method in methods:
        verb = change(first[method].mean(), last[method].mean())
        text = f"under {names[method]} the share {verb} from {_percent(first[method])}"
        text += f" to {_percent(last[method])}"
        if REFERENCE in methods and method != REFERENCE:
            words = proportion(last[method], last[REFERENCE])
            text += f", {words} under {names[REFERENCE]}"
        parts.append(text)
    return "; ".join(parts)


def _cosines(deep: pd.DataFrame, dataset: str, names: dict[str, str]) -> str:
    """Between the gradients of the first and the last exit, in the last third of the epochs."""
    rows = third(deep)
    rows = rows.assign(cosine=rows["cosine"] * rows["epochs"])
    sums = rows.groupby(["dataset", "method", "seed"], sort=False)[["cosine", "epochs"]].sum()
    cosine = sums["cosine"] / sums["epochs"]
    pointing: dict[str, list[str]] = {}
    for method, name in names.items():
        values = _of(cosine, dataset, method)
        pointing.setdefault(direction(values.mean()), []).append(f"{name} ({_plain(values)})")
    parts = [f"{words} under {_listed(found)}" for words, found in pointing.items()]
    return f"The two gradients point {'; '.join(parts)}."


def _resolved(frames: Frames, dataset: str, method: str) -> str:
    training = frames["training"]
    rows = training[(training["dataset"] == dataset) & (training["method"] == method)]
    exits = rows["exit"].max()
    rows = rows[(rows["epoch"] == rows["epoch"].max()) & (rows["exit"] == exits)]
    train, val = (
        1 - rows[column].to_numpy() for column in ("mean_eligibility", "val_mean_eligibility")
    )
    points = frames["operating_points"]
    points = points[points["point"] == POINT].set_index(["dataset", "method", "seed"])
    deep = _of(points[f"exit_{exits}"], dataset, method)
    left = 1 - train
    return (
        f"{looks([method])[method].name} calls {_percent(train)} of the "
        f"training samples resolved, {gap(train.mean(), val.mean())}{_percent(val)} of the "
        f"validation samples. At threshold 0.9 its last exit answers {_percent(deep)} of the test "
        f"samples, {amount(deep.mean(), left.mean())} the {_percent(left)} of the training samples "
        "that the gates leave to it."
    )


def _reference_first(methods: Iterable[str]) -> list[str]:
    return sorted(methods, key=lambda method: method != REFERENCE)


def _present(frame: pd.DataFrame, dataset: str, methods: Iterable[str]) -> list[str]:
    there = set(frame.loc[frame["dataset"] == dataset, "method"])
    return [method for method in methods if method in there]


def _of(values: pd.Series, dataset: str, method: str) -> np.ndarray:
    rows = values.index.to_frame()
    return values[((rows["dataset"] == dataset) & (rows["method"] == method)).to_numpy()].to_numpy()


def _named(frame: pd.DataFrame, dataset: str) -> str:
    n = frame.loc[frame["dataset"] == dataset, "seed"].nunique()
    return f"{dataset_name(dataset)} (n = {n})"


def _paragraph(intro: str, sentences: list[str], nothing: str) -> str:
    if not sentences:
        return f"{intro} {nothing}"
    return f"{intro} {' '.join(sentences)} (Mean ± half of the 95 % interval over n seeds.)"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _percent(values: np.ndarray) -> str:
    text = f"{100 * values.mean():.1f}"
    return f"{text} %" if len(values) < 2 else f"{text} ± {100 * float(half_width(values)):.1f} %"


def _plain(values: np.ndarray) -> str:
    text = f"{values.mean():.2f}".replace("-", "−")
    return text if len(values) < 2 else f"{text} ± {float(half_width(values)):.2f}"
