"""An exit for every pixel: a scene goes through a fully convolutional network in one pass.

    cgt download indian_pines --out data/raw/indian_pines
    cgt prepare indian_pines --raw data/raw/indian_pines --seed 1 --out indian_pines_1.npz
    python examples/segmentation.py --raw data/raw/indian_pines --prepared indian_pines_1.npz

needs `pip install '.[benchmark]'`; writes `segmentation.csv` and `segmentation.png` beside this
file. The losses take dense logits ``[B, C, H, W]`` as they are, and `ignore_index` leaves out what
has no label. Routing is by pixel: each is a row of the logits. Where pixels leave says what deeper
stages are needed for; a dense convolution computes whole maps as long as one pixel is left.

Beside it stands the benchmark's network for patches, which answers for one pixel at a time and sees
as much of the surroundings. Both are trained alike, plainly: no augmentation, no tuning. Both see
the spectra of test pixels around the training pixels, as the random split of this scene has it.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import cgt
from cgt.analysis.pictures.parts import NO_CLASS, class_colors, paint, picture, swatches
from cgt.analysis.style import EXIT_COLORS
from cgt.data.patches import cut_patches
from cgt.data.scene import backdrop, reduced_scene
from cgt.networks import build

TRAIN, VAL, TEST = 1, 2, 3
IGNORED = -100
MAX_DROP = 0.01
PATCH = 11
"""Side of what the last exit sees, in both networks."""


class Scene(NamedTuple):
    """x: float32 [H, W, K]. target: [H, W], classes from 0, `IGNORED` where there is no label.
    split: [H, W], of `TRAIN`, `VAL`, `TEST`. classes: their names."""

    x: np.ndarray
    target: np.ndarray
    split: np.ndarray
    classes: Sequence[str]


def dense_network(channels: int, classes: int) -> cgt.EarlyExitNetwork:
    """``[B, K, H, W]`` to logits ``[B, C, H, W]`` at three exits; nothing is strided."""

    def stage(inputs: int, outputs: int, dilation: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def head(inputs: int) -> nn.Module:
        mean = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        return nn.Sequential(mean, nn.Conv2d(inputs, classes, 1))

    stages = [stage(channels, 48, 1), stage(48, 48, 1), stage(48, 64, 2)]
    return cgt.EarlyExitNetwork(stages, [head(48), head(48), head(64)])


def pixels(logits: Sequence[Tensor]) -> list[Tensor]:
    """Dense logits ``[B, C, H, W]`` of each exit, a row for each pixel: ``[B·H·W, C]``."""
    return [each.movedim(1, -1).flatten(0, -2) for each in logits]


def train(network: cgt.EarlyExitNetwork, x: Tensor, target: Tensor, steps: int) -> None:
    """By SoftCGT; each step takes all training pixels."""
    loss_fn = cgt.SoftCGTLoss(ignore_index=IGNORED)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    network.train()
    for _ in range(steps):
        loss = loss_fn(network(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()


def answer_densely(scene: Scene, steps: int) -> tuple[list[Tensor], np.ndarray]:
    """Logits ``[H·W, C]`` of each exit, and multiply–accumulates of a pixel up to each."""
    x = torch.from_numpy(scene.x).permute(2, 0, 1)[None]
    network = dense_network(x.shape[1], len(scene.classes))
    target = np.where(scene.split == TRAIN, scene.target, IGNORED)
    train(network, x, torch.from_numpy(target)[None], steps)
    with torch.inference_mode():
        logits = pixels(network(x))
    return logits, np.array(cgt.cumulative_macs(network, x.shape[1:])) / scene.target.size


def answer_by_patches(scene: Scene, steps: int) -> tuple[list[Tensor], np.ndarray]:
    """The same from a patch around each pixel."""
    index = np.flatnonzero(scene.split == TRAIN)
    x = torch.from_numpy(cut_patches(scene.x, index, PATCH))
    network = build("compact_scene", tuple(x.shape[1:]), len(scene.classes))
    train(network, x, torch.from_numpy(scene.target.flat[index]), steps)
    parts = []
    with torch.inference_mode():
        for few in np.array_split(np.arange(scene.target.size), -(-scene.target.size // 1024)):
            parts.append(network(torch.from_numpy(cut_patches(scene.x, few, PATCH))))
    logits = [torch.cat(of_exit) for of_exit in zip(*parts, strict=True)]
    return logits, np.array(cgt.cumulative_macs(network, tuple(x.shape[1:])))


def evaluate(
    scene: Scene, logits: Sequence[Tensor], macs: np.ndarray
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The numbers, and the maps ``[H, W]`` of exits, from 0, and of predictions.

    The threshold is the cheapest that costs at most `MAX_DROP` of the validation pixels' accuracy.
    """
    split, target = scene.split.ravel(), scene.target.ravel()
    everywhere = torch.stack(list(logits)).numpy()
    val, test = split == VAL, split == TEST
    point = cgt.choose_thresholds(
        cgt.max_softmax(everywhere[:, val]),
        everywhere[:, val].argmax(axis=2) == target[val],
        macs,
        max_drop=MAX_DROP,
    )
    exits, prediction = (one.numpy() for one in cgt.route(logits, point.thresholds.tolist()))
    right, last = prediction == target, everywhere[-1].argmax(axis=1) == target
    shares = np.bincount(exits[test], minlength=len(logits)) / test.sum()
    row = {
        "accuracy": right[test].mean(),
        "accuracy_last_exit": last[test].mean(),
        "threshold": point.thresholds[0],
        **{f"exit_{n}": share for n, share in enumerate(shares, start=1)},
        "macs_per_pixel": macs[-1],
        "macs_to_its_exit": macs[exits[test]].mean(),
    }
    return row, exits.reshape(scene.target.shape), prediction.reshape(scene.target.shape)


