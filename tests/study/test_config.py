"""A wrong configuration is refused with a message that names the key and what is allowed."""

import copy
from pathlib import Path

import jsonschema
import pytest

from cgt.study.config import (
    ConfigError,
    check_config,
    check_places,
    load_config,
    merge,
    seeds_of,
)
from cgt.study.mistakes import nearest
from cgt.study.schema import implementation_of, load_schema

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = load_config(ROOT / "config/config.yaml")


def study(methods=("hard_cgt",), datasets=("indian_pines",), vary=None):
    """An overlay with one study."""
    vary = vary or {"tau": [0.5]}
    named = {"methods": list(methods), "datasets": list(datasets), "vary": vary}
    return {"ablation": {"studies": [named]}}


THREE = {name: {"lr": 0.1} for name in CONFIG["datasets"]}

# What is changed, and what the message must say.
MISTAKES = {
    "typo in a key": (
        {"datasets": {"indian_pines": {"epoch": 3}}},
        [
            "datasets.indian_pines.epoch: unknown key",
            "did you mean 'epochs'?",
            "with the value 3",
            "batch_size",
        ],
    ),
    "typo at the top": ({"seed": [1]}, ["seed: unknown key", "did you mean 'seeds'?"]),
    "unknown method": (
        {"methods": {"sotf_cgt": {}}},
        ["methods.sotf_cgt: unknown key", "did you mean 'soft_cgt'?", "classynet", "`method:`"],
    ),
    "unknown dataset": (
        {"datasets": {"fashion_mnits": {}}},
        ["datasets.fashion_mnits: there is no such dataset", "did you mean 'fashion_mnist'?"],
    ),
    "another method's hyperparameter": (
        {"methods": {"hard_cgt": {"fashion_mnist": {"scale": 2.0}}}},
        ["methods.hard_cgt.fashion_mnist.scale: unknown key", "allowed: lr, tau"],
    ),
    "a key that had another name": (
        {"methods": {"hard_cgt": {"fashion_mnist": {"labels": False}}}},
        ["methods.hard_cgt.fashion_mnist.labels: this key is called use_labels now"],
    ),
    "an entry of an unknown method": (
        {"methods": {"mine": {"method": "soft_cgd"}}},
        ["methods.mine.method: 'soft_cgd'", "did you mean 'soft_cgt'?"],
    ),
    "an entry whose name is no name": (
        {"methods": {"my-method": {"method": "single_exit", **THREE}}},
        ["methods.my-method: 'my-method' is not allowed", "starts with a letter"],
    ),
    "an unknown network": (
        {"datasets": {"fashion_mnist": {"network": "compact_image"}}},
        ["datasets.fashion_mnist.network: 'compact_image'", "did you mean 'compact_images'?"],
    ),
    "a network of another kind": (
        {"datasets": {"fashion_mnist": {"network": "compact_scene"}}},
        ["datasets.fashion_mnist.network: 'compact_scene'", "kind images takes: compact_images"],
    ),
    "exits that the network cannot have": (
        {"datasets": {"indian_pines": {"exits": 4}}},
        ["datasets.indian_pines.exits: 4", "compact_scene can have 2, 3"],
    ),
    "one exit": (
        {"datasets": {"fashion_mnist": {"exits": 1}}},
        ["datasets.fashion_mnist.exits: 1", "at least 2"],
    ),
    "a list for another number of exits": (
        {"datasets": {"fashion_mnist": {"exits": 4}}},
        [
            "methods.branchynet.fashion_mnist.exit_weights: [1.0, 0.6, 0.3]",
            "a network of 4 exits needs a list of 4 numbers",
        ],
    ),
    "an unknown shape": (
        {"methods": {"branchynet": {"indian_pines": {"exit_weights": "fallling"}}}},
        ["methods.branchynet.indian_pines.exit_weights: 'fallling'", "equal, rising, falling"],
    ),
    "a dataset of one's own without a path": (
        {"datasets": {"mine": {"kind": "images"}}},
        ["datasets.mine.path: missing", "datasets.mine.network: missing"],
    ),
    "a dataset of one's own of an unknown kind": (
        {"datasets": {"mine": {"kind": "image"}}},
        ["datasets.mine.kind: 'image'", "did you mean 'images'?"],
    ),
    "a setting of another kind": (
        {"datasets": {"mine": {"kind": "signals", "patch": 5}}},
        ["datasets.mine.patch: unknown key"],
    ),
    "settings of a study for a method of the benchmark": (
        {"ablation": {"methods": {"hard_cgt": {"indian_pines": {"lr": 0.1}}}}},
        ["ablation.methods.hard_cgt: not allowed"],
    ),
    "a study without settings for its dataset": (
        {
            "ablation": {
                "seeds": {"indian_pines_disjoint": [1]},
                **study(["cgt_plus"], ["indian_pines_disjoint"], {"gradient_scale": [0.5]})[
                    "ablation"
                ],
            }
        },
        ["ablation.methods.cgt_plus.indian_pines_disjoint: missing"],
    ),
    "length of a study on no dataset": (
        {"ablation": {"epochs": {"indian_pines": 0}}},
        ["ablation.epochs.indian_pines: 0", "at least 1"],
    ),
    "duplicate seeds": ({"seeds": [1, 2, 1]}, ["seeds: [1, 2, 1]", "must be different"]),
    "duplicate seeds of a dataset": (
        {"seeds": {"indian_pines": [1, 1]}},
        ["seeds.indian_pines: [1, 1]", "must be different"],
    ),
    "seeds of an unknown dataset": (
        {"seeds": {"indian_pine": [1]}},
        ["seeds.indian_pine: unknown key", "did you mean 'indian_pines'?"],
    ),
    "no seeds": ({"seeds": []}, ["seeds: []", "at least 1"]),
    "negative epochs": (
        {"datasets": {"fashion_mnist": {"epochs": -1}}},
        ["datasets.fashion_mnist.epochs: -1", "at least 1"],
    ),
    "fractional epochs": (
        {"datasets": {"fashion_mnist": {"epochs": 1.5}}},
        ["datasets.fashion_mnist.epochs: 1.5", "of type integer"],
    ),
    "tau above 1": (
        {"methods": {"soft_cgt": {"indian_pines": {"tau": 1.2}}}},
        ["methods.soft_cgt.indian_pines.tau: 1.2", "at most 1"],
    ),
    "tau that is no number": (
        {"methods": {"soft_cgt": {"indian_pines": {"tau": float("nan")}}}},
        ["methods.soft_cgt.indian_pines.tau: nan", "must be a finite number"],
    ),
    "weight without bound": (
        {"methods": {"branchynet": {"indian_pines": {"exit_weights": [1, 1, float("inf")]}}}},
        ["methods.branchynet.indian_pines.exit_weights.2: inf", "must be a finite number"],
    ),
    "share of everything": (
        {"methods": {"classynet": {"indian_pines": {"warmup": 1.0}}}},
        ["methods.classynet.indian_pines.warmup: 1.0", "less than 1"],
    ),
    "share above 1": (
        {"methods": {"classynet": {"indian_pines": {"class_share": [0.5, 1.2]}}}},
        ["methods.classynet.indian_pines.class_share.1: 1.2", "at most 1"],
    ),
    "even patch": (
        {"datasets": {"indian_pines": {"patch": 10}}},
        ["datasets.indian_pines.patch: 10", "allowed: 5, 7, 9, 11, 13, 15"],
    ),
    "seed with a point": ({"seeds": [1, 2.0]}, ["seeds.1: 2.0", "of type integer"]),
    "learning rate 0": (
        {"methods": {"cascade": {"indian_pines": {"lr": 0}}}},
        ["methods.cascade.indian_pines.lr: 0", "greater than 0"],
    ),
    "momentum 1": (
        {"datasets": {"indian_pines": {"momentum": 1.0}}},
        ["datasets.indian_pines.momentum: 1.0", "less than 1"],
    ),
    "number that YAML reads as text": (
        {"methods": {"cascade": {"indian_pines": {"lr": "1e-3"}}}},
        ["methods.cascade.indian_pines.lr: '1e-3'", "of type number; write 0.001"],
    ),
    "quoted number": (
        {"seeds": ["1"]},
        ["seeds.0: '1'", "of type integer; write 1 without quotes"],
    ),
    "text where a number is due": (
        {"tuning": {"datasets": {"indian_pines": {"trials": "many"}}}},
        ["tuning.datasets.indian_pines.trials: 'many'", "of type integer"],
    ),
    "unknown gate": (
        {"methods": {"soft_cgt": {"indian_pines": {"gate": "sigmod"}}}},
        ["gate: 'sigmod'", "allowed: sigmoid, residual", "did you mean 'sigmoid'?"],
    ),
    "too many exit weights": (
        {"methods": {"branchynet": {"indian_pines": {"exit_weights": [1, 1, 1, 1]}}}},
        [
            "methods.branchynet.indian_pines.exit_weights: [1, 1, 1, 1]",
            "a network of 3 exits needs a list of 3 numbers",
        ],
    ),
    "folder that a shell would read": (
        {"results": "$(date)"},
        ["results: '$(date)'", "letters, digits"],
    ),
    "tuning seed among the seeds": (
        {"tuning": {"datasets": {"indian_pines": {"seeds": [9, 3]}}}},
        ["tuning.datasets.indian_pines.seeds: 3", "one of the dataset's seeds: 1, 2, 3, 4"],
    ),
    "picture of a seed that is not run": (
        {"pictures": {"seed": 99}},
        ["pictures.seed: 99", "must be one of the seeds of fashion_mnist: 1, 2, 3"],
    ),
    "weights that are all zero": (
        {"methods": {"branchynet": {"indian_pines": {"exit_weights": [0, 0, 0]}}}},
        ["methods.branchynet.indian_pines.exit_weights: [0, 0, 0]", "one number must be above 0"],
    ),
    "exits that know fewer classes than those before": (
        {"methods": {"classynet": {"indian_pines": {"class_share": [0.9, 0.3]}}}},
        [
            "methods.classynet.indian_pines.class_share: [0.9, 0.3]",
            "it must not fall from exit to exit",
        ],
    ),
    "drawing from rows that are normalised": (
        {"methods": {"soft_cgt": {"indian_pines": {"sample_deep": 0.5, "normalize": True}}}},
        ["methods.soft_cgt.indian_pines.sample_deep: 0.5", "needs normalize: false"],
    ),
    "fewer epochs than phases": (
        {"datasets": {"indian_pines": {"epochs": 2}}},
        ["datasets.indian_pines.epochs: 2", "cascade needs 3, one for each phase"],
    ),
    "trials of fewer epochs than phases": (
        {"tuning": {"datasets": {"indian_pines": {"epochs": 1}}}},
        ["tuning.datasets.indian_pines.epochs: 1", "classynet needs 2"],
    ),
    "one of our methods trained elsewhere": (
        {"external": ["mine", "soft_cgt"]},
        ["external: 'soft_cgt'", "none of our methods: single_exit"],
    ),
    "a name that is no name": ({"external": ["my method"]}, ["external: 'my method'"]),
    "map of every zeroth row": (
        {"pictures": {"scene_step": 0}},
        ["pictures.scene_step: 0", "at least 1"],
    ),
    "picture of a method that is not run": (
        {"pictures": {"method": "softcgt"}},
        ["pictures.method: 'softcgt'", "must be one of methods: single_exit, "],
    ),
    "study of a key no method has": (
        study(vary={"taus": [0.5]}),
        ["ablation.studies.0.vary.taus: unknown key", "did you mean 'tau'?"],
    ),
    "study of three keys": (
        study(vary={"tau": [0.5], "leak": [0.1], "use_labels": [True]}),
        ["ablation.studies.0.vary: {", "at most 2 entries"],
    ),
    "study of another method's key": (
        study(vary={"scale": [1.0]}),
        ["ablation.studies.0.vary.scale: hard_cgt has no such key"],
    ),
    "study value out of range": (
        study(vary={"tau": [0.5, 1.5]}),
        ["ablation.studies.0.vary.tau.1: 1.5", "at most 1"],
    ),
    "study of an unknown method": (
        study(methods=["hardcgt"]),
        ["ablation.studies.0.methods: 'hardcgt'", "did you mean 'hard_cgt'?"],
    ),
    "study on a dataset without seeds": (
        study(datasets=["indian_pines_disjoint"]),
        [
            "ablation.studies.0.datasets: 'indian_pines_disjoint'",
            "one of ablation.seeds: fashion_mnist, indian_pines",
        ],
    ),
    "more trials than points": (
        {"tuning": {"space": {"lr": [0.1, 0.2], "label_smoothing": [0.0]}}},
        [
            "tuning.datasets.indian_pines.trials: 16",
            "search space of single_exit has only 2 points",
        ],
    ),
    "a range that falls": (
        {"tuning": {"space": {"lr": {"low": 0.5, "high": 0.1}}}},
        ["tuning.space.lr: {'low': 0.5", "the lower first"],
    ),
    "a range of something else": (
        {"tuning": {"space": {"lr": {"low": "0.1"}}}},
        ["tuning.space.lr.low: '0.1'", "of type number; write 0.1"],
    ),
    "a search of nobody": (
        {"tuning": {"only": {"soft_cgt_publishd": ["lr"]}}},
        ["tuning.only.soft_cgt_publishd"],
    ),
    "a search of a setting that the method does not have": (
        {"tuning": {"only": {"branchynet": ["tau"]}}},
        ["tuning.only.branchynet.0: 'tau'", "allowed: lr, label_smoothing, exit_weights"],
    ),
    "values of a dataset that is not searched": (
        {"tuning": {"taken_from": {"indian_pines_disjoint": "indian_pines_disjoint"}}},
        ["tuning.taken_from.indian_pines_disjoint", "fashion_mnist, indian_pines"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake):
    change, expected = MISTAKES[mistake]
    with pytest.raises(ConfigError) as error:
        check_config(merge(CONFIG, change), SCHEMA)
    for words in expected:
        assert words in str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        ("seeds",),
        ("seeds", "indian_pines"),
        ("data", "raw"),
        ("datasets", "fashion_mnist", "epochs"),
        ("methods", "soft_cgt", "indian_pines"),
        ("methods", "soft_cgt", "indian_pines", "lr"),
        ("pictures", "method"),
        ("tuning", "datasets"),
    ],
)
def test_missing_key_is_named(path):
    config = copy.deepcopy(CONFIG)
    parent = config
    for part in path[:-1]:
        parent = parent[part]
    del parent[path[-1]]
    with pytest.raises(ConfigError, match=rf"  {'.'.join(path)}: missing"):
        check_config(config, SCHEMA)


