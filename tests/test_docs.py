"""What docs/submit.md shows works: the snippet's predictions are accepted and described."""

import re
from pathlib import Path

from cgt.commands.cli import main
from cgt.records.predictions import KEYS
from cgt.records.reference import Reference, save_reference

PAGE = (Path(__file__).parents[1] / "docs/submit.md").read_text(encoding="utf-8")


def test_the_snippet_hands_in_what_is_accepted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    split = ["mnist1d", "--seed", "1", "--raw", "data/raw/mnist1d"]
    assert main(["prepare", *split, "--out", "data/prepared/mnist1d/1.npz"]) == 0
    digits = tuple("0123456789")
    reference = Reference("mnist1d", "roomy_signals", 3, 172880, 3120, "signals", digits)
    save_reference("results/reference/mnist1d.json", reference)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(snippet, "submit.md", "exec"), {})
    places = ["--prepared", "data/prepared", "--raw", "data/raw"]
    assert main(["verify", "handed_in", *places, "--references", "results/reference"]) == 0
    said = capsys.readouterr().out
    assert "seeds" in said and "10000 at each seed" in said
    right = float(re.search(r"all at the last exit +([\d.]+) % right", said)[1])
    assert right > 20  # better than chance


def test_every_array_of_the_format_is_described():
    table = PAGE[PAGE.index("| array |") : PAGE.index("Any program can write it")]
    assert set(re.findall(r"`(\w+)` ?[,|]", table)) == KEYS
