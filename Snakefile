# The paper's table of contents: configuration, stages, targets.
from snakemake.utils import min_version

from cgt.study.config import check_config, check_places, without_removed

min_version("9.20")


configfile: f"{workflow.basedir}/config/config.yaml"


# An overlay removes an entry by setting it to null.
kept = without_removed(config)
config.clear()
config.update(kept)
check_config(config, f"{workflow.basedir}/workflow/schemas/config.schema.yaml")
check_places(config, f"{workflow.basedir}/results/published")


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


rule all:
    default_target: True
    input:
        rules.aggregate.output,
        rules.conclude.output,
        rules.tables.output,
        rules.plots.output,
        rules.pictures.output,
