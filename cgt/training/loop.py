"""One training loop for all methods.

At the same (dataset, seed) every method gets the same initial weights, data order, augmentation
and number of epochs. Data stay in memory as tensors. Everything random depends on the epoch's
number and not on what ran before it, so a run that was killed goes on from its last checkpoint with
the same result.

Some epochs are looked at (`TrainingSettings.validates`): validated, gradients measured, a row for
each exit in the history, a checkpoint. The best epoch is one of them.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cgt.data import Dataset, Split, load
from cgt.methods import Method, Phase
from cgt.methods.base import Moment, Pass, Start
from cgt.nn.network import EarlyExitNetwork, evaluation_mode
from cgt.records.files import write_text
from cgt.records.predictions import Predictions, SplitPredictions, save_predictions
from cgt.records.seeding import derive_seed
from cgt.study.code_inputs import digest_of, job_files
from cgt.training.augment import Augmenter
from cgt.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from cgt.training.devices import held, make_reproducible, resolve
from cgt.training.divergence import EVERY, Watch
from cgt.training.gradients import ExitGradientPair, ExitGradients
from cgt.training.job import Job, TrainingSettings, build_method, build_settings
from cgt.training.model_io import build_network, run_identity, save_run
from cgt.training.optimizer import OneCycleSGD

HISTORY_COLUMNS = (
    "epoch",
    "exit",
    "train_loss",
    "val_accuracy",
    "mean_weight",
    "mean_eligibility",
    "grad_norm",
    "val_mean_eligibility",
)
GRADIENT_COLUMNS = ("epoch", *ExitGradientPair._fields)
EVALUATION_BATCH = 500
CPU = torch.device("cpu")
PROBE = 64
"""Training samples on which gradients are measured, always the same, for every method."""
SHORTEST_CYCLE = 8
"""Steps. OneCycle is planned over at least this many; a shorter phase stops partway."""


def train_run(
    job: Job,
    out_dir: Path,
    checkpoint_dir: Path,
    finish: Callable[[Dataset, float], None] = lambda data, earlier: None,
) -> None:
    """Train and predict; write what the run has to say into ``out_dir``.

    The files are ``predictions.npz``, ``history.csv``, ``gradients.csv`` and ``model.safetensors``.

    Resumes from ``checkpoint_dir`` if an earlier run of the same job was stopped. ``finish`` is
    called with the data that the run has seen and the seconds that earlier processes have spent on
    it, before the checkpoint is removed: what it writes belongs to the run.

    Raises:
        ValueError: for unknown or unfit settings or damaged data.
        DivergedError: if the run diverges.
    """
    method = build_method(job)
    settings = build_settings(job)
    method.label_smoothing = settings.label_smoothing
    device = resolve(settings.device)
    make_reproducible(device)
    data = load(job.dataset, job.prepared, job.raw_dir, job.seed)
    # Half a run by other code, another torch or on another device is not half of this one.
    code = digest_of(job_files(job.implementation, settings.network, job.dataset, data.kind))
    made_by = {"code": code, "torch": torch.__version__, "device": device.type}
    identity = {**job.identity(data.checksums["prepared"]), **made_by}
    path = checkpoint_path(checkpoint_dir, identity)
    with held(device):
        trainer = Trainer(data, method, job.seed, settings, path, job.method, device)
        trainer.run()
        trainer.write(Path(out_dir))
    finish(data, trainer.earlier)
    path.unlink(missing_ok=True)


class Trainer:
    """State of one run. ``run`` trains; ``write`` predicts and saves.

    ``title`` names the method in messages, where its file's name does not; data stay on ``device``
    for the whole run.
    """

    def __init__(
        self,
        data: Dataset,
        method: Method,
        seed: int,
        settings: TrainingSettings,
        checkpoint: Path,
        title: str = "",
        device: torch.device = CPU,
    ) -> None:
        self.data, self.method, self.seed, self.settings = data, method, seed, settings
        self.checkpoint, self.device = checkpoint, device
        self.title = title or type(method).__module__.rpartition(".")[2]
        self.train_x, self.train_y = _tensors(data.train, device)
        order = torch.randperm(len(self.train_y), generator=_generator(data.name, seed, "withhold"))
        size = int(method.withhold * len(order))
        self.withheld, self.trained = (part.sort().values for part in (order[:size], order[size:]))
        self.val_x, self.val_y = _tensors(data.val, device)
        self.augmenter = Augmenter(self.train_x, settings.augmentation)
        self.watch = Watch(settings.lr)
        self.batch_size = min(settings.batch_size, len(self.trained))
        self.steps = len(self.trained) // self.batch_size
        chosen = _generator(data.name, seed, "probe")
        probe = torch.randperm(len(self.train_y), generator=chosen)[:PROBE].to(device)
        self.probe_uniform = torch.rand(len(probe), generator=chosen).to(device)
        self.probe = (self.train_x[probe], self.train_y[probe])
        torch.manual_seed(derive_seed(data.name, seed, "init"))
        self.network = build_network(data, method, settings.network, settings.exits).to(device)
        self.phases = method.phases(settings.epochs, self.network.num_exits)
        self.began, self.earlier = time.perf_counter(), 0.0
        self.history: list[list[float]] = []
        self.gradients: list[list[float]] = []

    def run(self) -> None:
        """Train all phases, each from the best epoch of the one before; the method ends it."""
        saved = load_checkpoint(self.checkpoint)
        for number, phase in enumerate(self.phases):
            if saved and saved["phase"] > number:
                continue
            self._run_phase(number, phase, saved)
            saved = None
        self.method.finish(self._start(self.network))

    def _run_phase(self, number: int, phase: Phase, saved: dict[str, Any] | None) -> None:
        network = self.network.prefix(phase.exits)
        entry = {"network": _copy(self.network), "method": self.method.state()}
        if saved:
            entry = saved["entry"]
            self.network.load_state_dict(entry["network"])
            self.method.load_state(entry["method"])
        self.method.start_phase(number, self._start(network))
        _freeze_all_but(network, phase)
        optimizer = OneCycleSGD(
            [parameter for parameter in network.parameters() if parameter.requires_grad],
            peak=self.settings.lr,
            steps=max(phase.epochs * self.steps * self.method.updates, SHORTEST_CYCLE),
            momentum=self.settings.momentum,
            weight_decay=self.settings.weight_decay,
        )
        done, scores, best, best_state = 0, [-1.0] * len(phase.judged), {}, {}
        if saved:
            done, scores = saved["done"], saved["scores"]
            best, best_state = saved["best"], saved["best_state"]
            self.earlier = saved["seconds"]
            self.history, self.gradients = saved["history"], saved["gradients"]
            self.network.load_state_dict(saved["network"])
            optimizer.load_state(saved["optimizer"])
            self.method.load_state(saved["method"])
        epochs_before = sum(phase.epochs for phase in self.phases[:number])
        start, since = time.perf_counter(), []  # the last look
        for epoch in range(done, phase.epochs):
            since.append(self._run_epoch(network, number, optimizer, epochs_before + epoch))
            if not self.settings.validates(epoch + 1, phase.epochs):
                continue
            trained = torch.stack(since).mean(dim=0)
            epochs_done = epochs_before + epoch + 1
            gradients = self._probe_gradients(network, number, epochs_done)
            accuracy, active = self._validate(network, number, epochs_done)
            values = torch.vstack([trained[0], accuracy, trained[1:], gradients.norms(), active])
            values, accuracy = values.cpu(), accuracy.cpu()
            self._record(epochs_done, values, gradients.pairs(), time.perf_counter() - start)
            start, since = time.perf_counter(), []
            for group, exits in enumerate(phase.judged):
                score = float(accuracy[list(exits)].mean())
                if score >= scores[group]:
                    scores[group] = score
                    best |= _copy(self.network, exits if len(phase.judged) > 1 else None)
                    best_state = _copied(self.method.state())
            save_checkpoint(
                self.checkpoint,
                {
                    "phase": number,
                    "done": epoch + 1,
                    "scores": scores,
                    "best": best,
                    "best_state": best_state,
                    "entry": entry,
                    "seconds": self.earlier + time.perf_counter() - self.began,
                    "history": self.history,
                    "gradients": self.gradients,
                    "network": self.network.state_dict(),
                    "optimizer": optimizer.state(),
                    "method": self.method.state(),
                },
            )
        self.network.load_state_dict({**self.network.state_dict(), **best})
        self.method.load_state(best_state)

    def _start(self, network: EarlyExitNetwork) -> Start:
        """What the method may look at before a phase and at the end."""
        held = self.withheld.to(self.device)
        return Start(
            network,
            validate=lambda: (_logits(network, self.val_x), self.val_y),
            withheld=lambda: (
                _logits(network, in_order(self.train_x[held])),
                self.train_y[held],
            ),
            epochs=self.settings.epochs,
            input_shape=tuple(self.val_x.shape[1:]),
        )

    def _run_epoch(
        self, network: EarlyExitNetwork, number: int, optimizer: OneCycleSGD, epoch: int
    ) -> Tensor:
        """Train one epoch; return mean loss, weight and eligibility of each exit, ``[3, E]``.

        Means over steps of :meth:`cgt.nn.losses.LossTerms.means`.
        """
        phase = self.phases[number]
        _train_mode(network, phase)
        sums = torch.zeros(3, phase.exits, device=self.device)
        draws = _generator(self.data.name, self.seed, "draw", epoch)
        for step, (x, chosen) in enumerate(self._batches(epoch)):
            y = self.train_y[chosen]
            progress = self._progress(epoch + step / self.steps)
            uniform = torch.rand(len(y), generator=draws).to(self.device, non_blocking=True)
            moment = Moment(progress, number, uniform)

            def see(found: Pass, chosen: Tensor = chosen, step: int = step) -> None:
                self.watch.note("logits", torch.stack(list(found.logits)), epoch, step)
                if self.method.gate_on_unaugmented:
                    found.gate_logits = self._at_inference(network, phase, chosen)
                    gates = torch.stack(found.gate_logits)
                    self.watch.note("gate's logits", gates, epoch, step)

            found, terms = self.method.step(network, x, y, moment, optimizer, see)
            self.watch.note("loss", terms.losses, epoch, step)
            sums += terms.means(found.inclusion)
            if (step + 1) % EVERY == 0:
                self.watch.read()
        for values in network.state_dict().values():
            self.watch.note("weights", values, epoch, self.steps - 1)
        self.watch.read()
        return sums / self.steps

    def _progress(self, epochs_done: float) -> float:
        return epochs_done / self.settings.epochs

    @torch.no_grad()
    def _at_inference(
        self, network: EarlyExitNetwork, phase: Phase, chosen: Tensor
    ) -> list[Tensor]:
        """Logits of training samples, not augmented, in evaluation mode; it leaves no trace."""
        network.eval()
        logits = network(in_order(self.train_x[chosen]))
        _train_mode(network, phase)
        return logits

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented samples, and which of the training samples they are."""
        generator = _generator(self.data.name, self.seed, "epoch", epoch)
        order = self.trained[torch.randperm(len(self.trained), generator=generator)].to(self.device)
        for chosen in order[: self.steps * self.batch_size].split(self.batch_size):
            yield self.augmenter.batch(chosen, generator), chosen

    def _validate(
        self, network: EarlyExitNetwork, number: int, epochs_done: int
    ) -> tuple[Tensor, Tensor]:
        """Validation accuracy and mean eligibility of each exit, each ``[E]``."""
        logits = _logits(network, self.val_x)
        self.watch.check("validation logits", logits, epochs_done - 1, self.steps - 1)
        _, prediction = self.method.decide(logits)
        moment = Moment(self._progress(epochs_done), number)
        terms = self.method.terms(Pass(logits.unbind()), self.val_y, moment)
        accuracy = (prediction == self.val_y).double().mean(dim=1)
        return accuracy, terms.eligibility.double().mean(dim=0)

    def _probe_gradients(
        self, network: EarlyExitNetwork, number: int, epochs_done: int
    ) -> ExitGradients:
        """Measured on the probe, by the method's own pass; it leaves no trace in the run."""
        x, y = self.probe
        moment = Moment(self._progress(epochs_done), number, self.probe_uniform)
        with evaluation_mode(network):
            found = self.method.forward(network, x, y, moment)
        logits = torch.stack(list(found.logits))
        self.watch.check("probed logits", logits, epochs_done - 1, self.steps - 1)
        return ExitGradients(network, self.method.terms(found, y, moment))

    def _record(
        self, epoch: int, values: Tensor, pairs: list[ExitGradientPair], seconds: float
    ) -> None:
        """Keep and show what the epochs since the last look gave.

        ``values`` are ``[6, E]``, ordered as the history's columns.
        """
        for number, row in enumerate(values.T.tolist(), start=1):
            self.history.append([epoch, number, *row])
        self.gradients += [[epoch, *pair] for pair in pairs]
        loss, accuracy = values[0, -1], values[1]
        shown = " ".join(f"{100 * value:.2f}" for value in accuracy.tolist())
        print(
            f"{self.data.name}/{self.title}/{self.seed} "
            f"epoch {epoch}/{self.settings.epochs}  loss {float(loss):.4f}  "
            f"val accuracy {shown} %  {seconds:.1f} s",
            file=sys.stderr,
            flush=True,
        )

    def write(self, out_dir: Path) -> None:
        """Write the run's files into ``out_dir``, predictions last."""
        out_dir.mkdir(parents=True, exist_ok=True)
        write_text(out_dir / "history.csv", _csv(HISTORY_COLUMNS, self.history))
        write_text(out_dir / "gradients.csv", _csv(GRADIENT_COLUMNS, self.gradients))
        kind = type(self.method).__module__.rpartition(".")[2]
        asked = (self.seed, self.settings.network, self.settings.exits)
        identity = run_identity(self.data, self.title, kind, *asked)
        save_run(out_dir / "model.safetensors", self.network, self.method, identity)
        predictions = Predictions(
            val=self._predict(self.data.val),
            test=self._predict(self.data.test),
            macs=np.array(self.method.macs(self.network, self.data.val.x.shape[1:])),
        )
        save_predictions(out_dir / "predictions.npz", predictions)

    def _predict(self, split: Split) -> SplitPredictions:
        logits = _logits(self.network, _tensors(split, self.device)[0])
        confidence, prediction = (part.cpu() for part in self.method.decide(logits))
        return SplitPredictions(
            prediction=prediction.numpy(),
            confidence=confidence.numpy(),
            target=split.y,
            index=split.index,
            logits=logits.cpu().contiguous().numpy(),
        )


