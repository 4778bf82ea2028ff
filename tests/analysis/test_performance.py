"""The page of measured speed says what the tables say, and nothing without them."""

import json

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.performance import NOTHING, growth, performance_markdown, write_page

MACHINE = {"cpu": "Abacus", "cpu_count": 2, "versions": {"python": "3.11.7", "torch": "2.13.0"}}
INFER = """\
dataset,method,point,variant,batch,relative_macs,relative_time,p50_ms,p95_ms,p99_ms,decision_overhead,disagreements
fashion_mnist,soft_cgt,,full,1,1,1,0.5,0.6,0.7,,
fashion_mnist,soft_cgt,knee,infer,1,0.21,0.41,0.2,0.3,0.4,0.042,2
fashion_mnist,soft_cgt,knee,infer,256,0.21,0.234,,,,,0
fashion_mnist,soft_cgt,knee,deployed,1,0.21,0.1,0.05,0.06,0.07,,0
fashion_mnist,soft_cgt,tau_0.9,infer,1,0.9,0.9,9,9,9,0.9,1
"""
TRAIN = """\
dataset,loop,method,batch_size,steps,repeats,samples_per_second,relative_to_bound,relative_to_conventional
fashion_mnist,bound,,128,40,5,4000,1,4.1
fashion_mnist,ours,soft_cgt,128,40,5,3872,0.968,3.97
"""
SCALING = """\
factor,value,repeats,macs,train_seconds,infer_seconds,macs_ratio,train_ratio,infer_ratio
samples,1024,3,1000,1,0.5,1,1,1
samples,2048,3,2000,2,2,2,2,4
"""
PIPELINE = """\
what,value,unit,goal
cgt --help,0.1234,s,< 0.3
"smoke configuration, --cores 2 against --cores 1",1.75,times as fast,
"""


def test_without_measurements_it_says_so(tmp_path):
    write_page(tmp_path)
    assert (tmp_path / "performance.md").read_text() == NOTHING


def test_each_table_becomes_a_part(tmp_path):
    tables = {
        "infer_fashion_mnist": INFER,
        "train": TRAIN,
        "scaling": SCALING,
        "pipeline": PIPELINE,
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / f"{name}.json").write_text(json.dumps(MACHINE))
    page = performance_markdown(tmp_path)
    assert (
        "| Fashion-MNIST | SoftCGT | 21 % | 23 % | 41 % | 4 % | 0.20 / 0.30 / 0.40 "
        "| 0.05 / 0.06 / 0.07 |"
    ) in page
    assert "engines on the whole test sets: 3 in 4 passes." in page
    assert "| Fashion-MNIST | ours | SoftCGT | 3,872 | 97 % | 4.0 × |" in page
    assert "| samples | 1,024 to 2,048 | 2.0 × | 2.0 × | 4.0 × | 1.00 | 2.00 |" in page
    assert "| cgt --help | 0.123 s | < 0.3 s |" in page
    assert "| smoke configuration, --cores 2 against --cores 1 | 1.75 times as fast | – |" in page
    assert page.count("Measured on Abacus with 2 cores, Python 3.11.7, torch 2.13.0.") == 1


def test_a_missing_table_leaves_its_part_out(tmp_path):
    (tmp_path / "pipeline.csv").write_text(PIPELINE)
    page = performance_markdown(tmp_path)
    assert "cgt --help" in page
    assert "SoftCGT" not in page


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_growth_is_the_power_of_the_work(power):
    work = [100, 200, 400, 800]
    ratios = np.array(work) / work[0]
    part = pd.DataFrame({"macs_ratio": ratios, "train_ratio": ratios**power})
    assert growth(part, "train_ratio") == pytest.approx(power)
