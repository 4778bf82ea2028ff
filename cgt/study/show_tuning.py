"""Trials entry by entry, from the tables of finished searches to one table, page and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import yaml

from cgt.analysis.figures.trials import best_of_trials
from cgt.analysis.groups import REFERENCE
from cgt.analysis.style import RC, order, save
from cgt.analysis.tables.trials import trials_markdown
from cgt.analysis.trials import growth
from cgt.records.cards import cards
from cgt.records.files import write_text
from cgt.study.design import Range
from cgt.study.listed import enlist, put, read_list
from cgt.study.publish import TUNING_PAGE, publishable
from cgt.study.space import as_choices
from cgt.study.tuning import best_of, read_table

TABLE = "tuning.csv"
CHOSEN = "tuned.yaml"
"""What was chosen, as an overlay of the configuration."""
_HEAD = "# Overlay on next.yaml and field.yaml: what the searches have chosen. Written by code.\n"


def shards(folder: Path) -> list[Path]:
    """Tables of finished searches, `{dataset}/{entry}.csv`, in the order of display."""
    return sorted(folder.glob("*/*.csv"), key=_place)


def show_tuning(folder: Path, config: Mapping[str, Any], out: Path, redraw: bool = False) -> None:
    """Write table, page, figures and the chosen settings of the searches in `folder` into `out`.

    Args:
        folder: of the tables.
        config: of it `tuning`; and `methods`, for entries and datasets that take others' values.
        out: folder to write into.
        redraw: leave the chosen settings alone: they need the configuration of the search.

    Raises:
        ValueError: if there is none, or a table is none of trials.
    """
    paths = shards(folder)
    tables = [read_table(path) for path in paths]
    if not tables:
        raise ValueError(f"{folder}: holds no finished search; `make tune` makes them")
    together = pd.concat(tables, ignore_index=True)
    write_text(out / TABLE, "".join(_lines(paths)))
    space = as_choices(config["tuning"]["space"]["lr"])
    lr_range = (space.low, space.high) if isinstance(space, Range) else None
    write_text(out / TUNING_PAGE, trials_markdown(together, REFERENCE, lr_range))
    grown = growth(together)
    for dataset in order(together, "dataset"):
        with matplotlib.rc_context(RC):
            figure = best_of_trials(grown, dataset, REFERENCE)
        save(figure, out / f"best_of_{dataset}")
    if redraw:
        return
    chosen = best_of(tables, config)
    text = yaml.safe_dump({"methods": chosen}, sort_keys=False, default_flow_style=None, width=100)
    write_text(out / CHOSEN, _HEAD + text)


def publish_tuning(results: Path, config: Mapping[str, Any], out: Path) -> list[str]:
    """Put finished searches beside those published before, and draw the page of all of them.

    Of an entry the newer search counts.

    Returns:
        Names of the searches that were put there, `dataset/entry`.

    Raises:
        ValueError: if there is none, or others' files are in the way. Nothing is changed then.
    """
    found = {path.relative_to(results).as_posix(): path for path in shards(results)}
    if not found:
        raise ValueError(f"{results}: holds no finished search; `make tune` makes them")
    listed = [name for name in read_list(out) if (out / name).is_file()]
    kept = {name: out / name for name in listed}  # the pilot, too
    put({name: path.read_bytes() for name, path in {**kept, **found}.items()}, out)
    show_tuning(out, config, out)
    enlist(out, [path.name for path in publishable(out, "*", ".yaml")])
    return [name.removesuffix(".csv") for name in found]


def _lines(paths: Sequence[Path]) -> list[str]:
    """The first table whole, of the others all but the heading: cells stay as they were written."""
    texts = [path.read_text(encoding="utf-8").splitlines(keepends=True) for path in paths]
    return [line for number, lines in enumerate(texts) for line in lines[1 if number else 0 :]]


def _place(path: Path) -> tuple[Any, ...]:
    """Datasets and methods in the order of their cards; an entry behind the method it is of."""
    datasets, methods = list(cards("data")), list(cards("methods"))
    dataset, entry = path.parent.name, path.stem
    of = [name for name in methods if entry == name or entry.startswith(f"{name}_")]
    known = methods.index(max(of, key=len)) if of else len(methods)
    return dataset not in datasets, dataset, known, entry
