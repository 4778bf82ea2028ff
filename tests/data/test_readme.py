"""data/README.md says what the code does."""

from pathlib import Path

import numpy as np

from cgt.data.indian_pines import CLASS_NAMES
from cgt.data.registry import builder_of
from cgt.data.scene_builder import split_counts
from cgt.records.cards import cards

README = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")


def test_checksums_and_mirror_names_are_the_coded_ones():
    for builder in map(builder_of, cards("data")):
        for file in builder.files:
            assert f"| {file.name} | `{file.sha256}` |" in README
            assert builder.mirror_format.name(file) in README


def test_table_of_classes_is_the_coded_split():
    rows = [line.split(" | ") for line in README.splitlines() if line.startswith("| ")]
    rows = [[cell.strip("| ") for cell in row] for row in rows if len(row) == 6][1:]
    assert [row[1] for row in rows[:-1]] == list(CLASS_NAMES)
    numbers = [[int(cell) for cell in row[2:]] for row in rows]
    for pixels, *split in numbers:
        assert sum(split) == pixels
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]
    counts = split_counts(np.array([row[0] for row in numbers[:-1]]))
    assert [part.tolist() for part in counts] == [[r[i] for r in numbers[:-1]] for i in (1, 2, 3)]
