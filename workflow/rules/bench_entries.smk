# What each entry costs beside BranchyNet: training and answering. Measured, so one at a time.


rule bench_entries:
    input:
        code=lambda wildcards: trained_code(wildcards, "cgt.bench.entries"),
        raw=raw_files,
        prepared=lambda wildcards: expand(
            rules.prepare.output, dataset=wildcards.dataset, seed=first_seed(wildcards)
        ),
        runs=lambda wildcards: expand(
            [
                rules.train.output.predictions,
                rules.train.output.manifest,
                rules.train.output.model,
                f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/operating_points.csv",
            ],
            dataset=wildcards.dataset,
            method=METHODS,
            seed=first_seed(wildcards),
        ),
    output:
        table=f"{RESULTS}/benchmarks/entries_{{dataset}}.csv",
        machine=f"{RESULTS}/benchmarks/entries_{{dataset}}.json",
    log:
        f"{RESULTS}/logs/bench/entries_{{dataset}}.log",
    conda:
        "../../environment.yml"
    # All of them, so that nothing runs beside it; it uses one.
    threads: lambda wildcards: workflow.cores
    params:
        jobs=lambda wildcards: bench_jobs(METHODS, [wildcards.dataset]),
        runs=lambda wildcards, input: PurePath(input.runs[0]).parents[3].as_posix(),
    message:
        "Measure what each entry costs on {wildcards.dataset}"
    shell:
        "OMP_NUM_THREADS=1 python -m cgt bench entries --jobs {params.jobs:q}"
        " --runs {params.runs:q} --out {output.table:q} > {log:q} 2>&1"
