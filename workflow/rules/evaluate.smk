# One run's predictions to its operating points, threshold curve and exits.


rule evaluate:
    input:
        predictions=rules.train.output.predictions,
        code=code("cgt.analysis.evaluation"),
    output:
        operating_points=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/operating_points.csv",
        curves=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/curves.csv",
        exits=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/exits.csv",
    log:
        f"{RESULTS}/logs/evaluate/{{dataset}}/{{method}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    params:
        out=subpath(output.curves, parent=True),
    message:
        "Evaluate {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m cgt evaluate {input.predictions:q} --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --seed {wildcards.seed} --out {params.out:q}"
        " > {log:q} 2>&1"
