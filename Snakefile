# The paper's table of contents: configuration, stages, targets.
from snakemake.utils import min_version

from cgt.study.config import check_config, check_places, without_removed
from cgt.study.join import joined

min_version("9.20")


configfile: f"{workflow.basedir}/config/config.yaml"


# An overlay removes an entry by setting it to null.
kept = without_removed(config)
config.clear()
config.update(kept)
schema = f"{workflow.basedir}/workflow/schemas/config.schema.yaml"
published = f"{workflow.basedir}/results/published"
check_config(config, schema)
check_places(config, published)
# One method beside the published rows: what is run follows from these, see rules/join.smk.
if "join" in config:
    tables = [f"{config['results']}/tuning/tuning.csv"]
    kept = joined(config, f"{published}/rows", schema, tables)
    config.clear()
    config.update(kept)


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
