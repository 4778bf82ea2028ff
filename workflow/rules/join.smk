# One method beside all published rows: `make join METHOD=name`. The Snakefile has made the
# configuration of the rows: their datasets, seeds and settings, and two methods: the one that joins,
# and one that is published, of which a single run is repeated.
# Before anything is trained: other settings, code or data would not be comparable.
rule join_admit:
    input:
        prepared=lambda wildcards: expand(
            rules.prepare.output, seed=SEEDS[wildcards.dataset], dataset=wildcards.dataset
        ),
        reference=rules.reference.output,
        rows=lambda wildcards: glob(f"{ROWS}/{wildcards.dataset}/*/manifest.json"),
        code=code("cgt.study.join"),
    output:
        touch(f"{RESULTS}/admitted/{{dataset}}"),
    log:
        f"{RESULTS}/logs/admit/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        config=part_of_config("datasets", "seeds"),
        rows=ROWS,
        prepared=PREPARED,
    message:
        "May runs on {wildcards.dataset} be compared with the published rows?"
    shell:
        "python -m cgt join-admit {wildcards.dataset:q} --config {params.config:q}"
        " --rows {params.rows:q} --reference {input.reference:q} --prepared {params.prepared:q}"
        " > {log:q} 2>&1"


rule join:
    input:
        predictions=joined_runs,
        check=check_run,
        references=expand(rules.reference.output, dataset=DATASETS),
        rows=lambda wildcards: glob(f"{ROWS}/*/*/*"),
        code=code("cgt.analysis.join") + code("cgt.study.publish_rows"),
    output:
        expand(f"{RESULTS}/join.{{form}}", form=["md", "html"]),
        expand(f"{RESULTS}/{{table}}.csv", table=["differences", "places", "samples"]),
        expand(
            f"{RESULTS}/figures/{{figure}}.{{form}}",
            figure=["join_curves", "join_differences"],
            form=["pdf", "png", "svg"],
        ),
    log:
        f"{RESULTS}/logs/join.log",
    conda:
        "../../environment.yml"
    params:
        method=JOINED,
        join=plan.as_json(JOIN),
        config=rows_json(),
        styles=STYLES,
        prepared=PREPARED,
        rows=ROWS,
        out=subpath(output[0], parent=True),
    message:
        "Set {params.method} beside the published rows"
    shell:
        "python -m cgt join {params.join:q} --config {params.config:q} --rows {params.rows:q}"
        " --results {params.out:q} --prepared {params.prepared:q} --out {params.out:q}"
        " > {log:q} 2>&1"
