"""A data card of published results, as Croissant: every CSV with its columns, types and checksum.

Source: Croissant Format Specification 1.0, MLCommons, 2024 (docs.mlcommons.org/croissant). While
CITATION.cff gives neither `date-released` nor `url`, the card has no `datePublished`, and the page
beside it as `url`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cgt.records.csv_columns import ROW_TABLES, RUN, TABLES
from cgt.records.files import json_text, write_text

FILE = "croissant.json"
DESCRIBED = ("*.csv", "summary/*.csv", "tuning/*.csv")
"""Files with a record set of their own. Published rows are many files of one form each."""

KEYS: Mapping[str, tuple[str, ...]] = {
    **{name: (*RUN, *table.key) for name, table in TABLES.items()},
    "audit": ("dataset", "class"),
    "class_names": ("dataset", "class"),
    "confusion": (*RUN, "exit", "target", "prediction"),
    "differences": ("dataset", "metric", "method"),
    "leaderboard": ("dataset", "method"),
    "verdicts": ("claim", "method", "dataset"),
}
"""Columns that name a row, of tables whose rows have such."""

ABOUT = {
    "areas": "test accuracy averaged over budgets of cost, run by run",
    "audit": "pixels of each class in the splits of a scene, and how many test patches overlap",
    "calibration": "calibration error of each exit, with and without a temperature",
    "claims": "what each verdict on a claim of the paper rests on",
    "class_names": "what the numbers of classes stand for",
    "classes": "precision and recall of each class",
    "comparisons": "paired differences of all pairs of methods, with corrected p-values",
    "confusion": "which class is taken for which, exit by exit, at the seed that is shown",
    "curves": "accuracy and cost as one threshold moves",
    "differences": "what may be said of each difference from BranchyNet, by test and by interval",
    "exit_rules": "area by rule to leave by",
    "exits": "each exit by itself",
    "failure": "how well an exit's confidence tells right from wrong",
    "gradients": "gradients of the exits on shared stages, over epochs",
    "leaderboard": "all published rows beside BranchyNet",
    "operating_points": "scores, cost and exit shares at each operating point",
    "oracle": "every sample leaves at the first exit that is right",
    "overthinking": "how often an earlier exit was right",
    "pilot": "trials of the pilot that set the range of learning rates",
    "power": "differences that so few seeds can detect",
    "ranks": "mean ranks over independent datasets",
    "reliability": "accuracy and confidence of each exit in bins of the confidence",
    "sample_intervals": "differences from BranchyNet with seeds and test samples drawn anew",
    "timings": "wall time of each training",
    "training": "what each exit learned from, epoch by epoch",
    "tuning": "hyperparameter trials",
    "verdicts": "one verdict for each claim, method and dataset",
}
"""What a table holds; columns are described in `cgt.records.csv_columns`."""

_CR = "http://mlcommons.org/croissant/"
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty"),
    *("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": _CR,
    "rai": f"{_CR}RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
"""As the specification gives it."""


def data_card(published: Path, citation: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the CSVs of a published folder.

    Args:
        published: such as `results/published`.
        citation: content of CITATION.cff.

    Returns:
        JSON-LD. Paths are relative to `published`; types are those of the cells.

    Raises:
        ValueError: naming the folder if it has no tables.
    """
    paths = sorted(path for pattern in DESCRIBED for path in published.glob(pattern))
    if not paths:
        raise ValueError(f"{published}: there are no tables; give the folder of published results")
    article = citation["preferred-citation"]
    card = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{_CR}1.0",
        "name": "early_exit_training_benchmark",
        "description": (
            "Results of training early-exit networks in different ways on the same networks and "
            "data: scores, costs, exits, gradients and comparisons, run by run. Shares and scores "
            "lie in [0, 1]; exits and epochs count from 1, classes from 0. "
            "Which results follow which protocol is said in README.md beside this card."
        ),
        "license": f"https://spdx.org/licenses/{citation['license']}.html",
        "url": citation.get("url", "README.md"),
        "version": str(citation["version"]),
        "creator": [
            {"@type": "sc:Organization", "name": author["name"]} for author in citation["authors"]
        ],
        "citeAs": f"{_names(article['authors'])}: {article['title']}. {article['journal']}, "
        f"{article['year']}.",
    }
    if "date-released" in citation:
        card["datePublished"] = str(citation["date-released"])
    rows = [name.removeprefix("row_") for name in ROW_TABLES]
    card["distribution"] = [
        *(_file(path, published) for path in paths),
        *(_rows(name) for name in rows if any(published.glob(f"rows/*/*/{name}.csv"))),
    ]
    card["recordSet"] = [_record_set(path, published) for path in paths]
    return card


def write_data_card(published: Path, citation: Path) -> Path:
    """Write `data_card` into the published folder; return where it is.

    Raises:
        ValueError: if `citation` lacks its authors or the article, or as `data_card`.
    """
    said = _citation(citation)
    write_text(published / FILE, json_text(data_card(published, said)))
    return published / FILE


def _citation(path: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    article = said.get("preferred-citation") if isinstance(said, dict) else None
    whole = isinstance(article, dict) and {"authors", "title", "journal", "year"} <= set(article)
    if not (whole and {"license", "version", "authors"} <= set(said)):
        raise ValueError(
            f"{path}: license, version, authors and a preferred-citation with authors, title, "
            f"journal and year are needed; give this project's CITATION.cff"
        )
    return said


def _names(authors: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(f"{author['given-names']} {author['family-names']}" for author in authors)


def _file(path: Path, published: Path) -> dict[str, Any]:
    place, content = path.relative_to(published).as_posix(), path.read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": place,
        "name": place,
        "description": ABOUT.get(path.stem, path.stem),
        "contentUrl": place,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _rows(name: str) -> dict[str, Any]:
    place = f"rows/*/*/{name}.csv"
    return {
        "@type": "cr:FileSet",
        "@id": f"rows_{name}",
        "name": f"rows_{name}",
        "description": f"published rows, one file for each dataset and entry: {name}",
        "encodingFormat": "text/csv",
        "includes": place,
    }


def _record_set(path: Path, published: Path) -> dict[str, Any]:
    place, stem = path.relative_to(published).as_posix(), path.stem
    name = place.removeprefix("summary/").removesuffix(".csv").replace("/", "_")
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    found: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": ABOUT.get(stem, stem),
    }
    if stem in KEYS:
        found["key"] = [{"@id": f"{name}/{column}"} for column in KEYS[stem]]
    found["field"] = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "dataType": _type(frame[column]),
            "source": {"fileObject": {"@id": place}, "extract": {"column": column}},
        }
        for column in frame
    ]
    return found


def _type(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "sc:Boolean"
    if pd.api.types.is_integer_dtype(column):
        return "sc:Integer"
    return "sc:Float" if pd.api.types.is_float_dtype(column) else "sc:Text"
