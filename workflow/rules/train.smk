# One job per dataset, method and seed. Its outputs are the contract between training and analysis.
# This rule is the pattern of all below and makes nothing itself: no method's name matches.


rule train:
    input:
        code=method_code("{method}"),
        shared_code=training_code(),
        raw=lambda wildcards: raw_files(wildcards.dataset),
        prepared=rules.prepare.output,
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
        method="(?!)",
    priority: run_priority
    conda:
        "../../environment.yml"
    # Results differ between thread counts.
    threads: 1
    params:
        raw=folder_of_raw,
        settings=job_settings,
        hyperparameters=job_hyperparameters,
        out=subpath(output.predictions, parent=True),
        # Not an output: Snakemake deletes the outputs of a job that was killed.
        checkpoints=f"{RESULTS}/checkpoints/{{dataset}}/{{method}}/{{seed}}",
    message:
        "Train {wildcards.method} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt train --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --seed {wildcards.seed} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --settings {params.settings:q}"
        " --hyperparameters {params.hyperparameters:q} --out {params.out:q}"
        " --checkpoints {params.checkpoints:q} > {log:q} 2>&1"


# One rule per method: `input.code` is the method's file, so an edit reruns that method alone.
use rule train as train_single_exit with:
    wildcard_constraints:
        method="single_exit",


use rule train as train_static with:
    wildcard_constraints:
        method="static",


use rule train as train_branchynet with:
    wildcard_constraints:
        method="branchynet",


use rule train as train_cascade with:
    wildcard_constraints:
        method="cascade",


use rule train as train_classynet with:
    wildcard_constraints:
        method="classynet",


use rule train as train_hard_cgt with:
    wildcard_constraints:
        method="hard_cgt",


use rule train as train_soft_cgt with:
    wildcard_constraints:
        method="soft_cgt",


use rule train as train_cgt_plus with:
    wildcard_constraints:
        method="cgt_plus",
