# Tables for people: CSV, Markdown and LaTeX.
rule tables:
    input:
        summary=rules.aggregate.output,
        code=code("cgt.analysis.tables"),
    output:
        expand(f"{RESULTS}/tables/table_1.{{form}}", form=["csv", "md", "tex"]),
        f"{RESULTS}/tables/results.md",
        f"{RESULTS}/tables/exit_rules.md",
        f"{RESULTS}/tables/overthinking.md",
        f"{RESULTS}/tables/calibration.md",
        f"{RESULTS}/tables/claims.md",
        f"{RESULTS}/tables/verdicts.md",
        f"{RESULTS}/tables/comparisons.md",
        f"{RESULTS}/tables/why.md",
    log:
        f"{RESULTS}/logs/tables.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Write the tables"
    shell:
        "python -m cgt tables --summary {params.summary:q} --out {params.out:q} > {log:q} 2>&1"
