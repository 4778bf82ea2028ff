"""Plausible runs made of random numbers: the whole analysis runs on them in seconds."""

from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.evaluation import evaluate_file
from cgt.analysis.summary import aggregate
from cgt.files import write_json
from cgt.predictions import Predictions, SplitPredictions, save_predictions

SKILL = {  # how hard a sample each exit can still solve
    "single_exit": [1.65],
    "branchynet": [1.1, 1.4, 1.6],
    "cascade": [1.1, 1.25, 1.35],
    "classynet": [0.7, 1.3, 1.6],
    "hard_cgt": [1.2, 1.5, 1.65],
    "soft_cgt": [1.25, 1.55, 1.75],
}
CLASSES = {"fashion_mnist": 10, "indian_pines": 16}
MACS = [200, 550, 1000]


def make_split(rng, skill, classes, samples):
    target = rng.integers(0, classes, samples)
    target[:classes] = np.arange(classes)
    difficulty = rng.normal(0, 1, samples)
    margin = np.asarray(skill)[:, None] - difficulty + rng.normal(0, 0.25, (len(skill), samples))
    confidence = (1 / (1 + np.exp(-4 * margin))).astype(np.float32)
    wrong = (target + 1 + rng.integers(0, classes - 1, samples)) % classes
    prediction = np.where(margin > 0.1, target, wrong)
    return SplitPredictions(prediction, confidence, target, np.arange(samples))


def make_predictions(dataset="fashion_mnist", method="soft_cgt", seed=1, samples=400):
    rng = np.random.default_rng([sorted(CLASSES).index(dataset), seed, len(method)])
    skill = np.asarray(SKILL.get(method, SKILL["branchynet"])) + rng.normal(0, 0.05)
    macs = np.array(MACS[-len(skill) :])
    val, test = (make_split(rng, skill, CLASSES[dataset], samples) for _ in range(2))
    return Predictions(val, test, macs)


def make_history(method, seed, epochs=12):
    rng = np.random.default_rng(seed)
    exits = len(SKILL.get(method, SKILL["branchynet"]))
    rows = []
    for epoch in range(1, epochs + 1):
        progress = epoch / epochs
        for e in range(1, exits + 1):
            share = 1 - progress * (e - 1) / exits
            rows.append(
                {
                    "epoch": epoch,
                    "exit": e,
                    "train_loss": 2 * np.exp(-3 * progress) + 0.1 * rng.random(),
                    "val_accuracy": 0.9 * progress + 0.02 * rng.random(),
                    "mean_weight": share / exits + 0.02 * rng.random(),
                    "active_share": min(1.0, share + 0.02 * rng.random()) if e > 1 else 1.0,
                    "grad_norm": share * (2 - progress),
                }
            )
    return pd.DataFrame(rows)


def make_run(runs_dir, dataset, method, seed, samples=400):
    """One complete run folder, evaluated."""
    folder = Path(runs_dir) / dataset / method / str(seed)
    save_predictions(folder / "predictions.npz", make_predictions(dataset, method, seed, samples))
    make_history(method, seed).to_csv(folder / "history.csv", index=False)
    write_json(folder / "manifest.json", {"wall_seconds": 10.0 + seed})
    evaluate_file(folder / "predictions.npz", dataset, method, seed, folder)
    return folder


def make_summary(root, datasets=tuple(CLASSES), methods=tuple(SKILL), seeds=(1, 2), samples=300):
    """Run folders and their summary below `root`; returns the summary folder."""
    expected = [(d, m, s) for d in datasets for m in methods for s in seeds]
    for run in expected:
        make_run(root / "runs", *run, samples=samples)
    aggregate(root / "runs", expected, root / "summary")
    return root / "summary"