def draw(
    scene: Scene, exits: dict[str, np.ndarray], predictions: dict[str, np.ndarray], path: Path
) -> None:
    """Ground truth and the legend of exits; class maps over exit maps of each network."""
    columns = 1 + len(exits)
    figure = Figure(figsize=(6.75, 4.9), layout="constrained")
    axes = figure.subplots(2, columns)
    colors = class_colors(scene.classes)
    picture(axes[0, 0], paint(np.maximum(scene.target, -1) + 1, [NO_CLASS, *colors]), "Labels")
    axes[1, 0].set_axis_off()
    axes[1, 0].legend(
        handles=swatches(list(scene.classes), colors), loc="center", fontsize=6, borderpad=0
    )
    for column, name in enumerate(exits, start=1):
        picture(axes[0, column], paint(predictions[name], colors), f"{name}: classes")
        picture(axes[1, column], paint(exits[name], EXIT_COLORS[:3]), f"{name}: exits")
    names = [f"Exit {n}" for n in (1, 2, 3)]
    figure.legend(
        handles=swatches(names, EXIT_COLORS[:3]), loc="outside lower center", ncols=3, fontsize=7
    )
    figure.savefig(path, dpi=160, metadata={"Software": None})


WAYS: dict[str, Callable[[Scene, int], tuple[list[Tensor], np.ndarray]]] = {
    "One pass": answer_densely,
    "Patches": answer_by_patches,
}


def run(scene: Scene, out: Path, steps: int) -> dict[str, np.ndarray]:
    """Train both, write numbers and figure into ``out``; return the exit maps ``[H, W]``."""
    rows, exits, predictions = [], {}, {}
    for name, answer in WAYS.items():
        torch.manual_seed(0)
        logits, macs = answer(scene, steps)
        row, exits[name], predictions[name] = evaluate(scene, logits, macs)
        rows.append({"network": name, "steps": steps, **row})
    first, second = exits.values()
    for row in rows:
        row["same_exit"] = (first == second)[scene.split == TEST].mean()
    with open(out / "segmentation.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
    draw(scene, exits, predictions, out / "segmentation.png")
    return exits


def indian_pines(prepared: Path, raw: Path) -> Scene:
    x, _ = reduced_scene("indian_pines", prepared, raw)
    known = backdrop("indian_pines", prepared, raw)
    target = np.where(known["truth"] > 0, known["truth"].astype(np.int64) - 1, IGNORED)
    return Scene(x, target, known["split"], [str(name) for name in known["class_names"]])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    parser.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--steps", type=int, default=150)
    given = parser.parse_args()
    run(indian_pines(given.prepared, given.raw), given.out, given.steps)
