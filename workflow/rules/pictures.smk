# What people look at: maps of scenes, samples by exit, confusions. One seed.
SHOWN = config["pictures"]
PICTURES = {
    **{
        f"scene_{dataset}": ("scene", "Pictures", f"Maps, {dataset}", "Where are easy pixels?")
        for dataset in SCENES
    },
    **{
        f"gallery_{dataset}": (
            "gallery",
            "Pictures",
            f"Samples by exit, {dataset}",
            "What do easy samples look like?",
        )
        for dataset in SAMPLED
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


rule scene:
    input:
        code=lambda wildcards: trained_code(
            wildcards, "cgt.training.scene", "cgt.analysis.pictures.data"
        ),
        raw=raw_files,
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
        raw=raw_place,
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
            method=SHOWN["method"],
            seed=SHOWN["seed"],
            allow_missing=True,
        ),
        raw=raw_files,
        prepared=expand(rules.prepare.output, seed=SHOWN["seed"], allow_missing=True),
        reference=rules.reference.output,
        code=lambda wildcards: [
            *code("cgt.analysis.pictures.data"),
            *code("cgt.data.samples"),
            *data_code(wildcards),
        ],
    output:
        f"{RESULTS}/summary/gallery_{{dataset}}.npz",
    log:
        f"{RESULTS}/logs/collect_gallery/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        raw=raw_place,
        method=SHOWN["method"],
        seed=SHOWN["seed"],
    message:
        "Gather samples of {wildcards.dataset} that leave at each exit"
    shell:
        "python -m cgt collect-gallery {input.predictions:q} --dataset {wildcards.dataset:q}"
        " --method {params.method:q} --seed {params.seed} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --reference {input.reference:q} --out {output:q} > {log:q} 2>&1"


rule confusion:
    input:
        predictions=expand(
            rules.train.output.predictions,
            dataset=DATASETS,
            method=[*METHODS, *EXTERNAL],
            seed=SHOWN["seed"],
        ),
        references=expand(rules.reference.output, dataset=DATASETS),
        code=code("cgt.analysis.pictures.data"),
    output:
        f"{RESULTS}/summary/confusion.csv",
        f"{RESULTS}/summary/class_names.csv",
    log:
        f"{RESULTS}/logs/confusion.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input[0], ancestor=4),
        out=subpath(output[0], parent=True),
        runs=expand(
            "{dataset}/{method}/{seed}",
            dataset=DATASETS,
            method=[*METHODS, *EXTERNAL],
            seed=SHOWN["seed"],
        ),
    message:
        "Count which class each exit mistakes for which"
    shell:
        "python -m cgt confusion {params.runs:q} --runs {params.folder:q}"
        " --references {input.references:q} --out {params.out:q} > {log:q} 2>&1"


rule pictures:
    input:
        scenes=expand(rules.scene.output, dataset=SCENES),
        galleries=expand(rules.collect_gallery.output, dataset=SAMPLED),
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
        styles=STYLES,
        summary=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
        shown=SHOWN["method"],
    message:
        "Draw the pictures"
    shell:
        "python -m cgt pictures --summary {params.summary:q} --out {params.out:q}"
        " --shown {params.shown:q} --jobs {threads} > {log:q} 2>&1"
