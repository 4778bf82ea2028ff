# How fast: measured, apart from the default run, by `make bench`. Never two at a time.
BENCHMARKS = f"{RESULTS}/benchmarks"
BENCH_PREPARED = expand(rules.prepare.output, zip, **at_first_seed(BENCH_DATASETS))
BENCH_RAW = [path for dataset in BENCH_DATASETS for path in plan.raw_files(config, dataset)]


rule bench_train:
    input:
        raw=BENCH_RAW,
        prepared=BENCH_PREPARED,
        code=code("cgt.bench.train"),
    output:
        table=f"{BENCHMARKS}/train.csv",
        machine=f"{BENCHMARKS}/train.json",
    log:
        f"{RESULTS}/logs/bench/train.log",
    conda:
        "../../environment.yml"
    # All of them, so that nothing runs beside it; it uses one.
    threads: lambda wildcards: workflow.cores
    params:
        jobs=lambda wildcards: bench_jobs(BENCH_METHODS),
    message:
        "Measure the training loop"
    shell:
        "OMP_NUM_THREADS=1 python -m cgt bench train --jobs {params.jobs:q} --out {output.table:q}"
        " > {log:q} 2>&1"


rule bench_scaling:
    input:
        code=code("cgt.bench.scaling"),
    output:
        table=f"{BENCHMARKS}/scaling.csv",
        machine=f"{BENCHMARKS}/scaling.json",
    log:
        f"{RESULTS}/logs/bench/scaling.log",
    conda:
        "../../environment.yml"
    threads: lambda wildcards: workflow.cores
    message:
        "Measure how time grows"
    shell:
        "OMP_NUM_THREADS=1 python -m cgt bench scaling --out {output.table:q} > {log:q} 2>&1"


rule bench_device:
    input:
        points=f"{RESULTS}/summary/operating_points.csv",
        code=code("cgt.bench.device"),
    output:
        table=f"{BENCHMARKS}/device.csv",
        machine=f"{BENCHMARKS}/device.json",
    log:
        f"{RESULTS}/logs/bench/device.log",
    conda:
        "../../environment.yml"
    threads: lambda wildcards: workflow.cores
    message:
        "Measure exported networks beside bare sessions"
    shell:
        "OMP_NUM_THREADS=1 python -m cgt bench device --points {input.points:q}"
        " --out {output.table:q} > {log:q} 2>&1"


rule bench_pipeline:
    input:
        raw=BENCH_RAW,
        prepared=BENCH_PREPARED,
        code=code("cgt.bench.pipeline") + code("cgt.training.loop"),
    output:
        table=f"{BENCHMARKS}/pipeline.csv",
        machine=f"{BENCHMARKS}/pipeline.json",
    log:
        f"{RESULTS}/logs/bench/pipeline.log",
    conda:
        "../../environment.yml"
    threads: lambda wildcards: workflow.cores
    params:
        snakefile=f"{ROOT}/Snakefile",
        raw=lambda wildcards, input: PurePath(input.raw[0]).parents[1].as_posix(),
        jobs=lambda wildcards: bench_jobs(BENCH_METHODS[:1]),
    message:
        "Measure what planning and starting jobs costs"
    shell:
        "python -m cgt bench pipeline --snakefile {params.snakefile:q} --jobs {params.jobs:q}"
        " --raw {params.raw:q} --out {output.table:q} > {log:q} 2>&1"


rule bench:
    input:
        expand(rules.bench_infer.output, dataset=DATASETS),
        rules.draw_latency.output,
        expand(rules.bench_entries.output, dataset=DATASETS),
        rules.bench_train.output,
        rules.bench_scaling.output,
        rules.bench_device.output,
        rules.bench_pipeline.output,


rule publish_bench:
    input:
        rules.bench.input,
    log:
        f"{RESULTS}/logs/bench/publish.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input[0], parent=True),
        out=f"{PUBLISHED}/benchmarks",
    message:
        "Copy the measurements to results/published"
    shell:
        "python -m cgt publish-bench {params.folder:q} --out {params.out:q} > {log:q} 2>&1; cat {log:q}"
