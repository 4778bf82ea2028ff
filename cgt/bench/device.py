"""Exits in time: exported networks on single samples, and torch's `infer` on batches.

Each is held against the same network without exits: a bare session of onnxruntime, or the module in
torch. Weights are random: time does not hang on them. Where samples leave does; thresholds are set
so that they leave in the shares of the published operating point.
"""

import copy
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from cgt.bench.measure import write_table
from cgt.deploy.export import write_network, write_plain
from cgt.deploy.runtime import CPU, Deployed
from cgt.networks import build
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX
from cgt.nn.network import EarlyExitNetwork
from cgt.records.extras import need

GOAL, MARGIN = 0.93, 1.1
"""Small networks: time relative to the bare session, at most. ResNet-18: its multiply–accumulates,
on single samples; in batches, `MARGIN` times as many."""
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Setting(NamedTuple):
    """What is measured of a network. shares: of a dataset's operating point, or assumed."""

    network: str
    input_shape: tuple[int, ...]
    classes: int
    shares: str | tuple[float, ...]
    samples: int
    rounds: int
    goal: float | None = GOAL
    """`None`: the relative multiply–accumulates."""
    in_batches: bool = False
    """Whether torch's `infer` is measured, too, on one batch of all samples."""


IMAGES, SCENE = (1, 28, 28), (30, 11, 11)
ASSUMED = (0.7, 0.15, 0.1, 0.05)
"""Nothing is published of ResNet-18: shares as they might be."""
SETTINGS = {
    "compact_images": Setting("compact_images", IMAGES, 10, "fashion_mnist", 400, 15),
    "roomy_images": Setting("roomy_images", IMAGES, 10, "fashion_mnist", 400, 15),
    "compact_scene": Setting("compact_scene", SCENE, 16, "indian_pines", 400, 15),
    "roomy_scene": Setting("roomy_scene", SCENE, 16, "indian_pines", 400, 15),
    "resnet18_32": Setting("resnet18", (3, 32, 32), 10, ASSUMED, 64, 11, None, in_batches=True),
    "resnet18_224": Setting("resnet18", (3, 224, 224), 1000, ASSUMED, 20, 11, None),
}
LARGE = 128
"""Sides from here on: ResNet-18 begins as it did on ImageNet."""
METHOD, POINT = "soft_cgt", "one_se"
"""Whose published exit shares are taken, as means over the seeds."""


def bench_device(points: Path, out: Path, networks: Sequence[str] | None = None) -> None:
    """Measure networks of :data:`SETTINGS`; write `out` (.csv) and the machine beside it.

    One thread. A row for each way to answer. With onnxruntime, single samples: `bare`, one session
    of the network without exits; `deployed`, by :class:`cgt.deploy.Deployed`; `staged`, the same
    without the single file; `single_file`, by plain onnxruntime. With torch, a batch of
    64, in either memory format: `bare`, the network without exits; `infer`.

    `relative_time` is that of the samples' medians over the rounds to the bare ones', which a busy
    machine disturbs least; `low` and `high` that of single rounds; `mean_us` of a sample. `goal`
    is what `relative_time` should at most be.

    Args:
        points: operating points with exit shares (.csv).
        networks: by default all whose dataset has :data:`POINT` there; others are named on stderr.

    Raises:
        ValueError: for a network that is not among the settings; for points without its dataset.
    """
    torch.set_num_threads(1)
    table, rows = pd.read_csv(points), []
    for name in networks or SETTINGS:
        if name not in SETTINGS:
            raise ValueError(f"network is {name!r}; allowed are {', '.join(SETTINGS)}")
        of = SETTINGS[name]
        shares = of.shares if isinstance(of.shares, tuple) else _published(table, of.shares)
        if shares:
            rows += _rows(name, of, shares)
            continue
        missing = f"{points} has no {POINT} of {METHOD} on {of.shares}, which {name} needs"
        if networks:
            raise ValueError(f"{missing}; give other points, or name other networks")
        print(f"{name} is left out: {missing}", file=sys.stderr)
    write_table(out, rows, threads=1, packages=["onnxruntime"])


def _published(table: pd.DataFrame, dataset: str) -> tuple[float, ...]:
    """Shares of the exits, as means over the seeds; none if the table has none."""
    chosen = table[
        (table["dataset"] == dataset) & (table["method"] == METHOD) & (table["point"] == POINT)
    ]
    return tuple(chosen.filter(regex=r"^exit_\d+$").mean().dropna())


def _rows(name: str, of: Setting, shares: Sequence[float]) -> list[dict[str, Any]]:
    torch.manual_seed(0)
    network = _network(of, len(shares))
    x = np.random.default_rng(0).normal(size=(of.samples, *of.input_shape)).astype(np.float32)
    with torch.inference_mode():
        # One by one, as they are answered: in batches confidences are rounded differently.
        logits = torch.cat([torch.stack(network(one)) for one in torch.from_numpy(x).split(1)], 1)
    sure = MAX_SOFTMAX.decide(0, logits.flatten(0, 1))[0].reshape(logits.shape[:2]).numpy()
    macs = np.array(cumulative_macs(network, of.input_shape))
    (whole,) = cumulative_macs(network.backbone(), of.input_shape)
    about = {"network": name, "input": "x".join(map(str, of.input_shape))}
    thresholds = thresholds_for(sure, shares)
    with tempfile.TemporaryDirectory() as folder:
        ways = _exported(Path(folder), network, thresholds, of.input_shape)
        exits = np.concatenate([ways["deployed"](one)[0] for one in x[:, None]])
        seconds = seconds_of(ways, x[:, None], of.rounds)
    how = {**about, "engine": "onnxruntime", "memory_format": "", "batch": 1}
    rows = _held_against_bare(how, seconds, exits, macs / whole, of.goal, 1.0)
    for named, memory_format in FORMATS.items() if of.in_batches else ():
        there = copy.deepcopy(network).to(memory_format=memory_format)
        given = torch.from_numpy(x).contiguous(memory_format=memory_format)
        ways = _in_torch(there, thresholds)
        exits = ways["infer"](given)[0].numpy()
        seconds = seconds_of(ways, [given], of.rounds)
        how = {**about, "engine": "torch", "memory_format": named, "batch": len(x)}
        rows += _held_against_bare(how, seconds, exits, macs / whole, of.goal, MARGIN)
    return rows


