"""Which runs a joining method needs, and which are refused before they are trained."""

import copy
from pathlib import Path

import numpy as np
import pytest
from made_rows import made_row, write_row

from cgt.records.files import save_npz
from cgt.records.manifest import hash_of
from cgt.records.reference import Reference, save_reference
from cgt.study.config import ConfigError, load_config
from cgt.study.join import joined, refuse_unlike
from cgt.study.protocol import data_digest, network_of, protocol_of

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = load_config(ROOT / "config/config.yaml", ROOT / "config/next.yaml")
SIGNALS = {**CONFIG["datasets"]["mnist1d"], "epochs": 7}
IMAGES = CONFIG["datasets"]["fashion_mnist"]


def row(dataset, method, seeds=(1, 2, 3), seconds=10.0, implementation=True, **own):
    settings = {
        "implementation": method if implementation else None,
        "method": {"lr": 0.3},
        "dataset": SIGNALS if dataset == "mnist1d" else IMAGES,
    }
    spent = {str(seed): seconds for seed in seeds} if implementation else {}
    return made_row(
        dataset, method, dict.fromkeys(seeds, 0.5), settings=settings, seconds=spent, **own
    )


@pytest.fixture
def rows(tmp_path):
    for made in (
        row("fashion_mnist", "branchynet", seconds=99.0),
        row("mnist1d", "branchynet", seeds=(4, 5, 6)),
        row("mnist1d", "cascade", seeds=(4, 5, 6, 7), seconds=1.0),
        row("mnist1d", "theirs", seeds=(4, 5), implementation=False),
    ):
        write_row(tmp_path / "rows", made)
    return tmp_path / "rows"


def asked(name, **more):
    return {**CONFIG, "join": name, **more}


def test_a_method_file_without_an_entry_joins_with_its_defaults(rows):
    config = copy.deepcopy(asked("cgt_plus"))
    made = joined(config, rows, SCHEMA)
    lr = CONFIG["tuning"]["first"]["lr"]
    defaults = {"lr": lr}
    assert made["methods"]["cgt_plus"] == {
        **{"method": "cgt_plus", "fashion_mnist": defaults, "mnist1d": defaults}
    }
    assert set(made["join"]["tuned"].values()) == {
        "no: its card's defaults and the base learning rate"
    }
    assert made["seeds"] == {"fashion_mnist": [1, 2, 3], "mnist1d": [4, 5, 6]}
    # As the rows say, not as the configuration: 60 epochs.
    assert made["datasets"] == {"fashion_mnist": IMAGES, "mnist1d": SIGNALS}
    assert made["results"] == "results/next/join/cgt_plus"
    assert config == asked("cgt_plus")


def test_an_entry_joins_as_it_is(rows):
    entry = {"method": "soft_cgt", "mnist1d": {"lr": 0.07, "tau": 0.5}}
    config = asked("mine", methods={**CONFIG["methods"], "mine": entry})
    made = joined(config, rows, SCHEMA)
    assert made["methods"]["mine"]["mnist1d"] == {"lr": 0.07, "tau": 0.5}
    assert made["join"]["tuned"]["mnist1d"] == "no: no search was made"


def test_one_published_run_is_repeated_where_it_is_quickest(rows):
    made = joined(asked("soft_cgt"), rows, SCHEMA)
    assert made["join"]["check"] == "mnist1d/branchynet/4"
    assert made["methods"]["branchynet"]["mnist1d"] == {"lr": 0.3}


def test_the_joining_method_does_not_check_the_machine(rows):
    assert joined(asked("branchynet"), rows, SCHEMA)["join"]["check"] == "mnist1d/cascade/4"


def test_fewer_seeds(rows):
    made = joined(asked("soft_cgt", join_seeds=2), rows, SCHEMA)
    assert made["seeds"] == {"fashion_mnist": [1, 2], "mnist1d": [4, 5]}


def test_own_settings_are_those_of_the_configuration(rows):
    datasets = {"mnist1d": CONFIG["datasets"]["mnist1d"]}
    made = joined(asked("soft_cgt", datasets=datasets, join_settings="own"), rows, SCHEMA)
    assert made["datasets"] == datasets
    assert made["join"]["left_out"] == ["fashion_mnist"]
    assert made["data"]["prepared"] == CONFIG["data"]["prepared"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"join": "sotf"}, "join: 'sotf' is not allowed; it must be an entry of methods or a file"),
        ({"join_settings": "own", "datasets": {}}, "none of the published datasets is in datasets"),
        (
            {"methods": {"soft_cgt": {"mnist1d": {"lr": 0.1, "exit_weights_end": [1, 1]}}}},
            "methods.soft_cgt.mnist1d.exit_weights_end",
        ),
    ],
)
def test_what_cannot_join_is_refused(changes, message, rows):
    with pytest.raises(ConfigError, match=message):
        joined({**asked("soft_cgt"), **changes}, rows, SCHEMA)


def test_without_rows_nothing_can_be_joined(tmp_path):
    with pytest.raises(
        ConfigError, match=r"no published rows in .*`make publish-rows` writes them"
    ):
        joined(asked("soft_cgt"), tmp_path, SCHEMA)


class World:
    """A published row of MNIST-1D whose digests hold, and what they were made from."""

    def __init__(self, folder):
        self.reference, self.prepared = folder / "mnist1d.json", folder / "prepared"
        self.rows = folder / "rows"
        datasets = {"mnist1d": copy.deepcopy(CONFIG["datasets"]["mnist1d"])}
        self.config = {"datasets": datasets, "seeds": [1, 2]}  # all that the workflow hands on
        self.refer()
        for seed in (1, 2):
            self.prepare(seed)
        records = {"protocol": protocol_of(self.config, "mnist1d"), "network": self.network}
        data = {str(seed): data_digest(self.prepared / f"mnist1d/{seed}.npz") for seed in (1, 2)}
        digests = {**{key: hash_of(of) for key, of in records.items()}, "data": data}
        write_row(self.rows, row("mnist1d", "branchynet", (1, 2), digests=digests, **records))

    def refer(self, **changes):
        own = {"dataset": "mnist1d", "network": "roomy_signals", "exits": 3, "macs": 1000}
        own |= {"first_exit": 20, "kind": "signals", "class_names": ("0", "1"), **changes}
        save_reference(self.reference, Reference(**own))
        self.network = network_of(Reference(**own))

    def prepare(self, seed, shift=0):
        index = np.arange(9) + shift
        save_npz(self.prepared / f"mnist1d/{seed}.npz", test_index=index, digest=np.array("x"))

    def check(self):
        places = (self.rows, self.reference, self.prepared)
        refuse_unlike(self.config, "mnist1d", *places)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_what_agrees_is_admitted(world):
    world.check()


def test_other_settings_are_refused_by_name(world):
    world.config["datasets"]["mnist1d"]["epochs"] = 3
    with pytest.raises(
        ValueError,
        match=r"mnist1d: the protocol is not that of the published rows, such as branchynet: "
        r"epochs is 3\.0, published 60\.0; no table mixes them",
    ):
        world.check()


def test_another_network_is_refused(world):
    world.refer(macs=2000)
    with pytest.raises(ValueError, match=r"the network is not .*: macs is 2000, published 1000;"):
        world.check()


def test_other_data_are_refused(world):
    world.prepare(2, shift=1)
    with pytest.raises(
        ValueError, match=r"mnist1d/2\.npz: its digest is .* published row branchynet"
    ):
        world.check()


def test_a_seed_that_nobody_has_published_has_nothing_to_agree_with(world):
    world.config["seeds"] = [1, 2, 3]
    world.prepare(3)
    world.check()
