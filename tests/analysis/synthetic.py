"""Plausible runs made of random numbers: the whole analysis runs on them in seconds."""

from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from cgt.analysis.evaluation import evaluate_file
from cgt.analysis.summary import aggregate
from cgt.records.files import write_json
from cgt.records.manifest import build_manifest, digests
from cgt.records.predictions import Predictions, SplitPredictions, save_predictions
from cgt.records.reference import Reference, save_reference

SKILL = {  # how hard a sample each exit can still solve
    "single_exit": [1.65],
    "static": [1.15, 1.45, 1.65],
    "branchynet": [1.1, 1.4, 1.6],
    "cascade": [1.1, 1.25, 1.35],
    "classynet": [0.7, 1.3, 1.6],
    "hard_cgt": [1.2, 1.5, 1.65],
    "soft_cgt": [1.25, 1.55, 1.75],
}
LABELS = {
    "fashion_mnist": np.arange(10),
    "indian_pines": np.arange(16),
    "indian_pines_disjoint": np.delete(np.arange(16), [6, 8]),  # too small to be split
}
GATED = {"hard_cgt", "soft_cgt", "my_method"}
WITH_LOGITS = {"branchynet", "cascade", "hard_cgt", "soft_cgt"}
MACS = [200, 550, 1000]


def make_reference(dataset="fashion_mnist", classes=16):
    """The single-exit network costs 1000, the first exit 200."""
    names = tuple(f"class {number}" for number in range(classes))
    return Reference(dataset, "toy", 3, MACS[-1], MACS[0], "images", names)


def make_target(*seed, labels, samples):
    target = np.random.default_rng(seed).choice(labels, samples)
    target[: len(labels)] = labels
    return target


def make_split(rng, method, skill, labels, target):
    exits, classes, samples = len(skill), labels.max() + 1, len(target)
    difficulty = rng.normal(0, 1, samples)
    lead = np.asarray(skill)[:, None] - difficulty + rng.normal(0, 0.25, (exits, samples))
    confidence = (1 / (1 + np.exp(-4 * lead))).astype(np.float32)
    wrong = (target + 1 + rng.integers(0, classes - 1, samples)) % classes
    prediction = np.where(lead > 0.1, target, wrong)
    logits = None
    if method == "static":
        confidence = np.repeat(np.float32(np.arange(1, exits + 1) / exits)[:, None], samples, 1)
    if method in WITH_LOGITS:
        logits = make_logits(rng, prediction, confidence.clip(0.25, 0.9999), classes)
        confidence = np.exp(logits).max(axis=2)
    return SplitPredictions(prediction, confidence, target, np.arange(samples), logits)


def make_logits(rng, prediction, confidence, classes):
    """Logarithms of probabilities [E, N, C]: the prediction's is the confidence."""
    rest = rng.uniform(1, 2, (*prediction.shape, classes))
    np.put_along_axis(rest, prediction[..., None], 0, axis=2)
    p = rest / rest.sum(axis=2, keepdims=True) * (1 - confidence[..., None])
    np.put_along_axis(p, prediction[..., None], confidence[..., None], axis=2)
    return np.log(p).astype(np.float32)


def make_predictions(dataset="fashion_mnist", method="soft_cgt", seed=1, samples=400):
    labels = LABELS[dataset]
    number = list(LABELS).index(dataset)
    rng = np.random.default_rng([number, seed, len(method)])
    skill = np.asarray(SKILL.get(method, SKILL["branchynet"])) + rng.normal(0, 0.05)
    val, test = (
        # All methods answer the same samples.
        make_split(
            rng, method, skill, labels, make_target(number, seed, n, labels=labels, samples=samples)
        )
        for n in range(2)
    )
    macs = np.array(MACS[-len(skill) :])
    if method == "static":
        macs -= np.arange(len(macs)) * 20  # no heads before its own
    return Predictions(val, test, macs)


def make_history(method, seed, epochs=12):
    rng = np.random.default_rng(seed)
    exits = len(SKILL.get(method, SKILL["branchynet"]))
    rows = []
    for epoch in range(1, epochs + 1):
        progress = epoch / epochs
        for e in range(1, exits + 1):
            share = 1 - progress * (e - 1) / exits
            gated = e > 1 and method in GATED
            rows.append(
                {
                    "epoch": epoch,
                    "exit": e,
                    "train_loss": 2 * np.exp(-3 * progress) + 0.1 * rng.random(),
                    "val_accuracy": 0.9 * progress + 0.02 * rng.random(),
                    "mean_weight": share / exits + 0.02 * rng.random(),
                    "mean_eligibility": min(1.0, share + 0.02 * rng.random()) if gated else 1.0,
                    "grad_norm": share * (2 - progress),
                    "val_mean_eligibility": min(1.0, share + 0.1) if gated else 1.0,
                }
            )
    return pd.DataFrame(rows)


def make_gradients(method, seed, epochs=12):
    rng = np.random.default_rng(seed)
    exits = len(SKILL.get(method, SKILL["branchynet"]))
    rows = []
    for epoch in range(1, epochs + 1):
        phase = 1 + (epoch - 1) * exits // epochs
        for stage, exit, other in np.ndindex(exits, exits, exits):
            reached = stage <= exit <= other
            if method == "static":
                reached = stage == exit == other
            if method == "cascade":
                reached = stage == exit == other == phase - 1
            if reached:
                rows.append(
                    {
                        "epoch": epoch,
                        "stage": stage + 1,
                        "exit": exit + 1,
                        "other": other + 1,
                        "norm": (2 - epoch / epochs) / (exit + 1) + 0.05 * rng.random(),
                        "cosine": 1.0 if exit == other else rng.uniform(-0.2, 0.8),
                    }
                )
    return pd.DataFrame(rows)


def make_manifest(folder, dataset, method, seed):
    """Of a run whose files lie in the folder; of what training says of itself, the least."""
    save_file({"weight": np.ones((3, 4), np.float32)}, folder / "model.safetensors")
    own = method.partition(",")[0]
    job = {"dataset": dataset, "method": own, "implementation": own, "seed": seed}
    job |= {"settings": {}, "hyperparameters": {}}
    data = {"prepared": f"{dataset} {seed}"}
    return build_manifest(job, data, 1, 10.0 + seed, digests(folder))


def make_run(runs_dir, dataset, method, seed, samples=400):
    """One complete run folder, evaluated."""
    folder = Path(runs_dir) / dataset / method / str(seed)
    save_predictions(folder / "predictions.npz", make_predictions(dataset, method, seed, samples))
    make_history(method, seed).to_csv(folder / "history.csv", index=False)
    make_gradients(method, seed).to_csv(folder / "gradients.csv", index=False)
    write_json(folder / "manifest.json", make_manifest(folder, dataset, method, seed))
    reference = Path(runs_dir).parent / "reference" / f"{dataset}.json"
    save_reference(reference, make_reference(dataset))
    evaluate_file(folder / "predictions.npz", dataset, method, seed, folder, reference)
    return folder


def make_summary(root, datasets=tuple(LABELS), methods=tuple(SKILL), seeds=(1, 2), samples=300):
    """Run folders and their summary below `root`; returns the summary folder."""
    expected = [(d, m, s) for d in datasets for m in methods for s in seeds]
    for run in expected:
        make_run(root / "runs", *run, samples=samples)
    aggregate(root / "runs", expected, root / "summary")
    return root / "summary"
