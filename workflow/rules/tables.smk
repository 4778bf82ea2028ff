# Tables for people: Markdown and, for the report, HTML; Table 1 as CSV and LaTeX too.
TABLES = {
    "results": ("Accuracy and cost", "Short table", "How good is each method at the one-SE point?"),
    "table_1": ("Accuracy and cost", "Table 1", "How good, leaving where, at what cost?"),
    "operating_points": (
        "Accuracy and cost",
        "Operating points",
        "How accurate at each point, and how many left early?",
    ),
    "comparisons": (
        "Accuracy and cost",
        "All pairs and ranks",
        "Which differences are significant?",
    ),
    "exit_rules": ("Exits", "Areas by exit rule", "How much does another rule gain?"),
    "overthinking": (
        "Calibration and overthinking",
        "Overthinking in numbers",
        "How often does it cost the answer?",
    ),
    "calibration": (
        "Calibration and overthinking",
        "Calibration error",
        "Does a temperature correct it?",
    ),
    "failure": (
        "Calibration and overthinking",
        "Failure prediction",
        "Does confidence tell right from wrong?",
    ),
    "in_short": ("Accuracy and cost", "In short", "What came out?"),
    "why": ("Training", "In words", "Why do the curves look as they do?"),
    "verdicts": ("Claims", "Verdicts", "Which claims hold on which dataset?"),
    "claims": ("Claims", "Claims ledger", "What are the verdicts based on?"),
    "depends": ("Claims", "Choices", "What do the verdicts depend on?"),
}
if SCENES:
    TABLES["audit"] = ("Data", "Audit of the splits", "Do test patches overlap training patches?")
    TABLES["classes"] = (
        "Accuracy and cost",
        "Recall by class",
        "Which method fails on which class?",
    )
    TABLES["recall_words"] = (
        "Accuracy and cost",
        "Recall in words",
        "Which classes are unsteady?",
    )


rule tables:
    input:
        summary=rules.aggregate.output,
        samples=rules.sample_intervals.output,
        first=FIRST_VERDICTS,
        audit=rules.audit.output if SCENES else [],
        code=code("cgt.analysis.tables"),
    output:
        expand(f"{RESULTS}/tables/{{table}}.md", table=TABLES),
        expand(f"{RESULTS}/tables/table_1.{{form}}", form=["csv", "tex"]),
        [shown(f"{RESULTS}/tables/{name}.html", f"tables/{name}", *TABLES[name]) for name in TABLES],
    log:
        f"{RESULTS}/logs/tables.log",
    conda:
        "../../environment.yml"
    params:
        styles=STYLES,
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
        first=[f"--first={path}" for path in FIRST_VERDICTS],
    message:
        "Write the tables"
    shell:
        "python -m cgt tables --summary {params.summary:q} --out {params.out:q}"
        " {params.first:q} > {log:q} 2>&1"
