# What a full run leaves in the repository. The log is shown: it names what stays although edited.
rule publish:
    input:
        rules.aggregate.output,
        rules.conclude.output,
        rules.sample_intervals.output,
        rules.tables.output,
        rules.plots.output,
        rules.pictures.output,
    log:
        f"{RESULTS}/logs/publish.log",
    conda:
        "../../environment.yml"
    params:
        results=subpath(input[0], ancestor=2),
        runs=RUNS,
        external=EXTERNAL,
        out=PUBLISHED,
    message:
        "Copy the results to results/published"
    shell:
        "python -m cgt publish {params.runs:q} --results {params.results:q} --out {params.out:q}"
        " --external {params.external:q} > {log:q} 2>&1; cat {log:q}"


# Entry by entry, from runs that are there: nothing is trained. What is not finished the log says.
rule publish_rows:
    input:
        prepared=lambda wildcards: [
            rules.prepare.output[0].format(dataset=dataset, seed=seed)
            for dataset in finished_datasets()
            for seed in SEEDS[dataset]
        ],
        references=lambda wildcards: expand(rules.reference.output, dataset=finished_datasets()),
    log:
        f"{RESULTS}/logs/publish_rows.log",
    conda:
        "../../environment.yml"
    params:
        entries=PUBLISHED_ENTRIES,
        config=rows_json(),
        results=RESULTS,
        prepared=PREPARED,
        tuning=TUNING_TABLES,
        marked=[f"--marked={config['publish_mark']}"] if "publish_mark" in config else [],
        out=ROWS,
    message:
        "Put the rows of finished entries into results/published/rows"
    shell:
        "python -m cgt publish-rows {params.entries:q} --config {params.config:q}"
        " --results {params.results:q} --prepared {params.prepared:q}"
        " --tuning {params.tuning:q} {params.marked:q} --out {params.out:q}"
        " > {log:q} 2>&1; cat {log:q}"
