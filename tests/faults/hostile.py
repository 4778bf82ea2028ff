"""Every subcommand of `cgt` with sound arguments, and what accidents make of them.

`orders` gives the sound ones: a path is an input, a `str` a word, an `Out` a place to write to.
`damaged` changes one of them: another word, none, or an input that is not what it should be.
"""

import contextlib
import json
import os
import random
import re
import shutil
from pathlib import Path

import numpy as np

from cgt.study.config import load_config

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"
METHODS = ("soft_cgt", "static", "branchynet")
SETTINGS = {"network": "compact_scene", "epochs": 1, "batch_size": 32, "lr": 0.05}


SEARCH = json.dumps(
    {
        "datasets": {"indian_pines": {}},
        "methods": {"branchynet": {"indian_pines": {}}},
        "tuning": {
            "datasets": {"indian_pines": {"trials": 2}},
            "space": {"lr": [0.1, 0.2], "label_smoothing": [0.0]},
            "first": {"lr": 0.1, "label_smoothing": 0.0},
        },
    }
)


class Out(str):
    """A place to write to, below the case's own folder."""


def _job(world, method="soft_cgt"):
    return [
        *("--dataset", "indian_pines", "--method", method, "--seed", "1"),
        *("--prepared", world / "prepared/indian_pines/1.npz", "--raw", world / "raw/indian_pines"),
        *("--settings", json.dumps(SETTINGS), "--hyperparameters", "{}"),
    ]


def orders_of_search(world):
    trials = [world / f"searches/{trial}.json" for trial in (0, 1)]
    whose = ("--dataset", "indian_pines", "--method", "branchynet")
    return ["tune-entry", *trials, *whose, "--config", SEARCH]


