# One job per dataset, method and seed. Its outputs are the contract between training and analysis.


rule train:
    input:
        # The method's file, what it imports, its network and dataset: an edit reruns these jobs alone.
        code=method_code,
        raw=raw_files,
        prepared=rules.prepare.output,
        admitted=admitted,
    output:
        predictions=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/predictions.npz",
        history=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/history.csv",
        gradients=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/gradients.csv",
        manifest=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/manifest.json",
        model=f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/model.safetensors",
    log:
        f"{RESULTS}/logs/train/{{dataset}}/{{method}}/{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{dataset}}/{{method}}/{{seed}}.tsv"
    wildcard_constraints:
        method="|".join(METHODS),
    priority: run_priority
    conda:
        "../../environment.yml"
    # Results differ between thread counts.
    threads: 1
    params:
        raw=raw_place,
        implementation=lambda wildcards: implementation_of(config, wildcards.method),
        settings=lambda wildcards: plan.as_json(
            plan.job_settings(config, wildcards.dataset, wildcards.method)
        ),
        hyperparameters=lambda wildcards: plan.as_json(
            plan.hyperparameters(config, wildcards.dataset, wildcards.method)
        ),
        out=subpath(output.predictions, parent=True),
        # Not an output: Snakemake deletes the outputs of a job that was killed.
        checkpoints=f"{RESULTS}/checkpoints/{{dataset}}/{{method}}/{{seed}}",
    message:
        "Train {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt train --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --implementation {params.implementation:q}"
        " --seed {wildcards.seed} --prepared {input.prepared:q} --raw {params.raw:q}"
        " --settings {params.settings:q} --hyperparameters {params.hyperparameters:q}"
        " --out {params.out:q} --checkpoints {params.checkpoints:q} > {log:q} 2>&1"
