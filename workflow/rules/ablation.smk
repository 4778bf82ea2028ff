# What each part of CGT is worth: one or two hyperparameters at a time, everything else as tuned.
# A variant is named by what differs from the tuned method, such as `soft_cgt,tau=0.5`.
ABLATION = f"{RESULTS}/ablation"


rule ablate:
    input:
        code=lambda wildcards: training_code(
            wildcards.dataset, implementation_of(config, variant(wildcards).method)
        ),
        raw=raw_files,
        prepared=rules.prepare.output,
    output:
        predictions=f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/predictions.npz",
        history=f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/history.csv",
        gradients=f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/gradients.csv",
        manifest=f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/manifest.json",
        model=f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/model.safetensors",
    log:
        f"{RESULTS}/logs/ablation/train/{{dataset}}/{{variant}}/{{seed}}.log",
    priority: lambda wildcards: len(DATASETS) - DATASETS.index(wildcards.dataset)
    conda:
        "../../environment.yml"
    threads: 1
    params:
        raw=raw_place,
        method=lambda wildcards: variant(wildcards).method,
        implementation=lambda wildcards: implementation_of(config, variant(wildcards).method),
        settings=lambda wildcards: plan.as_json(variant_settings(wildcards)),
        hyperparameters=lambda wildcards: plan.as_json(
            plan.own_settings(variant(wildcards).hyperparameters)
        ),
        out=subpath(output.predictions, parent=True),
        checkpoints=f"{RESULTS}/checkpoints/ablation/{{dataset}}/{{variant}}/{{seed}}",
    message:
        "Train {wildcards.variant} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt train --dataset {wildcards.dataset:q}"
        " --method {params.method:q} --implementation {params.implementation:q} --seed {wildcards.seed} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --settings {params.settings:q}"
        " --hyperparameters {params.hyperparameters:q} --out {params.out:q}"
        " --checkpoints {params.checkpoints:q} > {log:q} 2>&1"


use rule evaluate as evaluate_variant with:
    input:
        predictions=rules.ablate.output.predictions,
        reference=rules.reference.output,
        code=code("cgt.analysis.evaluation"),
    output:
        expand(
            f"{ABLATION}/runs/{{dataset}}/{{variant}}/{{seed}}/{{table}}.csv",
            table=EVALUATED_TABLES,
            allow_missing=True,
        ),
    log:
        f"{RESULTS}/logs/ablation/evaluate/{{dataset}}/{{variant}}/{{seed}}.log",
    params:
        method=lambda wildcards: wildcards.variant,
        out=subpath(output[0], parent=True),
    message:
        "Evaluate {wildcards.variant} on {wildcards.dataset}, seed {wildcards.seed}"


use rule aggregate as aggregate_variants with:
    input:
        runs=expand([*rules.ablate.output, *rules.evaluate_variant.output], zip, **VARIANT_RUNS),
        code=code("cgt.analysis.summary"),
    output:
        expand(f"{ABLATION}/summary/{{table}}.csv", table=SUMMARY_TABLES),
    log:
        f"{RESULTS}/logs/ablation/aggregate.log",
    params:
        folder=subpath(input[0], ancestor=4),
        out=subpath(output[0], parent=True),
        runs=expand("{dataset}/{variant}/{seed}", zip, **VARIANT_RUNS),
    message:
        "Gather all variants"


rule ablation_effects:
    input:
        summary=rules.aggregate_variants.output,
        code=code("cgt.analysis.ablation"),
    output:
        f"{ABLATION}/summary/effects.csv",
        f"{ABLATION}/summary/timing_effects.csv",  # wall-clock: not the same twice
    log:
        f"{RESULTS}/logs/ablation/effects.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
        cells=plan.as_json([cell._asdict() for cell in CELLS]),
    message:
        "Compare each variant to the tuned method"
    shell:
        "python -m cgt ablation-effects --summary {params.summary:q} --cells {params.cells:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule ablation:
    input:
        effects=rules.ablation_effects.output,
        code=code("cgt.analysis.ablation"),
    output:
        expand(
            f"{ABLATION}/figures/ablation_{{dataset}}.{{form}}",
            dataset=ABLATED_DATASETS,
            form=["pdf", "png"],
        ),
        [
            shown(
                f"{ABLATION}/figures/ablation_{dataset}.svg",
                "ablation",
                "Ablations",
                dataset,
                "What is each part of CGT worth?",
            )
            for dataset in ABLATED_DATASETS
        ],
        expand(
            f"{ABLATION}/tables/{{table}}.md",
            table=["ablation", "ablation_time", "ablation_words", "time_words"],
        ),
    log:
        f"{RESULTS}/logs/ablation/draw.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], ancestor=2),
    message:
        "Draw the ablations"
    shell:
        "python -m cgt ablation-draw --summary {params.summary:q} --out {params.out:q} > {log:q} 2>&1"


rule publish_ablation:
    input:
        rules.ablation.output,
    log:
        f"{RESULTS}/logs/ablation/publish.log",
    conda:
        "../../environment.yml"
    params:
        results=subpath(input[0], ancestor=2),
        runs=expand("{dataset}/{variant}/{seed}", zip, **VARIANT_RUNS),
        out=f"{PUBLISHED}/ablation",
        # Large, and no figure is drawn from them.
        without=[
            f"{table}.csv"
            for table in SUMMARY_TABLES
            if table not in ("areas", "exits", "operating_points", "timings")
        ],
    message:
        "Copy the ablations to results/published"
    shell:
        "python -m cgt publish {params.runs:q} --results {params.results:q} --out {params.out:q}"
        " --without {params.without:q} > {log:q} 2>&1; cat {log:q}"
