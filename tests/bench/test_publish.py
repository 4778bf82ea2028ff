"""Measurements go where the README's page is filled from."""

import json

from cgt.commands.cli import main
from cgt.study.listed import LIST

MACHINE = {"cpu": "Abacus", "cpu_count": 2, "versions": {"python": "3.11.7", "torch": "2.13.0"}}


def test_tables_and_machines_are_published_and_nothing_else(tmp_path):
    measured, out = tmp_path / "benchmarks", tmp_path / "published"
    (measured / "train" / "fashion_mnist").mkdir(parents=True)
    (measured / "train" / "fashion_mnist" / "1.tsv").write_text("s\n1\n")
    (measured / "pipeline.csv").write_text("what,value,unit,goal\ncgt --help,0.1,s,< 0.3\n")
    (measured / "pipeline.json").write_text(json.dumps(MACHINE))
    out.mkdir()
    (out / "old.csv").write_text("")
    assert main(["publish-bench", str(measured), "--out", str(out)]) == 0
    names = {path.name for path in out.rglob("*")}
    others = {"old.csv"}
    assert names == {"pipeline.csv", "pipeline.json", "performance.md", LIST, *others}
    page = (out / "performance.md").read_text()
    assert "| cgt --help | 0.1 s | < 0.3 s |" in page
    assert "Abacus" in page


def test_without_measurements_what_is_published_stays(tmp_path, capsys):
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "old.csv").write_text("")
    assert main(["publish-bench", str(tmp_path), "--out", str(tmp_path / "published")]) == 2
    assert "holds no measurements" in capsys.readouterr().err
    assert (tmp_path / "published" / "old.csv").is_file()
