# Names, paths and settings that several stages share.
import json
import os
import shlex
from pathlib import PurePath
from types import SimpleNamespace

from cgt.study.ablation import cells, runs, variants
from cgt.study.config import known_defaults, seeds_of
from cgt.study.code_inputs import module_files
from cgt.study.tuning import trials

ROOT = os.path.relpath(workflow.basedir)
RESULTS = PurePath(config["results"]).as_posix()
RAW = PurePath(config["data"]["raw"]).as_posix()
PREPARED = PurePath(config["data"]["prepared"]).as_posix()
PUBLISHED = os.path.normpath(f"{ROOT}/results/published")

DATASETS = list(config["datasets"])
METHODS = list(config["methods"])
# Trained elsewhere: of these the workflow has predictions, no history and no network.
EXTERNAL = config.get("external", [])
ALL_METHODS = list(schema["properties"]["methods"]["properties"])
SEEDS = {dataset: seeds_of(config, dataset) for dataset in DATASETS}
RUN_WILDCARDS, EXTERNAL_WILDCARDS = (
    {
        "dataset": [d for d in DATASETS for _ in methods for _ in SEEDS[d]],
        "method": [method for d in DATASETS for method in methods for _ in SEEDS[d]],
        "seed": [seed for d in DATASETS for _ in methods for seed in SEEDS[d]],
    }
    for methods in (METHODS, EXTERNAL)
)
RUNS = [
    run
    for wildcards in (RUN_WILDCARDS, EXTERNAL_WILDCARDS)
    for run in expand("{dataset}/{method}/{seed}", zip, **wildcards)
]

# Jobs run this checkout's code, installed or not, wherever the working directory is.
# A prefix of one's own replaces Snakemake's, which makes a failing pipe fail the job: say it again.
# Snakemake formats it: braces in the folder's name are doubled.
here = shlex.quote(str(workflow.basedir)).replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; export PYTHONPATH={here}; ")


# To hold a limit of jobs per second, Snakemake 9 looks for jobs to start once a second, and once more
# for every job that has ended: after a hundred jobs that costs half a core. Here jobs take seconds.
onstart:
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


wildcard_constraints:
    dataset="|".join(DATASETS),
    method="[a-z][a-z0-9_]*",
    seed=r"\d+",
    trial=r"\d+",


def code(module):
    """Files that a module of the package runs, as inputs: an edit reruns what it can change."""
    return [os.path.relpath(path) for path in module_files(module)]


def method_code(method):
    return os.path.normpath(f"{ROOT}/cgt/methods/{method}.py")


def shared_code(module):
    """What all methods share: the code of a module without the methods' own files.

    Nor the list of methods: one more method changes nothing for the others.
    """
    own = {method_code(method) for method in [*ALL_METHODS, "__init__"]}
    return [path for path in code(module) if path not in own]


def training_code():
    return shared_code("cgt.training.loop")


def raw_files(dataset):
    folder = {"indian_pines_disjoint": "indian_pines"}.get(dataset, dataset)
    names = {
        "fashion_mnist": [
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        ],
        "indian_pines": ["cube.npy", "ground_truth.npy"],
    }
    return [f"{RAW}/{folder}/{name}" for name in names[folder]]


SCENES = [dataset for dataset in DATASETS if dataset.startswith("indian_pines")]
TUNED = [dataset for dataset in DATASETS if dataset in config["tuning"]["datasets"]]
TRIALS = {
    (dataset, method): trials(config["tuning"], dataset, method)
    for dataset in TUNED
    for method in METHODS
}

STUDIED = (config, known_defaults(schema))
CELLS, VARIANTS = cells(*STUDIED), variants(*STUDIED)
VARIANT_RUNS = {
    name: [run[i] for run in runs(*STUDIED)] for i, name in enumerate(("dataset", "method", "seed"))
}
VARIANT_NAME = r"[a-z][a-z0-9_]*(,[a-z_]+=[a-z0-9_.-]+)*"
ABLATED_DATASETS = list(dict.fromkeys(cell.dataset for cell in CELLS))
PREPARE_OPTIONS = ("limit", "patch", "components")