def orders(world):
    """Arguments by command, for the files that `make_world` has laid out."""
    prepared, raw = world / "prepared/indian_pines/1.npz", world / "raw/indian_pines"
    run, runs = world / "runs/indian_pines/soft_cgt/1", world / "runs"
    predictions, reference = run / "predictions.npz", world / "reference/indian_pines.json"
    summary, out = world / "summary", Out("out")
    named = [f"indian_pines/{method}/1" for method in METHODS]
    own = ["--summary", world / "own/summary"]
    whose = ["--dataset", "indian_pines", "--method", "soft_cgt", "--seed", "1"]
    data = ["--prepared", prepared, "--raw", raw]
    config = (world / "config.json").read_text()
    job = {"dataset": "indian_pines", "method": "soft_cgt", "implementation": "soft_cgt", "seed": 1}
    job |= {"prepared": str(prepared), "raw_dir": str(raw), "settings": SETTINGS}
    jobs = json.dumps([{**job, "hyperparameters": {}}])
    points = world / "summary/operating_points.csv"
    asked = json.dumps(
        {"method": "soft_cgt", "tuned": {"indian_pines": "no"}, "check": None, "left_out": []}
    )
    places = ["--config", config, "--results", world, "--prepared", world / "prepared"]
    return {
        "config": [
            *("config", world / "config.json", "--schema"),
            str(ROOT / "workflow/schemas/config.schema.yaml"),
        ],
        "download": ["download", "indian_pines", "--out", raw],
        "prepare": [
            *("prepare", "indian_pines", "--seed", "1", "--raw", raw, "--out", out),
            *("--limit", "160", "--patch", "5", "--components", "4"),
        ],
        "audit": ["audit", f"indian_pines={prepared}", "--raw", raw, "--out", out],
        "train": ["train", *_job(world), "--out", out, "--checkpoints", Out("checkpoints")],
        "tune-trial": [
            *("tune-trial", *_job(world), "--trial", "0", "--reference", reference),
            *("--work", Out("work"), "--out", out),
        ],
        "tune-entry": [*orders_of_search(world), "--out", out],
        "tune-show": ["tune-show", world / "searches", "--config", SEARCH, "--out", out],
        "publish-tuning": ["publish-tuning", world / "searches", "--config", SEARCH, "--out", out],
        "reference": [
            *("reference", "indian_pines", *data, "--network", "compact_scene", "--exits", "3"),
            *("--out", out),
        ],
        "evaluate": ["evaluate", predictions, *whose, "--reference", reference, "--out", out],
        "verify-predictions": [
            *("verify-predictions", predictions, "--dataset", "indian_pines", "--seed", "1", *data),
        ],
        "verify": [
            *(
                "verify",
                world / "elsewhere",
                "--prepared",
                world / "prepared",
                "--raw",
                world / "raw",
            ),
            *("--references", world / "reference", "--rows", world / "rows"),
        ],
        "aggregate": ["aggregate", *named, "--runs", runs, "--out", out],
        "check": ["check", *named, "--runs", runs, *own],
        "compare": ["compare", summary, summary],
        "keep-verdicts": ["keep-verdicts", summary / "claims.csv", "--out", out],
        "sample-intervals": [
            *("sample-intervals", *named, "--runs", runs, "--references", world / "reference"),
            *("--out", out),
        ],
        "conclude": ["conclude", *own, "--out", out],
        "tables": ["tables", "--summary", summary, "--out", out],
        "figures": ["figures", *own, "--out", out, "--jobs", "1"],
        "leaderboard": ["leaderboard", world / "published", "--out", out],
        "networks": ["networks", *(runs / name for name in named[1:]), "--out", out],
        "ablation-effects": [
            *("ablation-effects", "--summary", summary, "--cells", "[]", "--out", out),
        ],
        "ablation-draw": ["ablation-draw", "--summary", world / "ablation/summary", "--out", out],
        "scene": [
            *("scene", run, "--dataset", "indian_pines", "--shown", "soft_cgt", *data),
            *("--step", "8", "--out", out),
        ],
        "collect-gallery": [
            *("collect-gallery", predictions, *whose, *data, "--reference", reference),
            *("--out", out),
        ],
        "confusion": [
            *("confusion", *named, "--runs", runs, "--references", reference, "--out", out),
        ],
        "pictures": ["pictures", "--summary", summary, "--out", out, "--shown", "soft_cgt"],
        "publish": ["publish", *named, "--results", world / "own", "--out", out],
        "data-card": ["data-card", world / "data_card", "--citation", world / "CITATION.cff"],
        "archive": ["archive", "--runs", runs, "--out", out],
        "publish-bench": ["publish-bench", world / "benchmarks", "--out", out],
        "publish-list": ["publish-list", world / "published", world / "published/a.csv"],
        "readme": ["readme", world / "README.md", "--tables", world / "tables"],
        "export": ["export", run, "--dataset", "indian_pines", *data, "--out", out],
        "publish-rows": ["publish-rows", "soft_cgt", *places, "--out", out],
        "join-admit": [
            *("join-admit", "indian_pines", "--config", config, "--rows", world / "rows"),
            *("--reference", reference, "--prepared", world / "prepared"),
        ],
        "join": ["join", asked, *places, "--rows", world / "rows", "--out", out],
        "bench infer": [
            *("bench", "infer", "soft_cgt", "--dataset", "indian_pines", "--seed", "1", *data),
            *("--runs", runs, "--points", points, "--out", out),
        ],
        "bench device": [
            *("bench", "device", "--points", points, "--networks", "nonsense", "--out", out),
        ],
        "bench train": ["bench", "train", "--jobs", jobs, "--repeats", "1", "--out", out],
        "bench entries": ["bench", "entries", "--jobs", jobs, "--runs", runs, "--out", out],
        "bench scaling": ["bench", "scaling", "--repeats", "0", "--out", out],
        "bench pipeline": [
            *("bench", "pipeline", "--snakefile", world / "Snakefile", "--jobs", jobs),
            *("--raw", raw, "--out", out),
        ],
        "bench page": ["bench", "page", world / "benchmarks"],
        "bench draw": [
            *("bench", "draw", world / "benchmarks/infer_indian_pines.csv", "--out", out),
        ],
    }


