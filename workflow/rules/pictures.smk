# What people look at: maps of the scene, samples by exit, who is taken for whom. One seed.
SHOWN = config["pictures"]
PICTURES = {
    **{
        f"scene_{dataset}": ("scene", "Pictures", f"Maps, {dataset}", "Where are easy pixels?")
        for dataset in SCENES
    },
    **{
        f"confusion_{dataset}": (
            "confusion",
            "Pictures",
            f"Confusion by exit, {dataset}",
            "Which classes does an exit mix up?",
        )
        for dataset in DATASETS
    },
}
if "fashion_mnist" in DATASETS:
    PICTURES["gallery"] = ("gallery", "Pictures", "Samples by exit", "What does easy look like?")


rule scene:
    input:
        code=method_code("{method}"),
        shared_code=shared_code("cgt.scene"),
        raw=lambda wildcards: raw_files(wildcards.dataset),
        prepared=rules.prepare.output,
        model=rules.train.output.model,
    output:
        f"{RESULTS}/runs/{{dataset}}/{{method}}/{{seed}}/scene.npz",
    log:
        f"{RESULTS}/logs/scene/{{dataset}}/{{method}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        raw=folder_of_raw,
        settings=job_settings,
        hyperparameters=job_hyperparameters,
    message:
        "Map {wildcards.dataset} with {wildcards.method}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt scene --dataset {wildcards.dataset:q}"
        " --method {wildcards.method:q} --seed {wildcards.seed} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --settings {params.settings:q}"
        " --hyperparameters {params.hyperparameters:q} --model {input.model:q} --out {output:q}"
        " > {log:q} 2>&1"


rule collect_scene:
    input:
        maps=expand(
            rules.scene.output,
            method=METHODS,
            seed=SHOWN["seed"],
            allow_missing=True,
        ),
        raw=lambda wildcards: raw_files(wildcards.dataset),
        prepared=expand(rules.prepare.output, seed=SHOWN["seed"], allow_missing=True),
        code=code("cgt.analysis.pictures.data") + code("cgt.data.scene"),
    output:
        f"{RESULTS}/summary/scene_{{dataset}}.npz",
    log:
        f"{RESULTS}/logs/collect_scene/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        raw=folder_of_raw,
        shown=SHOWN["method"],
        maps=lambda wildcards, input: expand("{m}={p}", zip, m=METHODS, p=input.maps),
    message:
        "Gather the maps of {wildcards.dataset}"
    shell:
        "python -m cgt collect-scene {params.maps:q} --dataset {wildcards.dataset:q}"
        " --method {params.shown:q} --prepared {input.prepared:q} --raw {params.raw:q}"
        " --out {output:q} > {log:q} 2>&1"


rule collect_gallery:
    input:
        predictions=expand(
            rules.train.output.predictions,
            dataset="fashion_mnist",
            method=SHOWN["method"],
            seed=SHOWN["seed"],
        ),
        raw=raw_files("fashion_mnist"),
        code=code("cgt.analysis.pictures.data") + code("cgt.data.images"),
    output:
        f"{RESULTS}/summary/gallery.npz",
    log:
        f"{RESULTS}/logs/collect_gallery.log",
    conda:
        "../../environment.yml"
    params:
        raw=folder_of_raw,
        method=SHOWN["method"],
        seed=SHOWN["seed"],
    message:
        "Gather samples that leave at each exit"
    shell:
        "python -m cgt collect-gallery {input.predictions:q} --method {params.method:q}"
        " --seed {params.seed} --raw {params.raw:q} --out {output:q} > {log:q} 2>&1"


rule confusion:
    input:
        predictions=expand(
            rules.train.output.predictions,
            dataset=DATASETS,
            method=METHODS,
            seed=SHOWN["seed"],
        ),
        code=code("cgt.analysis.pictures.data"),
    output:
        f"{RESULTS}/summary/confusion.csv",
    log:
        f"{RESULTS}/logs/confusion.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input[0], ancestor=4),
        runs=expand(
            "{dataset}/{method}/{seed}",
            dataset=DATASETS,
            method=METHODS,
            seed=SHOWN["seed"],
        ),
    message:
        "Count which class each exit takes for which"
    shell:
        "python -m cgt confusion {params.runs:q} --runs {params.folder:q} --out {output:q}"
        " > {log:q} 2>&1"


rule pictures:
    input:
        scenes=expand(rules.collect_scene.output, dataset=SCENES),
        gallery=rules.collect_gallery.output if "gallery" in PICTURES else [],
        confusion=rules.confusion.output,
        code=code("cgt.analysis.pictures"),
    output:
        expand(f"{RESULTS}/figures/{{picture}}.pdf", picture=PICTURES),
        expand(f"{RESULTS}/figures/{{picture}}.png", picture=PICTURES),
        [shown(f"{RESULTS}/figures/{name}.svg", *PICTURES[name]) for name in PICTURES],
    log:
        f"{RESULTS}/logs/pictures.log",
    conda:
        "../../environment.yml"
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Draw the pictures"
    shell:
        "python -m cgt pictures --summary {params.summary:q} --out {params.out:q} > {log:q} 2>&1"
