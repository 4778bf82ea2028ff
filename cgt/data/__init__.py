"""Floor 2: the datasets. `download` raw files, `prepare` splits and scaling, `load` arrays.

One file a dataset; what all share stands beside them.
May import: `records`. Never torch.
"""

from cgt.data.api import download, load, prepare
from cgt.data.dataset import DataError, Dataset, Split

__all__ = ["DataError", "Dataset", "Split", "download", "load", "prepare"]
