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
    "failure",
    "reliability",
]


# Predictions from elsewhere must answer the very samples of the prepared split.
rule verify_external:
    input:
        predictions=rules.train.output.predictions,
        raw=raw_files,
        prepared=rules.prepare.output,
        code=lambda wildcards: sorted({*code("cgt.data.verify"), *data_code(wildcards)}),
    output:
        touch(f"{RESULTS}/verified/{{dataset}}/{{method}}/{{seed}}"),
    log:
        f"{RESULTS}/logs/verify/{{dataset}}/{{method}}/{{seed}}.log",
    wildcard_constraints:
        method="|".join(EXTERNAL) or "(?!)",
    conda:
        "../../environment.yml"
    params:
        raw=raw_place,
    message:
        "Verify the predictions of {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m cgt verify-predictions {input.predictions:q} --dataset {wildcards.dataset:q}"
        " --seed {wildcards.seed} --prepared {input.prepared:q} --raw {params.raw:q} > {log:q} 2>&1"


rule evaluate:
    input:
        predictions=rules.train.output.predictions,
        verified=verified,
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
