"""Exported networks on single samples, beside a bare session of the same network without exits.

Weights are random: time does not hang on them. Where samples leave does; thresholds are set so that
they leave in the shares of the published operating point.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from cgt.bench.measure import write_table
from cgt.deploy.export import write_network, write_plain
from cgt.deploy.runtime import CPU, Deployed
from cgt.networks import build
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX
from cgt.nn.network import EarlyExitNetwork
from cgt.records.extras import need

ROUNDS = 7


class Setting(NamedTuple):
    """What is measured of a network. shares: of a dataset's operating point, or assumed."""

    input_shape: tuple[int, ...]
    classes: int
    shares: str | tuple[float, ...]
    samples: int


IMAGES, SCENE = (1, 28, 28), (30, 11, 11)
SETTINGS = {
    "compact_images": Setting(IMAGES, 10, "fashion_mnist", 400),
    "roomy_images": Setting(IMAGES, 10, "fashion_mnist", 400),
    "compact_scene": Setting(SCENE, 16, "indian_pines", 400),
    "roomy_scene": Setting(SCENE, 16, "indian_pines", 400),
    # Nothing is published of it: shares as they might be.
    "resnet18": Setting((3, 32, 32), 10, (0.7, 0.15, 0.1, 0.05), 60),
}
METHOD, POINT = "soft_cgt", "one_se"
"""Whose published exit shares are taken, as means over the seeds."""


def bench_device(points: Path, out: Path, networks: Sequence[str] | None = None) -> None:
    """Measure networks of :data:`SETTINGS`; write `out` (.csv) and the machine beside it.

    One thread. A row for each way to answer: `bare`, one session of the network without exits;
    `deployed`, by :class:`cgt.deploy.Deployed`; `staged`, the same without the single file;
    `single_file`, by plain onnxruntime. `relative_time` is that of the samples' medians over the
    rounds, which a busy machine disturbs least, `low` and `high` that of single rounds.

    Raises:
        ValueError: for a network that is not among the settings.
    """
    torch.set_num_threads(1)
    table, rows = pd.read_csv(points), []
    for name in networks or SETTINGS:
        if name not in SETTINGS:
            raise ValueError(f"network is {name!r}; allowed are {', '.join(SETTINGS)}")
        of = SETTINGS[name]
        given = _published(table, of.shares) if isinstance(of.shares, str) else of.shares
        rows += _rows(name, of, given)
    write_table(out, rows, threads=1, packages=["onnxruntime"])


def _published(table: pd.DataFrame, dataset: str) -> tuple[float, ...]:
    chosen = table[
        (table["dataset"] == dataset) & (table["method"] == METHOD) & (table["point"] == POINT)
    ]
    return tuple(chosen.filter(regex=r"^exit_\d+$").mean())


def _rows(name: str, of: Setting, shares: Sequence[float]) -> list[dict[str, Any]]:
    torch.manual_seed(0)
    network = build(name, of.input_shape, of.classes, len(shares)).eval()
    x = np.random.default_rng(0).normal(size=(of.samples, *of.input_shape)).astype(np.float32)
    with torch.inference_mode():
        logits = torch.stack(network(torch.from_numpy(x)))
    sure = MAX_SOFTMAX.decide(0, logits.flatten(0, 1))[0].reshape(logits.shape[:2]).numpy()
    thresholds = thresholds_for(sure, shares)
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(Path(folder), network, thresholds, of.input_shape)
        exits = np.concatenate([ways["deployed"](one)[0] for one in x[:, None]])
        seconds = seconds_of(ways, x)
    macs = np.array(cumulative_macs(network, of.input_shape))[exits].mean()
    (whole,) = cumulative_macs(network.backbone(), of.input_shape)
    medians, found = {way: np.median(took, axis=0) for way, took in seconds.items()}, []
    for way, took in seconds.items():
        ratios = took.sum(axis=1) / seconds["bare"].sum(axis=1)
        found.append(
            {
                "network": name,
                "way": way,
                "exit_shares": " ".join(
                    f"{share:.3f}" for share in np.bincount(exits, minlength=len(shares)) / len(x)
                ),
                "relative_macs": 1.0 if way == "bare" else float(macs / whole),
                "relative_time": float(medians[way].sum() / medians["bare"].sum()),
                "relative_time_low": float(ratios.min()),
                "relative_time_high": float(ratios.max()),
                "mean_us": float(1e6 * medians[way].mean()),
                "samples": len(x),
                "rounds": len(took),
            }
        )
    return found


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


def _ways(
    folder: Path,
    network: EarlyExitNetwork,
    thresholds: Sequence[float],
    input_shape: tuple[int, ...],
) -> dict[str, Callable[[np.ndarray], Any]]:
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
    ways: Mapping[str, Callable[[np.ndarray], Any]], x: np.ndarray
) -> dict[str, np.ndarray]:
    """Seconds [rounds, N] of each way's answer to each sample; all take turns at every sample.

    Each answers twice, and the second answer counts, since the caches hold what another needed.
    """
    found = {way: np.empty((ROUNDS, len(x))) for way in ways}
    for round, number in np.ndindex(ROUNDS, len(x)):
        one = x[number : number + 1]
        for way, answer in ways.items():
            answer(one)
            start = time.perf_counter()
            answer(one)
            found[way][round, number] = time.perf_counter() - start
    return found
