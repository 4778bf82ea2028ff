# Raw files from the first source that has them, verified; then splits and scaling at each seed.


# The code is no input: content is verified, and new code must not fetch the same bytes again.
rule download_fashion_mnist:
    output:
        raw_files("fashion_mnist"),
    log:
        f"{RESULTS}/logs/download/fashion_mnist.log",
    conda:
        "../../environment.yml"
    params:
        dataset="fashion_mnist",
        folder=subpath(output[0], parent=True),
    message:
        "Download {params.dataset}"
    shell:
        "python -m cgt download {params.dataset:q} --out {params.folder:q} 2>&1 | tee {log:q}"


use rule download_fashion_mnist as download_indian_pines with:
    output:
        raw_files("indian_pines"),
    log:
        f"{RESULTS}/logs/download/indian_pines.log",
    params:
        dataset="indian_pines",
        folder=subpath(output[0], parent=True),


rule prepare:
    input:
        raw=lambda wildcards: raw_files(wildcards.dataset),
        code=code("cgt.data"),
    output:
        f"{PREPARED}/{{dataset}}/{{seed}}.npz",
    log:
        f"{RESULTS}/logs/prepare/{{dataset}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    params:
        raw=folder_of_raw,
        options=lambda wildcards: prepare_options(wildcards.dataset),
    message:
        "Prepare {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m cgt prepare {wildcards.dataset:q} --seed {wildcards.seed} --raw {params.raw:q}"
        " --out {output:q} {params.options:q} > {log:q} 2>&1"


rule audit:
    input:
        prepared=expand(rules.prepare.output, zip, **at_first_seed(SCENES)),
        raw=raw_files("indian_pines"),
        code=code("cgt.data.audit") + code("cgt.analysis.audit"),
    output:
        f"{RESULTS}/summary/audit.csv",
    log:
        f"{RESULTS}/logs/audit.log",
    conda:
        "../../environment.yml"
    params:
        raw=folder_of_raw,
        prepared=lambda wildcards, input: expand("{d}={p}", zip, d=SCENES, p=input.prepared),
    message:
        "Count what the splits of the scene train and test on"
    shell:
        "python -m cgt audit {params.prepared:q} --raw {params.raw:q} --out {output:q}"
        " > {log:q} 2>&1"
