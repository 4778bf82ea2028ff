# One run's predictions to one CSV per question. A table may be empty: not every method routes.
EVALUATED_TABLES = [
    "operating_points",
    "curves",
    "exits",
    "classes",
    "areas",
    "exit_rules",
    "oracle",
    "overthinking",
    "calibration",
    "reliability",
]


rule evaluate:
    input:
        predictions=rules.train.output.predictions,
        reference=rules.reference.output,
        code=code("cgt.analysis.evaluation"),
    output:
        expand(
            f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/{{table}}.csv",
            table=EVALUATED_TABLES,
            allow_missing=True,
        ),
    log:
        f"{RESULTS}/logs/evaluate/{{dataset}}/{{method}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    params:
        method=lambda wildcards: wildcards.method,
        out=subpath(output[0], parent=True),
    message:
        "Evaluate {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m cgt evaluate {input.predictions:q} --dataset {wildcards.dataset:q}"
        " --method {params.method:q} --seed {wildcards.seed} --reference {input.reference:q}"
        " --out {params.out:q} > {log:q} 2>&1"
