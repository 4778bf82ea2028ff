# Equal tuning: the same number of trials for every method, at seeds that are not in `seeds`.


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


rule tune:
    input:
        trials=[
            expand(
                rules.tune_trial.output,
                dataset=dataset,
                method=METHODS,
                trial=range(config["tuning"]["datasets"][dataset]["trials"]),
                seed=config["tuning"]["datasets"][dataset]["seeds"],
            )
            for dataset in TUNED
        ],
        code=code("cgt.study.tuning"),
    output:
        table=f"{RESULTS}/tuning/tuning.csv",
        best=f"{RESULTS}/tuning/best.yaml",
    log:
        f"{RESULTS}/logs/tune/select.log",
    conda:
        "../../environment.yml"
    params:
        out=subpath(output.table, parent=True),
    message:
        "Choose the best trial of each method"
    shell:
        "python -m cgt tune-select {input.trials:q} --out {params.out:q} > {log:q} 2>&1"
