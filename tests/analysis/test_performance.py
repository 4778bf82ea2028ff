"""The page of measured speed says what the tables say, and nothing without them."""

import json

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.performance import NOTHING, growth, performance_markdown, write_page

MACHINE = {"cpu": "Abacus", "cpu_count": 2, "versions": {"python": "3.11.7", "torch": "2.13.0"}}
INFER = """\
dataset,seed,method,point,variant,engine,batch,accuracy,relative_macs,relative_time,relative_time_low,relative_time_high,p50_ms,p95_ms,p99_ms,samples_per_second,decision_overhead,disagreements,disagreement_distance
fashion_mnist,1,soft_cgt,,backbone,torch,1,0.92,1,1,1,1,0.5,0.6,0.7,2000,,,
fashion_mnist,1,soft_cgt,one_se,simulated,torch,1,0.92,1,1.32,1,1,0.5,0.6,0.7,2000,,,
fashion_mnist,1,hard_cgt,one_se,simulated,torch,1,0.92,1,1.5,1,1,0.5,0.6,0.7,2000,,,
fashion_mnist,1,soft_cgt,one_se,simulated,torch,256,0.92,1,1.01,1,1,,,,2000,,,
fashion_mnist,1,soft_cgt,one_se,infer,torch,7,0.9215,0.21,0.8,0.7,0.9,,,,9000,,0,
fashion_mnist,1,soft_cgt,one_se,infer,onnxruntime,7,0.9215,0.21,0.6,0.5,0.7,,,,9000,,0,
fashion_mnist,1,static,,prefix_2,torch,7,0.91,0.43,0.55,0.5,0.6,,,,9000,,,
fashion_mnist,1,soft_cgt,one_se,infer,torch,1,0.9215,0.21,0.41,0.4,0.43,0.2,0.3,0.4,5000,0.042,2,3e-08
fashion_mnist,1,soft_cgt,one_se,infer,torch,256,0.9215,0.21,0.234,0.23,0.24,,,,40000,,0,
fashion_mnist,1,soft_cgt,one_se,infer,onnxruntime,1,0.9215,0.21,0.3,0.3,0.3,0.05,0.06,0.07,9000,,0,
fashion_mnist,1,soft_cgt,one_se,infer,onnxruntime,256,0.9215,0.21,0.25,0.2,0.3,,,,50000,,0,
fashion_mnist,1,soft_cgt,threshold_0.9,infer,torch,1,0.93,0.9,0.9,0.9,0.9,9,9,9,1000,0.9,1,1e-08
fashion_mnist,1,static,,prefix_2,torch,1,0.91,0.43,0.5,0.5,0.5,0.2,0.2,0.2,4000,,,
fashion_mnist,1,static,,prefix_2,torch,256,0.91,0.43,0.6,0.6,0.6,,,,30000,,,
"""
TRAIN = """\
dataset,loop,method,batch_size,steps,repeats,samples_per_second,relative_to_bound,relative_to_conventional
fashion_mnist,bound,,128,40,5,4000,1,4.1
fashion_mnist,ours,soft_cgt,128,40,5,3872,0.968,3.97
fashion_mnist,"ours, whole epochs",soft_cgt,128,40,5,3600,0.9,
"""
ENTRIES = """\
dataset,method,seed,epochs,steps,rounds,epoch_seconds,epoch_factor,epoch_factor_low,epoch_factor_high,peak_mib,ms_1,ms_64,reference_ms_1,reference_ms_64,relative_time_1,relative_time_64
fashion_mnist,branchynet,1,6,40,3,10,1,1,1,500,0.08,0.9,0.1,2,0.8,0.45
fashion_mnist,cascade,1,6,40,3,5,0.504,0.48,0.61,412.4,0.07,0.8,0.1,2,0.7,0.4
"""
SCALING = """\
factor,value,repeats,macs,train_seconds,infer_seconds,macs_ratio,train_ratio,infer_ratio
samples,1024,3,1000,1,0.5,1,1,1
samples,2048,3,2000,2,2,2,2,4
"""
DEVICE = """\
network,input,engine,memory_format,batch,way,exit_shares,relative_macs,relative_time,relative_time_low,relative_time_high,goal,mean_us,samples,rounds
big,3x32x32,onnxruntime,,1,bare,,1,1,1,1,,24400,64,7
big,3x32x32,onnxruntime,,1,deployed,0.700 0.300,0.4204,0.3924,0.35,0.42,0.4204,9577,64,7
big,3x32x32,torch,channels_last,64,bare,,1,1,1,1,,19470,64,9
big,3x32x32,torch,channels_last,64,infer,0.703 0.297,0.4204,0.5128,0.4,0.58,0.4624,9986,64,9
"""
PIPELINE = """\
what,value,unit,goal
cgt --help,0.1234,s,< 0.3
"smoke configuration, --cores 2 against --cores 1",1.75,times as fast,
"""


def test_without_measurements_it_says_so(tmp_path):
    write_page(tmp_path)
    assert (tmp_path / "performance.md").read_text() == NOTHING


