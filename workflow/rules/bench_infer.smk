# What leaving early saves in time. Measured, so apart from the default run, and one at a time.


rule bench_infer:
    input:
        code=lambda wildcards: trained_code(wildcards, "cgt.bench.infer"),
        raw=raw_files,
        prepared=expand(rules.prepare.output, seed=SHOWN["seed"], allow_missing=True),
        runs=expand(
            [
                rules.train.output.predictions,
                rules.train.output.manifest,
                rules.train.output.model,
            ],
            method=METHODS,
            seed=SHOWN["seed"],
            allow_missing=True,
        ),
        points=f"{RESULTS}/summary/operating_points.csv",
    output:
        table=f"{RESULTS}/benchmarks/infer_{{dataset}}.csv",
        machine=f"{RESULTS}/benchmarks/infer_{{dataset}}.json",
    log:
        f"{RESULTS}/logs/bench/infer_{{dataset}}.log",
    conda:
        "../../environment.yml"
    # All of them, so that nothing runs beside it; it uses one.
    threads: lambda wildcards: workflow.cores
    params:
        raw=raw_place,
        runs=lambda wildcards, input: PurePath(input.runs[0]).parents[3].as_posix(),
        methods=METHODS,
        seed=SHOWN["seed"],
    message:
        "Measure inference on {wildcards.dataset}"
    shell:
        "OMP_NUM_THREADS=1 python -m cgt bench infer {params.methods:q}"
        " --dataset {wildcards.dataset:q} --seed {params.seed} --prepared {input.prepared:q}"
        " --raw {params.raw:q} --runs {params.runs:q} --points {input.points:q}"
        " --out {output.table:q} > {log:q} 2>&1"


rule draw_latency:
    input:
        measured=expand(rules.bench_infer.output.table, dataset=DATASETS),
        code=code("cgt.analysis.latency"),
    output:
        expand(f"{RESULTS}/benchmarks/latency.{{form}}", form=["pdf", "svg", "png"]),
    log:
        f"{RESULTS}/logs/bench/draw.log",
    conda:
        "../../environment.yml"
    params:
        out=subpath(output[0], parent=True),
    message:
        "Draw accuracy against latency"
    shell:
        "python -m cgt bench draw {input.measured:q} --out {params.out:q} > {log:q} 2>&1"
