"""The data card says what the published tables are."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cgt.study.datacard import ABOUT, KEYS, data_card, write_data_card

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def card():
    return data_card(PUBLISHED, CITATION)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "summary").mkdir()
    (tmp_path / "summary/areas.csv").write_text(
        "dataset,method,seed,mean_budget_accuracy\nd,m,1,0.5\nd,m,2,1\n"
    )
    (tmp_path / "tuning.csv").write_text("method,score,n,chosen\nm,,3,True\nnan,0.1,4,False\n")
    return tmp_path


def fields(card, name):
    (found,) = (one for one in card["recordSet"] if one["@id"] == name)
    return {field["name"]: field["dataType"] for field in found["field"]}


def test_columns_have_the_types_of_their_cells(folder):
    card = data_card(folder, CITATION)
    assert fields(card, "areas") == {
        "dataset": "sc:Text",
        "method": "sc:Text",
        "seed": "sc:Integer",
        "mean_budget_accuracy": "sc:Float",
    }
    expected = {"method": "sc:Text", "score": "sc:Float", "n": "sc:Integer", "chosen": "sc:Boolean"}
    assert fields(card, "tuning") == expected


def test_files_are_named_from_the_folder_with_their_digests(folder):
    files = {file["@id"]: file for file in data_card(folder, CITATION)["distribution"]}
    assert set(files) == {"tuning.csv", "summary/areas.csv"}
    content = (folder / "summary/areas.csv").read_bytes()
    found = files["summary/areas.csv"]
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["contentSize"] == f"{len(content)} B"


def test_a_release_date_is_the_citations(folder):
    undated = {key: value for key, value in CITATION.items() if key != "date-released"}
    assert "datePublished" not in data_card(folder, undated)
    dated = data_card(folder, {**CITATION, "date-released": "2027-01-02"})
    assert dated["datePublished"] == "2027-01-02"


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there are no tables"):
        data_card(tmp_path, CITATION)


def test_the_published_card_follows_from_the_published_tables(card):
    assert json.loads((PUBLISHED / "croissant.json").read_text(encoding="utf-8")) == card


def test_writing_twice_gives_the_same_bytes(folder):
    first = write_data_card(folder, ROOT / "CITATION.cff").read_bytes()
    assert write_data_card(folder, ROOT / "CITATION.cff").read_bytes() == first


def test_every_published_table_is_described_and_its_key_is_one(card):
    paths = [file["@id"] for file in card["distribution"] if file["@type"] == "cr:FileObject"]
    assert {Path(path).stem for path in paths} <= ABOUT.keys()
    for path in paths:
        if (key := KEYS.get(Path(path).stem)) is not None:
            assert not pd.read_csv(PUBLISHED / path).duplicated(list(key)).any(), path


def test_it_is_valid_croissant():
    mlcroissant = pytest.importorskip("mlcroissant")
    found = mlcroissant.Dataset(str(PUBLISHED / "croissant.json"))
    assert not found.metadata.issues.errors
    first = next(iter(found.records("areas")))
    assert first["areas/seed"] == 1
