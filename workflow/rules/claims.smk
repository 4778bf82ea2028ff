# Conclusions: methods compared pair by pair, and the verdict on each claim.
CONCLUSIONS = ["claims", "verdicts", "comparisons", "differences", "ranks", "power"]


rule conclude:
    input:
        summary=rules.aggregate.output,
        samples=rules.sample_intervals.output,
        code=code("cgt.analysis.conclusions"),
    output:
        expand(f"{RESULTS}/summary/{{table}}.csv", table=CONCLUSIONS),
    log:
        f"{RESULTS}/logs/conclude.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Compare the methods and judge the claims"
    shell:
        "python -m cgt conclude --summary {params.summary:q} --out {params.out:q} > {log:q} 2>&1"
