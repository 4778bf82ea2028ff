# Raw files from the first source that has them, verified; then splits and scaling at each seed.


# One rule for each folder of raw files: protocols on the same data share one.
for raw_folder, of_dataset in plan.raw_folders(config).items():

    # The code is no input: content is verified, and new code must not fetch the same bytes again.
    rule:
        name:
            f"download_{raw_folder}"
        output:
            plan.raw_files(config, of_dataset),
        log:
            f"{RESULTS}/logs/download/{raw_folder}.log",
        # On a cluster, the nodes that compute often have no internet.
        localrule: True
        conda:
            "../../environment.yml"
        params:
            dataset=of_dataset,
            folder=subpath(output[0], parent=True),
        message:
            "Download {params.dataset}"
        shell:
            "python -m cgt download {params.dataset:q} --out {params.folder:q} 2>&1 | tee {log:q}"


rule prepare:
    input:
        raw=raw_files,
        code=data_code,
    output:
        f"{PREPARED}/{{dataset}}/{{seed}}.npz",
    log:
        f"{RESULTS}/logs/prepare/{{dataset}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    params:
        raw=raw_place,
        options=lambda wildcards: plan.prepare_options(config, wildcards.dataset),
    message:
        "Prepare {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m cgt prepare {wildcards.dataset:q} --seed {wildcards.seed} --raw {params.raw:q}"
        " --out {output:q} {params.options:q} > {log:q} 2>&1"


# What all costs of a dataset are relative to: its network without early exits.
rule reference:
    input:
        raw=raw_files,
        prepared=lambda wildcards: expand(
            rules.prepare.output, seed=SEEDS[wildcards.dataset][0], dataset=wildcards.dataset
        ),
        code=lambda wildcards: trained_code(wildcards, "cgt.training.reference"),
    output:
        f"{RESULTS}/reference/{{dataset}}.json",
    log:
        f"{RESULTS}/logs/reference/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        raw=raw_place,
        network=lambda wildcards: plan.network_options(config, wildcards.dataset),
    message:
        "Count what the network of {wildcards.dataset} costs"
    shell:
        "python -m cgt reference {wildcards.dataset:q} --prepared {input.prepared:q}"
        " --raw {params.raw:q} {params.network:q} --out {output:q} > {log:q} 2>&1"


rule audit:
    input:
        prepared=expand(rules.prepare.output, zip, **at_first_seed(SCENES)),
        raw=[path for dataset in SCENES for path in plan.raw_files(config, dataset)],
        code=code("cgt.data.audit") + code("cgt.analysis.audit"),
    output:
        f"{RESULTS}/summary/audit.csv",
    log:
        f"{RESULTS}/logs/audit.log",
    conda:
        "../../environment.yml"
    params:
        prepared=lambda wildcards, input: expand("{d}={p}", zip, d=SCENES, p=input.prepared),
        raw=[plan.raw_place(config, dataset) for dataset in SCENES],
    message:
        "Count what the splits of the scenes train and test on"
    shell:
        "python -m cgt audit {params.prepared:q} --raw {params.raw:q} --out {output:q}"
        " > {log:q} 2>&1"
