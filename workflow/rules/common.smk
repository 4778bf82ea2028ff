# Names and paths that several stages share; what they mean is decided in cgt.study.plan.
import os
import shlex
from glob import glob
from pathlib import PurePath

from cgt.study import plan
from cgt.study.ablation import cells, runs, variants
from cgt.study.code_inputs import data_files, job_files, method_files, module_files
from cgt.study.config import known_defaults, seeds_of
from cgt.study.publish_rows import is_finished
from cgt.study.schema import implementation_of, kind_of
from cgt.study.tuning import trials

ROOT = os.path.relpath(workflow.basedir)
RESULTS = PurePath(config["results"]).as_posix()
PREPARED = PurePath(config["data"]["prepared"]).as_posix()
PUBLISHED = os.path.normpath(f"{ROOT}/results/published")
ROWS, TUNING = f"{PUBLISHED}/rows", f"{PUBLISHED}/tuning"
# Verdicts of the first publication, shown beside the new ones; made by `cgt keep-verdicts`.
FIRST_VERDICTS = glob(f"{PUBLISHED}/first/verdicts.csv")
# Areas of the first publication at learning rates that its search did not try.
LEARNING_RATES = glob(f"{PUBLISHED}/learning_rate/areas.csv")
# What a method that joins the published rows has to know; see cgt.study.join.
JOIN = config.get("join", {})
JOINED = JOIN.get("method", "")
CHECK = JOIN.get("check")

DATASETS = list(config["datasets"])
SCENES = plan.datasets_of_kind(config, "scene")
SAMPLED = plan.datasets_of_kind(config, "images", "signals")
METHODS = list(config["methods"])
# Trained elsewhere: of these the workflow has predictions, no history and no network.
EXTERNAL = config.get("external", [])
SEEDS = {dataset: seeds_of(config, dataset) for dataset in DATASETS}
RUN_WILDCARDS = plan.wildcards_of(plan.runs_of(config, METHODS))
EXTERNAL_WILDCARDS = plan.wildcards_of(plan.runs_of(config, EXTERNAL))
RUNS = [
    "/".join(map(str, run))
    for methods in (METHODS, EXTERNAL)
    for run in plan.runs_of(config, methods)
]

# Names, colours and markers come from cards: a change of one redraws.
STYLES = plan.as_json(plan.styles(config))

# Jobs run this checkout's code, installed or not, wherever the working directory is.
# A prefix of one's own replaces Snakemake's, which makes a failing pipe fail the job: say it again.
# Snakemake formats it: braces in the folder's name are doubled.
here = shlex.quote(str(workflow.basedir)).replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; export PYTHONPATH={here}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; ")


# To hold a limit of jobs per second, Snakemake 9 looks for jobs to start once a second, and once more
# for every job that has ended: after a hundred jobs that costs half a core. Here jobs take seconds.
onstart:
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


wildcard_constraints:
    dataset="|".join(DATASETS),
    method="[a-z][a-z0-9_]*",
    variant=r"[a-z][a-z0-9_]*(,[a-z_]+=[a-z0-9_.-]+)*",
    seed=r"\d+",
    trial=r"\d+",


def relative(files):
    return [os.path.relpath(path) for path in files]


def code(module):
    """Files that a module of the package runs, as inputs: an edit reruns what it can change."""
    return relative(module_files(module))


def training_code(dataset, implementation, *modules):
    """Files that a training job runs: the loop, its own method, network and dataset, no other's."""
    network, kind = config["datasets"][dataset]["network"], kind_of(config, dataset)
    files = [path for module in modules for path in code(module)]
    return sorted({*relative(job_files(implementation, network, dataset, kind)), *files})


def trained_code(wildcards, *modules):
    """Files that answer with trained networks of a dataset. Not the methods': their runs are inputs.

    So an edit of a method reruns this by the runs that it reruns, and of those alone.
    """
    own = {*relative(method_files())}
    files = [path for module in modules for path in code(module)]
    network = config["datasets"][wildcards.dataset]["network"]
    return sorted({*files, *code(f"cgt.networks.{network}"), *data_code(wildcards)} - own)


def data_code(wildcards):
    return relative(data_files(wildcards.dataset, kind_of(config, wildcards.dataset)))


def method_code(wildcards):
    return training_code(wildcards.dataset, implementation_of(config, wildcards.method))


def raw_files(wildcards):
    return plan.raw_files(config, wildcards.dataset)


def raw_place(wildcards):
    return plan.raw_place(config, wildcards.dataset)


def admitted(wildcards):
    """What has to hold before a method that joins the published rows is trained."""
    return [rules.join_admit.output[0].format(**wildcards)] if JOIN else []


def joined_runs(wildcards):
    """Predictions of the joining method at all seeds."""
    if not JOIN:
        raise ValueError("which method joins? Name it: make join METHOD=name")
    return expand(
        rules.train.output.predictions, zip, **plan.wildcards_of(plan.runs_of(config, [JOINED]))
    )


