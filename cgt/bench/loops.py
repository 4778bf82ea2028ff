"""Three ways to train the same network on the same samples; each returns samples per second.

ours          the loop of every run, :class:`cgt.training.loop.Trainer`
bound         forward, backward and step on one batch that is already there
conventional  torch's DataLoader, a transform for each sample, batches in NCHW, `.item()` each step
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

import cgt.data
from cgt.networks import build
from cgt.records.seeding import derive_seed
from cgt.training.job import Job, build_method, build_settings
from cgt.training.loop import Trainer, in_order


class Rates(NamedTuple):
    """Samples per second: of the steps, and of whole epochs with all that comes after the steps."""

    steps: float
    epoch: float


def ours(data: cgt.data.Dataset, job: Job, steps: int, folder: Path) -> Rates:
    """One epoch of the training loop, cut off after `steps` steps, as it runs in a training job.

    Validation, gradients and checkpoint are what they are in a job; their time is spread over the
    steps of as many full epochs as share them in a job of full length.
    """
    trained = _cut_short(data, job, 1, steps, folder)
    per_step = trained.in_epochs / trained.steps
    size = trained.batch_size
    return Rates(size / per_step, size / (per_step + trained.between / trained.full_steps))


def epoch_seconds(data: cgt.data.Dataset, job: Job, epochs: int, steps: int, folder: Path) -> float:
    """Seconds of an epoch of our loop, mean over all phases of a training of `epochs` epochs.

    Each epoch is cut off after `steps` steps, and their time counted as often as they fit into a
    whole epoch. What comes between the epochs counts as often as in the whole job: validation,
    gradients, checkpoint, and with them what a method does before a phase.

    Raises ValueError if the method needs more epochs for its phases.
    """
    trained = _cut_short(data, job, epochs, steps, folder)
    whole = trained.in_epochs * trained.full_steps / trained.steps
    return (whole + trained.between) / epochs


class _Timed(Trainer):
    """Knows how long its steps took, and what comes between as many epochs of the whole job."""

    in_epochs = 0.0
    between = 0.0
    full_steps = 0

    def _run_epoch(self, *args: object, **kwargs: object) -> Tensor:
        start = time.perf_counter()
        trained = super()._run_epoch(*args, **kwargs)
        self.in_epochs += time.perf_counter() - start
        return trained


def _cut_short(data: cgt.data.Dataset, job: Job, epochs: int, steps: int, folder: Path) -> _Timed:
    """Train as a job does, `epochs` epochs of at most `steps` steps; return the trainer."""
    cut = replace(job, settings={**job.settings, "epochs": epochs})
    settings, method = build_settings(cut), build_method(job)
    method.label_smoothing = settings.label_smoothing
    trainer = _Timed(data, method, job.seed, settings, folder / "bench.pt")
    trainer.full_steps, trainer.steps = trainer.steps, min(steps, trainer.steps)
    # As in a job: see `train_run`.
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False
    start = time.perf_counter()
    try:
        trainer.run()
    finally:
        torch.set_deterministic_debug_mode("default")
    exits = trainer.network.num_exits
    often = looks_per_epoch(job, exits) / looks_per_epoch(cut, exits)
    trainer.between = often * (time.perf_counter() - start - trainer.in_epochs)
    trainer.checkpoint.unlink()
    return trainer


def looks_per_epoch(job: Job, exits: int) -> float:
    """Share in (0, 1] of a job's epochs that validation, gradients and checkpoint follow.

    exits: how many the job's network has.
    """
    settings = build_settings(job)
    looks = [
        settings.validates(done, phase.epochs)
        for phase in build_method(job).phases(settings.epochs, exits)
        for done in range(1, phase.epochs + 1)
    ]
    return sum(looks) / len(looks)


def bound(data: cgt.data.Dataset, job: Job, steps: int) -> float:
    """Bare forward, backward and step of the same network with torch's quickest optimiser."""
    network = _network(data, job).to(memory_format=torch.channels_last)
    size = _batch_size(data, job)
    x = in_order(torch.from_numpy(data.train.x[:size]))
    y = torch.from_numpy(data.train.y[:size])
    # It must not fit its one batch: gradients next to zero are slow to compute with.
    optimizer = _optimizer(network, job, lr=0.0, fused=True)

    def step() -> None:
        loss = _loss(network(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    step()  # the optimiser makes its buffers
    return _rate(lambda: [step() for _ in range(steps)], size * steps)


def conventional(data: cgt.data.Dataset, job: Job, steps: int) -> float:
    """What a tutorial does, on the samples and in the order of our loop's first epoch."""
    network, loader = _network(data, job), conventional_batches(data, job, steps)
    optimizer = _optimizer(network, job, lr=job.settings["lr"])

    def epoch() -> None:
        running = right = 0.0
        for x, y in loader:
            logits = network(x)
            loss = _loss(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
            right += (logits[-1].argmax(dim=1) == y).sum().item()

    return _rate(epoch, _batch_size(data, job) * steps)


def conventional_batches(data: cgt.data.Dataset, job: Job, steps: int) -> DataLoader:
    """A DataLoader over the samples of the first `steps` steps of our loop's first epoch."""
    size = _batch_size(data, job)
    generator = torch.Generator().manual_seed(derive_seed(data.name, job.seed, "epoch", 0))
    order = torch.randperm(len(data.train.y), generator=generator)
    samples = _Samples(data, build_settings(job).augmentation)
    chosen = Subset(samples, order[: steps * size].tolist())
    return DataLoader(chosen, batch_size=size, num_workers=0)


class _Samples(Dataset):
    """One augmented sample at a time."""

    def __init__(self, data: cgt.data.Dataset, augmentation: str) -> None:
        self.x, self.y = torch.from_numpy(data.train.x), data.train.y
        self.transform = _TRANSFORMS[augmentation]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return self.transform(self.x[number]), int(self.y[number])


def _maybe_mirrored(image: Tensor) -> Tensor:
    return image.flip(2) if torch.rand(()) < 0.5 else image


def _turned(patch: Tensor) -> Tensor:
    patch = _maybe_mirrored(patch)
    patch = patch.flip(1) if torch.rand(()) < 0.5 else patch
    return patch.transpose(1, 2) if torch.rand(()) < 0.5 else patch


_TRANSFORMS = {
    "none": lambda sample: sample,
    "mirror": _maybe_mirrored,
    "dihedral": _turned,
}
"""The augmentations of :mod:`cgt.training.augment`, for one sample."""


def _network(data: cgt.data.Dataset, job: Job) -> nn.Module:
    torch.manual_seed(derive_seed(data.name, job.seed, "init"))
    settings = build_settings(job)
    shape = data.train.x.shape[1:]
    return build(settings.network, shape, data.num_classes, settings.exits).train()


def _optimizer(network: nn.Module, job: Job, lr: float, **how: bool) -> torch.optim.Optimizer:
    settings = build_settings(job)
    return torch.optim.SGD(
        network.parameters(),
        lr=lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.momentum > 0,
        **how,
    )


def _loss(logits: list[Tensor], y: Tensor) -> Tensor:
    """All exits alike: what a sum of gated losses costs at least."""
    return sum(F.cross_entropy(of, y) for of in logits)


def _batch_size(data: cgt.data.Dataset, job: Job) -> int:
    return min(job.settings["batch_size"], len(data.train.y))


def _rate(work: Callable[[], object], samples: int) -> float:
    start = time.perf_counter()
    work()
    return samples / (time.perf_counter() - start)
