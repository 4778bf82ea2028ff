import pytest
from synthetic import make_summary

from cgt.analysis.frames import read_summary


@pytest.fixture(scope="session")
def summary_dir(tmp_path_factory):
    return make_summary(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def frames(summary_dir):
    return read_summary(summary_dir)


@pytest.fixture(scope="session")
def one_seed_dir(tmp_path_factory):
    """One dataset, one seed, and a method no style table knows."""
    root = tmp_path_factory.mktemp("small")
    methods = ("single_exit", "soft_cgt", "my_method")
    return make_summary(root, ("indian_pines",), methods, (7,))


@pytest.fixture(scope="session")
def one_seed(one_seed_dir):
    return read_summary(one_seed_dir)