def make_world(world, data, call):
    """Lay out inputs of all commands: raw and prepared data, runs, and what is published.

    data: folder with `raw` and `prepared.npz`. call: runs a command and returns its exit code.
    """
    for place in ("prepared/indian_pines", "elsewhere/indian_pines/mine/1", "own", "published"):
        (world / place).mkdir(parents=True)
    shutil.copytree(data / "raw", world / "raw/indian_pines")
    prepared, reference = (
        world / "prepared/indian_pines/1.npz",
        world / "reference/indian_pines.json",
    )
    shutil.copy(data / "prepared.npz", prepared)
    where = ["--prepared", prepared, "--raw", world / "raw/indian_pines"]
    _run(
        call, "reference", "indian_pines", *where, "--network", "compact_scene", "--out", reference
    )
    for method in METHODS:
        run = world / f"runs/indian_pines/{method}/1"
        _run(
            call,
            "train",
            *_job(world, method),
            "--out",
            run,
            "--checkpoints",
            world / "checkpoints",
        )
        whose = ["--dataset", "indian_pines", "--method", method, "--seed", 1]
        how = ["--reference", reference, "--out", run]
        _run(call, "evaluate", run / "predictions.npz", *whose, *how)
    shutil.copy(run / "predictions.npz", world / "elsewhere/indian_pines/mine/1")
    named = [f"indian_pines/{method}/1" for method in METHODS]
    own = world / "own/summary"
    _run(call, "aggregate", *named, "--runs", world / "runs", "--out", own)
    _run(call, "conclude", "--summary", own, "--out", own)
    (world / "own/runs").symlink_to(world / "runs")
    for part in ("tables", "figures"):
        (world / "own" / part).mkdir()
        shutil.copy(PUBLISHED / "tables/table_1.md", world / "own" / part)
    for name in ("summary", "rows", "tables", "benchmarks", "ablation"):
        shutil.copytree(PUBLISHED / name, world / name)
    for name in ("rows", "benchmarks"):
        (world / "published" / name).symlink_to(world / name)
    (world / "published/a.csv").write_text("a\n1\n")
    (world / "searches/indian_pines").mkdir(parents=True)
    for trial in (0, 1):
        settings = {"lr": 0.1 + trial / 10, "label_smoothing": 0.0, "exit_weights": "equal"}
        record = {"trial": trial, "seed": 9, "settings": settings, "score": 0.5}
        (world / f"searches/{trial}.json").write_text(json.dumps(record))
    search = orders_of_search(world)
    _run(call, *search, "--out", world / "searches/indian_pines/branchynet.csv")
    shutil.copy(ROOT / "Snakefile", world)
    shutil.copy(ROOT / "CITATION.cff", world)
    shutil.copytree(PUBLISHED / "summary", world / "data_card/summary")
    shutil.copy(ROOT / "config/README.md", world / "README.md")
    config = load_config(ROOT / "config/config.yaml")
    config["datasets"] = {"indian_pines": config["datasets"]["indian_pines"]}
    config["seeds"] = [1]
    (world / "config.json").write_text(json.dumps(config))
    return world


def _run(call, *words):
    assert call(list(map(str, words))) == 0, words


WORDS = (
    *("", " ", "-", "--", "nonsense", "0", "-1", "1.5", "1e9", "999999999999999999999", "nan"),
    *("[]", "{}", "null", "[1]", '{"a": 1}', '[{"a": 1}]', '"x"', "{", "[[]]", "a/b/c", "a/b/1"),
    *("../../x/1", "\u0000".replace("\u0000", "\ufffd"), "ü" * 300, "indian_pines/none/1", "a\nb"),
    *("fashion_mnist", "single_exit", "[null]", '{"settings": [], "method": {}}', "true"),
)
JSONS = ("[]", "{}", "null", "1", '"x"', "[1]", "[[]]", '{"a": null}', "{", "[" * 5000, "NaN")
TEXTS = (
    *("", "\n", "a,b\n1,2\n", "dataset,method,seed\n", "a,a\n1,1\n", "\ufeff", '"', "a,b\n1,2,3\n"),
    *("dataset,method,seed\nx,y,z\n", "<!DOCTYPE html>", "a" * 100_000),
)


def damaged(words, chance, folder):
    """One accident of the words of an order; inputs are damaged in `folder`."""
    words = list(words)
    number = chance.randrange(1, len(words))
    word = words[number]
    if isinstance(word, Path):
        words[number] = _bad_input(word, chance, folder)
    elif isinstance(word, Out):
        words[number] = _bad_output(chance, folder)
    elif chance.random() < 0.15:
        del words[number]
    elif "=" in word and "/" in word:
        name, _, path = word.partition("=")
        words[number] = f"{name}={_bad_input(Path(path), chance, folder)}"
    elif word.startswith("{") and chance.random() < 0.7:
        words[number] = _other_json(word, chance)
    else:
        words[number] = chance.choice(WORDS)
    return words


FOREIGN = ("nothing", "an empty file", "an empty folder", "a page")


def foreign(words, kind, folder):
    """The first input of an order replaced by what is none; None if an order has no input."""
    words = list(words)
    inputs = [number for number, word in enumerate(words) if isinstance(word, Path)]
    if not inputs:
        return None
    path = folder / f"foreign{words[inputs[0]].suffix}"
    match kind:
        case "an empty file":
            path.touch()
        case "an empty folder":
            path.mkdir()
        case "a page":
            path.write_text("<!DOCTYPE html>")
    words[inputs[0]] = path
    return words


