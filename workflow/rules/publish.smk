# What a full run leaves in the repository. The log is shown: it names what stays although edited.
rule publish:
    input:
        rules.aggregate.output,
        rules.conclude.output,
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
