# What people look at: maps of the scene, samples by exit, who is taken for whom. One seed.
SHOWN = config["pictures"]
# Of other datasets nothing is drawn that needs their samples or classes.
PICTURED = [name for name in DATASETS if name == "fashion_mnist" or name in SCENES]
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
        for dataset in PICTURED
    },
}
if "fashion_mnist" in DATASETS:
    PICTURES["gallery"] = ("gallery", "Pictures", "Samples by exit", "What does easy look like?")


rule scene:
    input:
        code=shared_code("cgt.training.scene") + code("cgt.analysis.pictures.data"),
        raw=lambda wildcards: raw_files(wildcards.dataset),
        prepared=expand(rules.prepare.output, seed=SHOWN["seed"], allow_missing=True),
        runs=expand(
            [rules.train.output.manifest, rules.train.output.model],
            method=METHODS,
            seed=SHOWN["seed"],
            allow_missing=True,
        ),
    output:
        f"{RESULTS}/summary/scene_{{dataset}}.npz",
    log:
        f"{RESULTS}/logs/scene/{{dataset}}.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        raw=folder_of_raw,
        shown=SHOWN["method"],
        step=SHOWN["scene_step"],
        runs=expand(
            subpath(rules.train.output.model, parent=True),
            method=METHODS,
            seed=SHOWN["seed"],
            allow_missing=True,
        ),
    message:
        "Map the scene of {wildcards.dataset} with every method"
    shell:
        "OMP_NUM_THREADS={threads} python -m cgt scene {params.runs:q}"
        " --dataset {wildcards.dataset:q} --shown {params.shown:q} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --step {params.step:q} --out {output:q} > {log:q} 2>&1"


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
            method=[*METHODS, *EXTERNAL],
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
            method=[*METHODS, *EXTERNAL],
            seed=SHOWN["seed"],
        ),
    message:
        "Count which class each exit takes for which"
    shell:
        "python -m cgt confusion {params.runs:q} --runs {params.folder:q} --out {output:q}"
        " > {log:q} 2>&1"


rule pictures:
    input:
        scenes=expand(rules.scene.output, dataset=SCENES),
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
    threads: 4
    params:
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    message:
        "Draw the pictures"
    shell:
        "python -m cgt pictures --summary {params.summary:q} --out {params.out:q} --jobs {threads}"
        " > {log:q} 2>&1"
