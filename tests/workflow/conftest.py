"""Fixtures of the workflow tests."""

import pytest
from checkout import copy_of_repository


@pytest.fixture
def fresh(tmp_path):
    """A checkout in which nothing has run."""
    return copy_of_repository(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A checkout after a complete run. Tests that change it must change it back."""
    checkout = copy_of_repository(tmp_path_factory.mktemp("checkout"))
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    return checkout
