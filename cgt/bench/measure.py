"""What the benchmarks share: interleaved repeats, medians, a table with its machine beside it."""

import csv
import io
import statistics
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cgt.records.files import write_json, write_text
from cgt.records.manifest import environment


def interleave(
    loops: Mapping[Hashable, Callable[[], Any]], repeats: int
) -> dict[Hashable, list[Any]]:
    """What each loop returns, `repeats` times: A B C A B C …, so that all see the same machine.

    A first round, in which caches fill, does not count.
    """
    rounds = [{name: loop() for name, loop in loops.items()} for _ in range(1 + repeats)]
    return {name: [of[name] for of in rounds[1:]] for name in loops}


def median_ratio(values: Sequence[float], to: Sequence[float]) -> float:
    """Median over the rounds of value to value: each pair was measured at the same time."""
    return statistics.median(a / b for a, b in zip(values, to, strict=True))


def write_table(
    path: Path, rows: Iterable[Mapping[str, Any]], threads: int, packages: Sequence[str] = ()
) -> None:
    """Write the rows as CSV to `path`, and beside it the code, versions and machine as JSON.

    Numbers keep four significant digits: a measurement has no more. `threads`: CPU threads used;
    `packages`: those whose speed was measured, besides what every run uses.
    """
    rows = [{key: _shown(value) for key, value in row.items()} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    machine = environment(threads)
    machine["versions"] |= {package: version(package) for package in packages}
    write_json(path.with_suffix(".json"), machine)
    write_text(path, text.getvalue())


def _shown(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