@pytest.mark.parametrize("place", ["results/published", "results/published/mine", "link"])
@pytest.mark.parametrize("key", ["results", "data.prepared"])
def test_jobs_do_not_write_among_the_published_results(key, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published = tmp_path / "results/published"
    published.mkdir(parents=True)
    (tmp_path / "link").symlink_to(published)
    places = {"results": "results", "data.prepared": "data/prepared"}
    for accepted in (places, {**places, key: "results/published_too"}):
        check_places(*laid_out(accepted, published))
    with pytest.raises(ConfigError, match=f"{key}: '{place}' lies in .*name another folder"):
        check_places(*laid_out({**places, key: place}, published))


def laid_out(places, published):
    results, prepared = places["results"], places["data.prepared"]
    return {"results": results, "data": {"prepared": prepared}}, published


def test_seeds_are_all_datasets_or_each_ones_own():
    assert seeds_of({"seeds": [1, 2]}, "indian_pines") == [1, 2]
    assert seeds_of({"seeds": {"indian_pines": [3], "fashion_mnist": [1]}}, "indian_pines") == [3]


def test_all_mistakes_are_told_at_once():
    config = merge(CONFIG, {"seeds": [1, 1], "datasets": {"fashion_mnist": {"epochs": 0}}})
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("overlay", [(), ("smoke.yaml",)])
def test_shipped_configurations_are_valid(overlay):
    check_config(
        load_config(*(ROOT / "config" / name for name in ("config.yaml", *overlay))), SCHEMA
    )


def test_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(load_schema(SCHEMA, CONFIG))


def test_null_removes_an_entry_and_what_is_left_is_valid(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("datasets: {fashion_mnist: null}\nmethods: {classynet: null}\n")
    config = load_config(ROOT / "config/config.yaml", overlay)
    check_config(config, SCHEMA)
    assert list(config["datasets"]) == ["indian_pines", "indian_pines_disjoint"]
    assert "classynet" not in config["methods"]
    assert config["datasets"]["indian_pines"]["limit"] is None


@pytest.mark.parametrize("value", ["rising", 0.5, [0.5, 1.0, 0.0]])
def test_a_setting_per_exit_is_a_shape_a_number_or_a_list(value):
    change = {"methods": {"branchynet": {"indian_pines": {"exit_weights": value}}}}
    check_config(merge(CONFIG, change), SCHEMA)


def test_two_entries_may_share_a_method():
    entry = {"method": "soft_cgt", **THREE}
    config = merge(CONFIG, {"methods": {"soft_cgt_published": entry}})
    check_config(config, SCHEMA)
    assert implementation_of(config, "soft_cgt_published") == "soft_cgt"
    assert implementation_of(config, "soft_cgt") == "soft_cgt"


def test_every_object_of_the_schema_is_closed():
    def objects(schema):
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for key, value in schema.items():
                if key != "if":  # a question, not a rule
                    yield from objects(value)

    found = list(objects(load_schema(SCHEMA, CONFIG)))
    assert len(found) > 10
    assert all(schema["additionalProperties"] is False for schema in found)


def test_merge_is_deep_and_leaves_its_arguments_alone():
    base, overlay = {"a": {"x": 1, "y": [1, 2]}, "b": 1}, {"a": {"y": [3]}, "c": {"z": 0}}
    assert merge(base, overlay) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": {"z": 0}}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_later_files_win(tmp_path):
    (tmp_path / "a.yaml").write_text("x: 1\ny: {z: 1, w: 2}\n")
    (tmp_path / "b.yaml").write_text("y: {z: 3}\n")
    assert load_config(tmp_path / "a.yaml", tmp_path / "b.yaml") == {"x": 1, "y": {"z": 3, "w": 2}}


def test_nearest_is_silent_without_a_close_match():
    assert nearest("zzz", ["epochs"]) == ""
    assert nearest("epoch", ["epochs", "seeds"]) == " (did you mean 'epochs'?)"