def placed(words, folder):
    return [str(folder / word) if isinstance(word, Out) else str(word) for word in words]


def _bad_output(chance, folder):
    path = folder / "taken"
    match chance.randrange(3):
        case 0:
            path.write_text("a file")
        case 1:
            path.mkdir()
            (path / "inside").mkdir()
        case 2:
            path.symlink_to(folder / "nowhere/at/all")
    return path if chance.random() < 0.7 else path / "below"


def _bad_input(path, chance, folder):
    bad = folder / f"bad{path.suffix}"
    if path.is_dir() and chance.random() < 0.8:
        _link_tree(path, bad)
        files = sorted(p for p in bad.rglob("*") if not p.is_dir())
        for file in chance.sample(files, min(len(files), chance.choice([1, 1, 1, 5]))):
            real = file.resolve()
            file.unlink()
            _spoil(file, real, chance)
        return bad
    if path.is_dir():
        match chance.randrange(3):
            case 0:
                bad.mkdir()
            case 1:
                bad.write_text("a file")
            case 2:
                pass
        return bad
    _spoil(bad, path, chance)
    return bad


def _link_tree(source, target):
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.is_dir():
            _link_tree(path, target / path.name)
        else:
            (target / path.name).symlink_to(path.resolve())


def _spoil(file, real, chance):
    """Write to `file` what an accident could make of `real`; perhaps nothing."""
    data = real.read_bytes()
    match chance.randrange(9):
        case 0:
            return
        case 1:
            file.mkdir()
        case 2:
            file.symlink_to(file.with_name("nowhere"))
        case 3:
            file.write_bytes(chance.randbytes(200))
        case 4:
            file.write_text(chance.choice(JSONS), encoding="utf-8")
        case 5:
            file.write_text(chance.choice(TEXTS), encoding="utf-8")
        case 6:
            file.write_bytes(data[: chance.randrange(len(data) + 1)])
        case _ if real.suffix == ".csv":
            file.write_text(_other_csv(data.decode(), chance), encoding="utf-8")
        case _ if real.suffix == ".json":
            file.write_text(_other_json(data.decode(), chance), encoding="utf-8")
        case _ if real.suffix == ".npz":
            with np.load(real, allow_pickle=False) as archive:
                arrays = dict(archive)
            name = chance.choice(sorted(arrays))
            arrays[name] = chance.choice(
                [np.zeros(0), np.array("x"), np.full((2, 2), np.nan), np.array([[1]]), np.arange(7)]
            )
            if chance.random() < 0.3:
                del arrays[name]
            np.savez(file, **arrays)
        case _:
            file.write_bytes(b"\0" * len(data))


def _other_csv(text, chance):
    lines = [line.split(",") for line in text.splitlines()]
    row, column = chance.randrange(len(lines)), chance.randrange(len(lines[0]))
    values = ["", "nan", "inf", "-1", "1e400", "x", "0", "999999999999999999999", "[]"]
    match chance.randrange(4):
        case 0:
            lines = [line[:column] + line[column + 1 :] for line in lines]
        case 1:
            lines = lines[: chance.choice([1, 2])]
        case 2:
            for line in lines[1:]:
                line[min(column, len(line) - 1)] = chance.choice(values)
        case 3:
            lines[row][min(column, len(lines[row]) - 1)] = chance.choice(values)
    return "".join(",".join(line) + "\n" for line in lines)


def _other_json(text, chance):
    value = json.loads(text)
    if not isinstance(value, dict | list) or not value:
        return chance.choice(JSONS)
    inner = value
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = chance.choice(keys)
        child = inner[key]
        if isinstance(child, dict | list) and child and chance.random() < 0.6:
            inner = child
            continue
        if chance.random() < 0.4:
            del inner[key]
        else:
            inner[key] = chance.choice([None, [], {}, "x", -1, 1e300, True, [[1]], {"a": 1}, ""])
        return json.dumps(value)


@contextlib.contextmanager
def case(world, name, number, folder):
    """Words of one case in its own folder."""
    folder.mkdir()
    before = os.getcwd()
    os.chdir(folder)
    try:
        chance = random.Random(f"{name} {number}")
        yield placed(damaged(orders(world)[name], chance, folder), folder)
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def _names():
    source = (Path(__file__).read_text()).partition("def orders")[2].partition("def make_world")[0]
    return re.findall(r'^        "([a-z -]+)": \[', source, flags=re.MULTILINE)


NAMES = _names()
"""Of all commands, for parametrizing before there is a world."""
