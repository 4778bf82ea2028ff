# All runs to one tidy CSV per question. Everything below is drawn from these.
SUMMARY_TABLES = [*EVALUATED_TABLES, "training", "gradients", "timings"]


rule aggregate:
    input:
        runs=expand([*rules.train.output, *rules.evaluate.output], zip, **RUN_WILDCARDS),
        external=expand(rules.evaluate.output, zip, **EXTERNAL_WILDCARDS),
        code=code("cgt.analysis.summary"),
    output:
        expand(f"{RESULTS}/summary/{{table}}.csv", table=SUMMARY_TABLES),
    log:
        f"{RESULTS}/logs/aggregate.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input[0], ancestor=4),
        out=subpath(output[0], parent=True),
        runs=RUNS,
        external=EXTERNAL,
    message:
        "Gather all runs"
    shell:
        "python -m cgt aggregate {params.runs:q} --runs {params.folder:q} --out {params.out:q}"
        " --external {params.external:q} > {log:q} 2>&1"


# A second interval for every headline difference, over test samples too: from the predictions.
rule sample_intervals:
    input:
        runs=[
            *expand(rules.train.output.predictions, zip, **RUN_WILDCARDS),
            *expand(rules.train.output.predictions, zip, **EXTERNAL_WILDCARDS),
        ],
        # Where predictions come from elsewhere, they are checked first.
        evaluated=rules.aggregate.output,
        references=expand(rules.reference.output, dataset=DATASETS),
        code=code("cgt.analysis.sample_intervals"),
    output:
        f"{RESULTS}/summary/sample_intervals.csv",
    log:
        f"{RESULTS}/logs/sample_intervals.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input[0], ancestor=4),
        references=lambda wildcards, input: PurePath(input.references[0]).parent,
        runs=RUNS,
    message:
        "Resample differences over seeds and test samples"
    shell:
        "python -m cgt sample-intervals {params.runs:q} --runs {params.folder:q}"
        " --references {params.references:q} --out {output:q} > {log:q} 2>&1"


# No input and no output: it always runs, computes nothing, and looks at what is there. What it has
# to complain about Snakemake shows with the log, so only good news is printed here.
rule check:
    log:
        f"{RESULTS}/logs/check.log",
    conda:
        "../../environment.yml"
    params:
        folder=f"{RESULTS}/runs",
        summary=f"{RESULTS}/summary",
        runs=RUNS,
        external=EXTERNAL,
    message:
        "Check that the results are complete and that the summary follows from them"
    shell:
        "python -m cgt check {params.runs:q} --runs {params.folder:q} --summary {params.summary:q}"
        " --external {params.external:q} > {log:q} 2>&1; cat {log:q}"
