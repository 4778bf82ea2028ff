"""Where a job computes, and how seldom a device is waited for."""

import json
import multiprocessing
import time

import pytest
import torch
from tiny import tiny_dataset, tiny_settings
from torch.utils._python_dispatch import TorchDispatchMode

from cgt.commands.cli import main
from cgt.methods import REGISTRY
from cgt.records.lock import turn
from cgt.training.devices import held, resolve
from cgt.training.divergence import EVERY
from cgt.training.loop import Trainer

WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal"}
"""Operations whose answer the program needs before it can go on."""
SELECTING = {"skip_resolved": True}


class CountWaits(TorchDispatchMode):
    """How often a GPU would have to be waited for."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += operation._schema.name in WAITS
        return operation(*args, **(kwargs or {}))


WAITING = {"classynet": "picks the known classes by mask in its second phase"}
"""Methods whose steps do wait, and why."""


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=WAITING[name], strict=True))
        if name in WAITING
        else name
        for name in REGISTRY
    ],
)
def test_a_step_waits_for_nothing(method, tmp_path):
    """So the number of waits in an epoch of the last phase does not grow with its steps."""
    counts = []
    for samples in (128, 512):  # 4 and 16 steps, both fewer than a reading of the watch needs
        data = tiny_dataset(train=samples)
        trainer = Trainer(data, REGISTRY[method](), 1, tiny_settings(), tmp_path / "c.pt")
        assert trainer.steps < EVERY
        phase, last = trainer.phases[-1], len(trainer.phases) - 1
        network = trainer.network.prefix(phase.exits)
        trainer.method.start_phase(last, trainer._start(network))
        with CountWaits() as waits:
            trainer._run_epoch(network, last, optimizer_of(trainer, network), 0)
        counts.append(waits.count)
    assert counts[0] == counts[1]


def optimizer_of(trainer, network):
    from cgt.training.optimizer import OneCycleSGD

    return OneCycleSGD(network.parameters(), 0.05, 100, 0.9, 0.0)


def test_a_device_is_the_cpu_a_gpu_or_whatever_there_is(monkeypatch, capsys):
    assert resolve("cpu") == torch.device("cpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert resolve("auto") == resolve("cuda") == torch.device("cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve("auto") == torch.device("cpu")
    assert "torch sees no GPU, so this job trains on the CPU" in capsys.readouterr().err
    with pytest.raises(ValueError, match="device is 'cuda', and torch sees no GPU; allowed here"):
        resolve("cuda")
    with pytest.raises(ValueError, match="device is 'gpu'; allowed are cpu, auto, cuda"):
        resolve("gpu")


def test_a_job_that_asks_for_a_missing_gpu_is_told_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    settings = {"network": "compact_scene", "epochs": 1, "batch_size": 32, "lr": 0.1}
    asked = ["--dataset", "indian_pines", "--method", "branchynet", "--seed", "1"]
    asked += ["--prepared", "p.npz", "--raw", "raw", "--out", str(tmp_path / "out")]
    asked += ["--settings", json.dumps({**settings, "device": "cuda"})]
    assert main(["train", *asked, "--checkpoints", str(tmp_path / "c")]) == 2
    assert "torch sees no GPU" in capsys.readouterr().err


def test_the_cpu_is_everybodys():
    with held(torch.device("cpu")), held(torch.device("cpu")):
        pass


def hold(path, times):
    with turn(path):
        times.put(("in", time.monotonic()))
        time.sleep(0.2)
        times.put(("out", time.monotonic()))


def test_jobs_take_a_gpu_in_turns(tmp_path):
    context = multiprocessing.get_context("fork")
    times = context.Queue()
    jobs = [context.Process(target=hold, args=(tmp_path / "gpu.lock", times)) for _ in range(3)]
    for job in jobs:
        job.start()
    events = sorted([times.get(timeout=30) for _ in range(6)], key=lambda event: event[1])
    for job in jobs:
        job.join()
    assert [what for what, _ in events] == ["in", "out"] * 3
