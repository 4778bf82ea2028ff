# A method from elsewhere: an example to copy. `external: [sklearn_cascade]` in the configuration
# runs it at every dataset and seed, beside our methods.
#
# Such a method is whatever writes results/runs/DATASET/METHOD/SEED/predictions.npz (the format stands
# in cgt/records/predictions.py). It gets the split that all methods have from
#
#     data = cgt.data.load(dataset, prepared, raw, seed)
#
# data.train, data.val and data.test hold x (float32 [N, C, H, W], or [N, C, L] for signals; scaled
# with the training samples), y (classes from 0) and index. Learn on train, choose on val, answer all
# of val and test in the order in which they come; hand index and y on as they are. `rule
# verify_external` compares them with the prepared file before anything is measured.


rule sklearn_cascade:
    input:
        script=os.path.normpath(f"{ROOT}/workflow/scripts/sklearn_cascade.py"),
        # Its last exit is a network of ours.
        last=expand(rules.train.output.predictions, method="single_exit", allow_missing=True),
        raw=raw_files,
        prepared=rules.prepare.output,
    output:
        rules.train.output.predictions.replace("{method}", "sklearn_cascade"),
    log:
        f"{RESULTS}/logs/train/{{dataset}}/sklearn_cascade/{{seed}}.log",
    conda:
        "../../../environment.yml"
    threads: 1
    params:
        raw=raw_place,
    message:
        "Train sklearn_cascade on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python {input.script:q} --dataset {wildcards.dataset:q}"
        " --seed {wildcards.seed} --prepared {input.prepared:q} --raw {params.raw:q}"
        " --last {input.last:q} --out {output:q} > {log:q} 2>&1"