def test_the_device_has_a_page_of_its_own_too(tmp_path):
    (tmp_path / "device.csv").write_text(DEVICE)
    (tmp_path / "device.json").write_text(json.dumps(MACHINE))
    write_page(tmp_path)
    page = (tmp_path / "device.md").read_text()
    assert page in (tmp_path / "performance.md").read_text()
    assert "| `big` | 3 × 32 × 32 | `Deployed` | 1 | 70 / 30 | 0.42 | 0.392 (0.35 to 0.42) "\
        "| ≤ 0.420 | yes | 24,400 |" in page  # fmt: skip
    assert "| `infer`, channels-last | 64 | 70 / 30 | 0.42 | 0.513 (0.40 to 0.58) "\
        "| ≤ 0.462 | **no** | 19,470 |" in page  # fmt: skip
    assert "7 to 9 rounds" in (tmp_path / "performance.md").read_text()


def test_each_table_becomes_a_part(tmp_path):
    tables = {
        "infer_fashion_mnist": INFER,
        "train": TRAIN,
        "entries_fashion_mnist": ENTRIES,
        "scaling": SCALING,
        "pipeline": PIPELINE,
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / f"{name}.json").write_text(json.dumps(MACHINE))
    page = performance_markdown(tmp_path)
    in_torch, in_onnxruntime = page.split("With onnxruntime:")
    assert (
        "| Fashion-MNIST | SoftCGT | 92.15 | 21 % | 23 % (23 to 24) | 80 % (70 to 90) "
        "| 41 % (40 to 43) | 4 % | 40,000 | 0.20 / 0.30 / 0.40 |"
    ) in in_torch
    assert "| Fashion-MNIST | Static, depth 2 | 91.00 | 43 % | 60 % (60 to 60)" in in_torch
    assert (
        "| Fashion-MNIST | SoftCGT | 92.15 | 21 % | 25 % (20 to 30) | 60 % (50 to 70) "
        "| 30 % (30 to 30) | – | 50,000 | 0.05 / 0.06 / 0.07 |"
    ) in in_onnxruntime
    assert (
        "| Fashion-MNIST | CO | 0.50 × (0.48 to 0.61) | 412 | 0.07 | 70 % | 0.80 | 40 % |" in page
    )
    assert (
        "against BranchyNet on the same dataset, over all phases of trainings of 6 epochs" in page
    )
    assert "takes 132 to 150 % in batches of 1, 101 to 101 % in batches of 256." in page
    assert "differ from what the run wrote: 3 of all in 7 passes over whole test sets" in page
    assert "the confidence is at most 3e-08 from the threshold." in page
    assert "| Fashion-MNIST | ours | SoftCGT | 3,872 | 97 % | 4.0 × |" in page
    assert "checkpoint | SoftCGT | 3,600 | 90 % | – |" in page
    assert "| samples | 1,024 to 2,048 | 2.0 × | 2.0 × | 4.0 × | 1.00 | 2.00 |" in page
    assert "| cgt --help | 0.123 s | < 0.3 s |" in page
    assert "| smoke configuration, --cores 2 against --cores 1 | 1.75 times as fast | – |" in page
    assert page.count("Measured on Abacus with 2 cores, python 3.11.7, torch 2.13.0.") == 1


def test_another_answer_at_the_same_exit_is_no_matter_of_the_threshold(tmp_path):
    (tmp_path / "infer_fashion_mnist.csv").write_text(INFER.replace("3e-08", "inf"))
    assert "whole test sets, some at the exit that the run took." in performance_markdown(tmp_path)


def test_a_missing_table_leaves_its_part_out(tmp_path):
    (tmp_path / "pipeline.csv").write_text(PIPELINE)
    page = performance_markdown(tmp_path)
    assert "cgt --help" in page
    assert "SoftCGT" not in page


def test_what_onnxruntimes_baseline_is_stands_there_if_all_measurements_say_so(tmp_path):
    said = "by the same engine (in onnxruntime a bare session, without any code of ours); time"
    path = tmp_path / "infer_fashion_mnist.csv"
    path.write_text(INFER)
    assert "by the same engine; time" in performance_markdown(tmp_path)
    table = pd.read_csv(path)
    bare = table["engine"].map({"torch": "module", "onnxruntime": "bare session"})
    table.assign(baseline=bare).to_csv(path, index=False)
    assert said in performance_markdown(tmp_path)
    older = INFER.replace("fashion_mnist", "indian_pines")
    (tmp_path / "infer_indian_pines.csv").write_text(older)
    assert "by the same engine; time" in performance_markdown(tmp_path)


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_growth_is_the_power_of_the_work(power):
    work = [100, 200, 400, 800]
    ratios = np.array(work) / work[0]
    part = pd.DataFrame({"macs_ratio": ratios, "train_ratio": ratios**power})
    assert growth(part, "train_ratio") == pytest.approx(power)


def test_a_former_name_of_a_point_is_refused(tmp_path):
    (tmp_path / "infer_fashion_mnist.csv").write_text(INFER.replace("one_se", "knee"))
    with pytest.raises(ValueError, match=r"infer_fashion_mnist\.csv.*knee is called one_se now"):
        performance_markdown(tmp_path)
