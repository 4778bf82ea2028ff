"""What to train: a method on a dataset at a seed, and with which settings."""

from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cgt.methods import REGISTRY, Method
from cgt.nn.checks import check_count, check_non_negative, check_positive, check_probability


@dataclass(frozen=True)
class TrainingSettings:
    """What the loop needs besides the method's own hyperparameters.

    epochs: passes over the training split, all phases together, ≥ 1.
    batch_size: samples a step, ≥ 1; what is left over at the end of an epoch is dropped.
    lr: peak of the one-cycle schedule, > 0.
    momentum, weight_decay: of SGD with Nesterov momentum; in [0, 1], and ≥ 0.
    label_smoothing: of every exit's cross-entropy, in [0, 1].
    network: a file of :mod:`cgt.networks`. exits: how many it shall have; None: its own default.
    augmentation: of training samples, see :mod:`cgt.training.augment`.
    validate_every: epochs of a phase, ≥ 1; see :meth:`validates`.
    device: `cpu`, `cuda`, or `auto`: a GPU where there is one.

    Raises ValueError for values outside these ranges.
    """

    network: str
    epochs: int
    batch_size: int
    lr: float
    exits: int | None = None
    augmentation: str = "none"
    device: str = "cpu"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    validate_every: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "validate_every"):
            check_count(name, getattr(self, name))
        check_positive("lr", self.lr)
        check_non_negative("weight_decay", self.weight_decay)
        for name in ("momentum", "label_smoothing"):
            check_probability(name, getattr(self, name))

    def validates(self, done: int, epochs: int) -> bool:
        """Whether a phase of ``epochs`` is looked at after its ``done``-th, counted from 1.

        Every ``validate_every``-th is, and every one of the last third, where the best mostly is;
        so the last always is.
        """
        return done % self.validate_every == 0 or done > epochs - max(epochs // 3, 1)


@dataclass(frozen=True)
class Job:
    """One run: dataset × method × seed, with its settings (see :class:`TrainingSettings`).

    method: its name in the configuration. implementation: the file of :mod:`cgt.methods` that
    trains it; several methods of a configuration may share one.
    """

    dataset: str
    method: str
    implementation: str
    seed: int
    prepared: Path
    raw_dir: Path
    settings: dict[str, Any]
    hyperparameters: dict[str, Any]

    def identity(self, data_digest: str) -> dict[str, Any]:
        """What the result depends on, code aside."""
        described = asdict(self)
        for location in ("prepared", "raw_dir"):
            del described[location]
        return {**described, "data": data_digest}


def build_method(job: Job) -> Method:
    """The job's method with its hyperparameters.

    Raises:
        ValueError: naming an unknown method or hyperparameter and what is allowed.
    """
    kind = REGISTRY[job.implementation]
    return _build(f"hyperparameters of {job.method}", kind, job.hyperparameters)


def build_settings(job: Job) -> TrainingSettings:
    """The job's settings.

    Raises:
        ValueError: naming one that is unknown, missing or out of range.
    """
    return _build("settings", TrainingSettings, job.settings)


def _build(what: str, kind: type, values: dict[str, Any]) -> Any:
    allowed = {field.name: field for field in fields(kind) if field.init}
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise ValueError(f"{what}: unknown {unknown[0]!r}; allowed are {', '.join(allowed)}")
    for name, field in allowed.items():
        if name not in values and field.default is MISSING:
            raise ValueError(f"{what}: {name} is missing; it has no default")
    return kind(**values)
