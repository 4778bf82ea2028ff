# The paper's table of contents: configuration, stages, targets.
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from cgt.study import plan
from cgt.study.ablation import variants
from cgt.study.config import check_config, check_places, known_defaults, without_removed
from cgt.study.join import joined
from cgt.study.surroundings import refuse_future, refuse_surroundings, refuse_taken
from cgt.study.yaml_files import read_yaml

min_version("9.20")
own_config = f"{workflow.basedir}/config/config.yaml"


class Refused(WorkflowError):
    """What is wrong with what was asked: Snakemake shows the sentence without lines of our code."""

    __traceback__ = None


# Snakemake's reader takes the last of two equal keys, and never ends in an alias of itself.
try:
    refuse_surroundings(workflow.basedir)
    for path in (own_config, *workflow.overwrite_configfiles):
        read_yaml(path)
except (ValueError, OSError) as error:
    raise Refused(str(error)) from None


configfile: own_config


# An overlay removes an entry by setting it to null.
kept = without_removed(config)
config.clear()
config.update(kept)
schema = f"{workflow.basedir}/workflow/schemas/config.schema.yaml"
published = f"{workflow.basedir}/results/published"
try:
    check_config(config, schema)
    check_places(config, published)
    refuse_taken([config["results"], *config["data"].values()])
    raw = [path for dataset in config["datasets"] for path in plan.raw_files(config, dataset)]
    refuse_future([*raw, *Path(workflow.basedir, "cgt").rglob("*.py")])
    # One method beside the published rows: what is run follows from these, see rules/join.smk.
    if "join" in config:
        tables = [f"{folder}/tuning/tuning.csv" for folder in (config["results"], published)]
        kept = joined(config, f"{published}/rows", schema, tables)
        config.clear()
        config.update(kept)
    variants(config, known_defaults(config))
except (ValueError, OSError) as error:
    raise Refused(str(error)) from None


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/external/sklearn_cascade.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/pictures.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/ablation.smk"
include: "workflow/rules/bench_infer.smk"
include: "workflow/rules/bench_entries.smk"
include: "workflow/rules/bench.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/join.smk"


rule all:
    default_target: True
    input:
        rules.aggregate.output,
        rules.conclude.output,
        rules.sample_intervals.output,
        rules.tables.output,
        rules.plots.output,
        rules.pictures.output,
