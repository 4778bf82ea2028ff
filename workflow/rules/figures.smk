# Figures: PDF, SVG and PNG. For the report: category, what is shown, what question it answers.
FIGURES = {
    "accuracy_cost": ("Accuracy and cost", "Accuracy against cost", "What does accuracy cost?"),
    "accuracy_cost_all": (
        "Accuracy and cost",
        "Accuracy against cost, by method",
        "What does accuracy cost with each method?",
    ),
    "comparisons": ("Accuracy and cost", "Differences in area", "Which methods beat BranchyNet?"),
    "accuracy_exits": ("Exits", "Accuracy against early exits", "How many may leave early?"),
    "exit_shares": ("Exits", "Shares of the exits", "Where do samples leave?"),
    "operating_points": ("Exits", "Exits in use", "Which exit answers?"),
    "exit_rules": ("Exits", "Gains of other rules", "Is there a better rule to leave by?"),
    "overthinking": (
        "Calibration and overthinking",
        "Overthinking",
        "How often was an earlier exit right?",
    ),
    "calibration": (
        "Calibration and overthinking",
        "Reliability",
        "Is an exit right as often as it is sure?",
    ),
    "training_dynamics": (
        "Training",
        "Weights and eligibility",
        "What do deep exits learn from?",
    ),
    "gradients": ("Training", "Gradients", "Which exit trains the shared stage?"),
    "resolved": ("Training", "Resolved samples", "Do the gates overfit the training samples?"),
    "claims": ("Claims", "Claims at a glance", "Which of the paper's claims hold?"),
}


rule plots:
    input:
        summary=rules.aggregate.output,
        code=code("cgt.analysis.figures"),
    output:
        expand(f"{RESULTS}/figures/{{figure}}.pdf", figure=FIGURES),
        expand(f"{RESULTS}/figures/{{figure}}.png", figure=FIGURES),
        [shown(f"{RESULTS}/figures/{name}.svg", name, *FIGURES[name]) for name in FIGURES],
    log:
        f"{RESULTS}/logs/figures.log",
    conda:
        "../../environment.yml"
    threads: 4
    params:
        styles=STYLES,
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Draw the figures"
    shell:
        "python -m cgt figures --summary {params.summary:q} --out {params.out:q} --jobs {threads}"
        " > {log:q} 2>&1"


# No output: it always runs, on whatever rows are published by now.
rule leaderboard:
    log:
        f"{RESULTS}/logs/leaderboard.log",
    conda:
        "../../environment.yml"
    params:
        folder=PUBLISHED,
    message:
        "Set all published rows side by side"
    shell:
        "python -m cgt leaderboard {params.folder:q} --out {params.folder:q} > {log:q} 2>&1"


# No output: it always runs, so an edited plot or a doubtful copy is redrawn in place.
rule figures:
    log:
        f"{RESULTS}/logs/redraw.log",
    conda:
        "../../environment.yml"
    threads: 4
    params:
        folder=PUBLISHED,
        tuning=TUNING,
        config=TUNING_JSON,
        citation=f"{ROOT}/CITATION.cff",
        shown=config["pictures"]["method"],
        kept=[
            *(f"--first={path}" for path in FIRST_VERDICTS),
            *(f"--learning-rates={path}" for path in LEARNING_RATES),
        ],
        first=f"{PUBLISHED}/benchmarks/infer_{DATASETS[0]}.csv",
        measured=expand(f"{PUBLISHED}/benchmarks/infer_{{dataset}}.csv", dataset=DATASETS),
    message:
        "Redraw the tables and figures of results/published from its CSVs"
    shell:
        "(python -m cgt tables --summary {params.folder:q}/summary --out {params.folder:q}/tables"
        " {params.kept:q}"
        " && python -m cgt figures --summary {params.folder:q}/summary"
        " --out {params.folder:q}/figures --jobs {threads}"
        " && python -m cgt pictures --summary {params.folder:q}/summary"
        " --out {params.folder:q}/figures --shown {params.shown:q} --jobs {threads}"
        " && (test ! -e {params.folder:q}/rows"
        " || python -m cgt leaderboard {params.folder:q} --out {params.folder:q})"
        " && (test ! -e {params.tuning:q} || python -m cgt tune-show {params.tuning:q}"
        " --config {params.config:q} --out {params.tuning:q} --redraw)"
        " && (test ! -e {params.folder:q}/benchmarks"
        " || python -m cgt bench page {params.folder:q}/benchmarks)"
        " && (test ! -e {params.folder:q}/ablation"
        " || python -m cgt ablation-draw --summary {params.folder:q}/ablation/summary"
        " --out {params.folder:q}/ablation)"
        " && (test ! -e {params.first:q}"
        " || python -m cgt bench draw {params.measured:q} --out {params.folder:q}/benchmarks)"
        " && python -m cgt data-card {params.folder:q} --citation {params.citation:q}"
        " && for folder in {params.folder:q} {params.folder:q}/ablation {params.folder:q}/benchmarks"
        " {params.tuning:q};"
        " do test ! -e $folder || python -m cgt publish-list $folder; done)"
        " > {log:q} 2>&1"
