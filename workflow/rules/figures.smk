# Figures: PDF, SVG and PNG.
FIGURES = [
    "accuracy_cost",
    "accuracy_exits",
    "exit_shares",
    "operating_points",
    "exit_rules",
    "overthinking",
    "calibration",
    "training_dynamics",
    "comparisons",
    "gradients",
    "resolved",
    "claims",
]


rule plots:
    input:
        summary=rules.aggregate.output,
        code=code("cgt.analysis.figures"),
    output:
        expand(f"{RESULTS}/figures/{{figure}}.pdf", figure=FIGURES),
        expand(f"{RESULTS}/figures/{{figure}}.png", figure=FIGURES),
        report(
            expand(f"{RESULTS}/figures/{{figure}}.svg", figure=FIGURES),
            caption="../report/figures.rst",
            category="Figures",
        ),
    log:
        f"{RESULTS}/logs/figures.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Draw the figures"
    shell:
        "python -m cgt figures --summary {params.summary:q} --out {params.out:q} > {log:q} 2>&1"


# No output: it always runs, so an edited plot or a doubtful copy is redrawn in place.
rule figures:
    log:
        f"{RESULTS}/logs/redraw.log",
    conda:
        "../../environment.yml"
    params:
        folder=PUBLISHED,
    message:
        "Redraw the tables and figures of results/published from its CSVs"
    shell:
        "(python -m cgt tables --summary {params.folder:q}/summary --out {params.folder:q}/tables"
        " && python -m cgt figures --summary {params.folder:q}/summary"
        " --out {params.folder:q}/figures) > {log:q} 2>&1"