# What the speed of training is measured on.
BENCH_DATASETS = [name for name in ("fashion_mnist", "indian_pines") if name in DATASETS]
BENCH_METHODS = [name for name in ("branchynet", "soft_cgt", "hard_cgt") if name in METHODS]


def at_first_seed(datasets):
    """Wildcards of each dataset at the first of its seeds."""
    return {"dataset": datasets, "seed": [SEEDS[dataset][0] for dataset in datasets]}


def folder_of_raw(wildcards, input):
    return PurePath(input.raw[0]).parent.as_posix()


def prepare_options(dataset):
    """Command-line options of `cgt prepare` for what the configuration sets."""
    settings = config["datasets"][dataset]
    given = {name: settings.get(name) for name in PREPARE_OPTIONS}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


def training_settings(dataset, **changes):
    """JSON of what all methods share on a dataset; a change of it reruns the dataset's jobs."""
    settings = {
        name: value
        for name, value in config["datasets"][dataset].items()
        if name not in PREPARE_OPTIONS
    }
    return json.dumps({**settings, **changes}, sort_keys=True)


def run_priority(wildcards):
    """Seed by seed, so that a run cut short is complete for some seeds; long jobs first in each.

    The datasets stand in the configuration by falling run time.
    """
    seeds = SEEDS[wildcards.dataset]
    last = max(map(len, SEEDS.values()))
    turn = seeds.index(int(wildcards.seed)) if int(wildcards.seed) in seeds else last
    return len(DATASETS) * (last - turn + 1) - DATASETS.index(wildcards.dataset)


def job_settings(wildcards):
    lr = config["methods"][wildcards.method][wildcards.dataset]["lr"]
    return training_settings(wildcards.dataset, lr=lr)


def job_hyperparameters(wildcards):
    return without_lr(config["methods"][wildcards.method][wildcards.dataset])


def without_lr(settings):
    own = {name: value for name, value in settings.items() if name != "lr"}
    return json.dumps(own, sort_keys=True)


def trial_settings(wildcards):
    """The same shortened schedule for every method."""
    epochs = config["tuning"]["datasets"][wildcards.dataset]["epochs"]
    return training_settings(wildcards.dataset, epochs=epochs, lr=trial(wildcards)["lr"])


def trial_hyperparameters(wildcards):
    return without_lr(trial(wildcards))


def trial(wildcards):
    return TRIALS[wildcards.dataset, wildcards.method][int(wildcards.trial)]


def bench_jobs(methods):
    """JSON: full-size training jobs at the first seed, by dataset."""
    jobs = []
    for dataset in BENCH_DATASETS:
        for method in methods:
            run = SimpleNamespace(dataset=dataset, method=method)
            job = {
                "dataset": dataset,
                "method": method,
                "seed": SEEDS[dataset][0],
                "prepared": f"{PREPARED}/{dataset}/{SEEDS[dataset][0]}.npz",
                "raw_dir": PurePath(raw_files(dataset)[0]).parent.as_posix(),
                "settings": json.loads(job_settings(run)),
                "hyperparameters": json.loads(job_hyperparameters(run)),
            }
            jobs.append(job)
    return json.dumps(jobs, sort_keys=True)


def variant(wildcards):
    return VARIANTS[wildcards.dataset, wildcards.method]


def variant_settings(wildcards):
    """The dataset's, the schedule of the ablation, learning rate and label smoothing of the variant."""
    shortened = config["ablation"].get("epochs", {}).get(wildcards.dataset)
    changes = {
        **({"epochs": shortened} if shortened else {}),
        "lr": variant(wildcards).hyperparameters["lr"],
        "label_smoothing": variant(wildcards).label_smoothing,
    }
    return training_settings(wildcards.dataset, **changes)


def variant_hyperparameters(wildcards):
    return without_lr(variant(wildcards).hyperparameters)


def shown(path, caption, category, shows, question):
    """An output that the report shows, with a caption of workflow/report."""
    # The report makes a switch of a label, other than the first, that has two values in a list, and
    # fails if the list has no entry for both. It never makes two switches: of the labels behind the
    # first, two differ from file to file.
    labels = {"question": question, "shows": shows, "file": PurePath(path).name}
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)
