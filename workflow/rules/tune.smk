# Equal tuning: the same number of trials for every entry, at seeds that are not in `seeds`.


rule tune_trial:
    input:
        code=lambda wildcards: training_code(
            wildcards.dataset, implementation_of(config, wildcards.method), "cgt.operate.area"
        ),
        raw=raw_files,
        prepared=rules.prepare.output,
        reference=rules.reference.output,
    output:
        f"{RESULTS}/tuning/{{dataset}}/{{method}}/{{trial}}/seed-{{seed}}.json",
    log:
        f"{RESULTS}/logs/tune/{{dataset}}/{{method}}/{{trial}}/seed-{{seed}}.log",
    priority: lambda wildcards: len(DATASETS) - DATASETS.index(wildcards.dataset)
    conda:
        "../../environment.yml"
    threads: 1
    params:
        raw=raw_place,
        implementation=lambda wildcards: implementation_of(config, wildcards.method),
        settings=lambda wildcards: plan.as_json(trial_settings(wildcards)),
        hyperparameters=lambda wildcards: plan.as_json(plan.own_settings(trial(wildcards))),
        work=f"{RESULTS}/checkpoints/tuning/{{dataset}}/{{method}}/{{trial}}/seed-{{seed}}",
    message:
        "Tune {wildcards.method} on {wildcards.dataset}, trial {wildcards.trial}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt tune-trial --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --implementation {params.implementation:q} --seed {wildcards.seed} --trial {wildcards.trial}"
        " --prepared {input.prepared:q} --raw {params.raw:q} --settings {params.settings:q}"
        " --hyperparameters {params.hyperparameters:q} --reference {input.reference:q}"
        " --work {params.work:q} --out {output:q}"
        " > {log:q} 2>&1"


# One table for each search: an entry that is finished can be published while others are at it.
rule tune_entry:
    input:
        trials=lambda wildcards: expand(
            rules.tune_trial.output,
            trial=range(len(TRIALS[wildcards.dataset, wildcards.method])),
            seed=config["tuning"]["datasets"][wildcards.dataset]["seeds"],
            allow_missing=True,
        ),
        code=code("cgt.study.tuning"),
    output:
        f"{RESULTS}/tuning/{{dataset}}/{{method}}.csv",
    log:
        f"{RESULTS}/logs/tune/{{dataset}}/{{method}}.log",
    conda:
        "../../environment.yml"
    params:
        config=TUNING_JSON,
    message:
        "Choose the trial of {wildcards.method} on {wildcards.dataset}"
    shell:
        "python -m cgt tune-entry {input.trials:q} --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --config {params.config:q} --out {output:q}"
        " > {log:q} 2>&1"


rule tune:
    input:
        tables=expand(rules.tune_entry.output, dataset=TUNED, method=TUNED_ENTRIES),
        code=code("cgt.study.show_tuning"),
    output:
        table=f"{RESULTS}/tuning/tuning.csv",
        chosen=f"{RESULTS}/tuning/tuned.yaml",
    log:
        f"{RESULTS}/logs/tune/show.log",
    conda:
        "../../environment.yml"
    params:
        config=TUNING_JSON,
        folder=subpath(output.table, parent=True),
    message:
        "Gather the searches"
    shell:
        "python -m cgt tune-show {params.folder:q} --config {params.config:q} --out {params.folder:q}"
        " > {log:q} 2>&1"


# Entry by entry, from searches that are there: nothing is trained. The page is drawn of all published.
rule publish_tuning:
    log:
        f"{RESULTS}/logs/publish_tuning.log",
    conda:
        "../../environment.yml"
    params:
        config=TUNING_JSON,
        folder=f"{RESULTS}/tuning",
        out=TUNING,
    message:
        "Put finished searches into results/published/tuning"
    shell:
        "python -m cgt publish-tuning {params.folder:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1; cat {log:q}"