def _generator(*parts: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(*parts))


def _tensors(split: Split, device: torch.device) -> tuple[Tensor, Tensor]:
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y)
    return in_order(x).to(device), y.to(device)


def in_order(x: Tensor) -> Tensor:
    """Images channels last, which convolutions prefer; signals as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x.contiguous()


def _freeze_all_but(network: EarlyExitNetwork, phase: Phase) -> None:
    for module, learns in _parts(network, phase):
        module.requires_grad_(learns)


def _train_mode(network: EarlyExitNetwork, phase: Phase) -> None:
    """Frozen parts stay in evaluation mode: their batch-norm statistics are frozen, too."""
    for module, learns in _parts(network, phase):
        module.train(learns)


def _parts(network: EarlyExitNetwork, phase: Phase) -> Iterator[tuple[nn.Module, bool]]:
    """Every stage, head and other module, and whether it learns in the phase."""
    yield from ((module, index in phase.stages) for index, module in enumerate(network.stages))
    yield from ((module, index in phase.heads) for index, module in enumerate(network.heads))
    for name, module in network.named_children():
        if name not in ("stages", "heads"):
            yield module, phase.others


@torch.inference_mode()
def _logits(network: EarlyExitNetwork, x: Tensor) -> Tensor:
    """Logits ``[E, N, C]`` in evaluation mode."""
    network.eval()
    batches = [torch.stack(network(batch)) for batch in x.split(EVALUATION_BATCH)]
    return torch.cat(batches, dim=1)


def _copy(network: EarlyExitNetwork, exits: tuple[int, ...] | None = None) -> dict[str, Tensor]:
    """The present weights, all or those of these stages and heads."""
    state = network.state_dict()
    if exits is not None:
        of = tuple(f"{part}.{exit}." for part in ("stages", "heads") for exit in exits)
        state = {name: value for name, value in state.items() if name.startswith(of)}
    return _copied(state)


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    """A copy of tensors by name, which later steps do not change."""
    return {
        name: value.clone() if isinstance(value, Tensor) else value for name, value in state.items()
    }


def _csv(columns: Sequence[str], rows: list[list[float]]) -> str:
    def text(value: float) -> str:
        return str(value) if isinstance(value, int) else f"{value:.6f}"

    return "\n".join([",".join(columns), *(",".join(map(text, row)) for row in rows)]) + "\n"
