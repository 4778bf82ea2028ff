"""Datasets: `download` the raw files, `prepare` splits and scaling, `load` verified arrays."""

from cgt.data.api import download, load, prepare
from cgt.data.dataset import DataError, Dataset, Split

__all__ = ["DataError", "Dataset", "Split", "download", "load", "prepare"]