def check_run(wildcards):
    """The published run that is repeated, to see how this machine agrees."""
    return [f"{RESULTS}/runs/{CHECK}/predictions.npz"] if CHECK else []


def verified(wildcards):
    """What the predictions of a method that was trained elsewhere have to pass first."""
    is_external = wildcards.method in EXTERNAL
    return [rules.verify_external.output[0].format(**wildcards)] if is_external else []


def part_of_config(*keys):
    """JSON: what a command reads of the configuration."""
    return plan.as_json({key: config[key] for key in keys if key in config})


def rows_json():
    """What publishing rows reads of the configuration."""
    return part_of_config("datasets", "seeds", "methods", "external", "tuning")


PUBLISHED_ENTRIES = config.get("publish_methods", [*METHODS, *EXTERNAL])
TUNING_TABLES = [f"{RESULTS}/tuning/tuning.csv", f"{TUNING}/tuning.csv"]


def finished_datasets():
    """Datasets on which an entry that is to be published has all its runs."""
    cells = [(dataset, entry) for dataset in DATASETS for entry in PUBLISHED_ENTRIES]
    done = [cell for cell in cells if is_finished(config, RESULTS, *cell)]
    return list(dict.fromkeys(dataset for dataset, _ in done))


TUNED = [dataset for dataset in DATASETS if dataset in config["tuning"]["datasets"]]
# Entries that have another's values are not searched.
SEARCHED = [name for name in METHODS if name not in config["tuning"].get("like", {})]
TUNED_ENTRIES = config.get("tune_methods", SEARCHED)
TUNING_JSON = part_of_config("datasets", "methods", "tuning")
TRIALS = {
    (dataset, method): trials(config, dataset, method) for dataset in TUNED for method in METHODS
}

STUDIED = (config, known_defaults(config))
CELLS, VARIANTS = cells(*STUDIED), variants(*STUDIED)
VARIANT_RUNS = {
    name: [run[i] for run in runs(*STUDIED)]
    for i, name in enumerate(("dataset", "variant", "seed"))
}
ABLATED_DATASETS = list(dict.fromkeys(cell.dataset for cell in CELLS))

# What the speed of training is measured on.
BENCH_DATASETS = [name for name in ("fashion_mnist", "indian_pines") if name in DATASETS]
BENCH_METHODS = [name for name in ("branchynet", "soft_cgt", "hard_cgt") if name in METHODS]


def at_first_seed(datasets):
    """Wildcards of each dataset at the first of its seeds."""
    return {"dataset": datasets, "seed": [SEEDS[dataset][0] for dataset in datasets]}


def first_seed(wildcards):
    return SEEDS[wildcards.dataset][0]


def run_priority(wildcards):
    """Seed by seed, so that a run cut short is complete for some seeds; long jobs first in each.

    The datasets stand in the configuration by falling run time. First of all the published run that
    a joining method repeats: it says what the others are worth.
    """
    if f"{wildcards.dataset}/{wildcards.method}/{wildcards.seed}" == CHECK:
        return len(DATASETS) * (max(map(len, SEEDS.values())) + 2)
    seeds = SEEDS[wildcards.dataset]
    last = max(map(len, SEEDS.values()))
    turn = seeds.index(int(wildcards.seed)) if int(wildcards.seed) in seeds else last
    return len(DATASETS) * (last - turn + 1) - DATASETS.index(wildcards.dataset)


def trial(wildcards):
    return TRIALS[wildcards.dataset, wildcards.method][int(wildcards.trial)]


def trial_settings(wildcards):
    """The same schedule for every entry, at the trial's learning rate and label smoothing."""
    epochs = config["tuning"]["datasets"][wildcards.dataset]["epochs"]
    changes = {"epochs": epochs, **plan.shared_settings(trial(wildcards))}
    return plan.job_settings(config, wildcards.dataset, wildcards.method, **changes)


def bench_jobs(methods, datasets=BENCH_DATASETS):
    """JSON: full-size training jobs at the first seed, by dataset."""
    jobs = [plan.full_job(config, d, method) for d in datasets for method in methods]
    return plan.as_json(jobs)


def variant(wildcards):
    return VARIANTS[wildcards.dataset, wildcards.variant]


def variant_settings(wildcards):
    """The dataset's, the schedule of the ablation, learning rate and label smoothing of the variant."""
    shortened = config["ablation"].get("epochs", {}).get(wildcards.dataset)
    changes = {
        **({"epochs": shortened} if shortened else {}),
        "lr": variant(wildcards).hyperparameters["lr"],
        "label_smoothing": variant(wildcards).label_smoothing,
    }
    return plan.training_settings(config, wildcards.dataset, **changes)


def shown(path, caption, category, shows, question):
    """An output that the report shows, with a caption of workflow/report."""
    # The report makes a switch of a label, other than the first, that has two values in a list, and
    # fails if the list has no entry for both. It never makes two switches: of the labels behind the
    # first, two differ from file to file.
    labels = {"question": question, "shows": shows, "file": PurePath(path).name}
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)