def thresholds_for(sure: np.ndarray, shares: Sequence[float]) -> list[float]:
    """E−1 thresholds at which samples leave in the given shares, as nearly as they can.

    Args:
        sure: confidences [E, N]; no two equal at an exit.
        shares: [E], summing to 1.
    """
    left, found = np.arange(sure.shape[1]), []
    for confidences, share in zip(sure[:-1], shares[:-1], strict=True):
        leaving = min(round(share * sure.shape[1]), len(left))
        order = left[np.argsort(-confidences[left])]
        # Between the last that leaves and the first that stays; nobody, or everybody, at the ends.
        above = confidences[order[leaving - 1]] if leaving else 1.0
        below = confidences[order[leaving]] if leaving < len(order) else 0.0
        found.append(float((above + below) / 2))
        left = order[leaving:]
    return found


def _network(of: Setting, exits: int) -> EarlyExitNetwork:
    network = build(of.network, of.input_shape, of.classes, exits)
    if of.network == "resnet18" and of.input_shape[-1] >= LARGE:
        network.stages[0][0] = _stem_for_large_images(of.input_shape[0])
    return network.eval()


def _stem_for_large_images(channels: int) -> nn.Module:
    """A fourth of the side, as in He et al., CVPR 2016, where ours for 32 x 32 keeps it all."""
    return nn.Sequential(
        nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def _held_against_bare(
    how: Mapping[str, Any],
    seconds: Mapping[str, np.ndarray],
    exits: np.ndarray,
    relative_macs: np.ndarray,
    goal: float | None,
    margin: float,
) -> list[dict[str, Any]]:
    """A row for each way.

    Args:
        how: what stands first in each row.
        seconds: [rounds, batches] of each way, `bare` among them.
        exits: [N], where the samples leave.
        relative_macs: [E], to those of the network without exits.
        goal: of the relative time; `None` if it is `margin` times the multiply-accumulates.
    """
    medians, found = {way: np.median(took, axis=0) for way, took in seconds.items()}, []
    shares = np.bincount(exits, minlength=len(relative_macs)) / len(exits)
    macs = float(relative_macs[exits].mean())
    for way, took in seconds.items():
        ratios = took.sum(axis=1) / seconds["bare"].sum(axis=1)
        early = way != "bare"
        found.append(
            {
                **how,
                "way": way,
                "exit_shares": " ".join(f"{share:.3f}" for share in shares) if early else "",
                "relative_macs": macs if early else 1.0,
                "relative_time": float(medians[way].sum() / medians["bare"].sum()),
                "relative_time_low": float(ratios.min()),
                "relative_time_high": float(ratios.max()),
                "goal": (margin * macs if goal is None else goal) if early else "",
                "mean_us": float(1e6 * medians[way].sum() / len(exits)),
                "samples": len(exits),
                "rounds": len(took),
            }
        )
    return found


def _in_torch(
    network: EarlyExitNetwork, thresholds: Sequence[float]
) -> dict[str, Callable[[Any], Any]]:
    whole = network.backbone().eval()

    def bare(x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return whole(x)[-1].argmax(dim=1)

    return {"bare": bare, "infer": lambda x: network.infer(x, thresholds)}


def _exported(
    folder: Path,
    network: EarlyExitNetwork,
    thresholds: Sequence[float],
    input_shape: tuple[int, ...],
) -> dict[str, Callable[[Any], Any]]:
    write_network(folder, network, MAX_SOFTMAX, thresholds, input_shape=input_shape, about={})
    write_plain(folder / "bare.onnx", network, input_shape=input_shape)
    ort = need("onnxruntime", "deploy")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    bare, single = (
        ort.InferenceSession(folder / name, options, providers=list(CPU))
        for name in ("bare.onnx", "network.onnx")
    )
    return {
        "bare": lambda x: bare.run(None, {"x": x}),
        "deployed": Deployed(folder).infer,
        "staged": Deployed(folder, single_file=False).infer,
        "single_file": lambda x: single.run(["exit", "prediction"], {"x": x}),
    }


def seconds_of(
    ways: Mapping[str, Callable[[Any], Any]], batches: Sequence[Any], rounds: int
) -> dict[str, np.ndarray]:
    """Seconds [rounds, batches] of each way's answers; all take turns at every batch.

    Each answers twice, and the second answer counts, since the caches hold what another needed.
    """
    found = {way: np.empty((rounds, len(batches))) for way in ways}
    for round, (number, batch) in product(range(rounds), enumerate(batches)):
        for way, answer in ways.items():
            answer(batch)
            start = time.perf_counter()
            answer(batch)
            found[way][round, number] = time.perf_counter() - start
    return found
