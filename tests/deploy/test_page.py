"""What the page on devices shows runs as it stands there."""

import re
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.analysis.performance import device_markdown

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/device.md").read_text(encoding="utf-8")


def test_the_snippets_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    stages = [nn.Conv2d(3, 4, 3, stride=4), nn.Conv2d(4, 4, 3, stride=2)]
    heads = [nn.Sequential(nn.Flatten(), nn.Linear(size, 2)) for size in (256, 36)]
    x = torch.randn(9, 3, 32, 32)
    names = {
        "network": EarlyExitNetwork(stages, heads).eval(),
        "names": ["cat", "dog"],
        "scaling": {"mean": [0.0] * 3, "std": [1.0] * 3, "projection": None},
        **{"x": x, "raw": x[:1].numpy(), "one_sample": x[:1].numpy()},
    }
    found = []
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(snippet, "device.md", "exec"), names)
        found.append([names.get(name) for name in ("exit_index", "prediction")])
    _, ours, plain = found
    expected = names["network"].infer(x[:1], 0.9)
    assert ours == plain == [one.numpy() for one in expected]


def test_the_table_is_the_published_one():
    (block,) = re.findall(r"<!-- device.md -->\n(.*?)\n<!-- end -->", PAGE, flags=re.DOTALL)
    published = ROOT / "results/published/benchmarks/device"
    measured = pd.read_csv(published.with_suffix(".csv"), keep_default_na=False)
    assert block.strip() == device_markdown(measured).strip()
    assert block.strip() == published.with_suffix(".md").read_text(encoding="utf-8").strip()
