"""What images and signals share: one mean and one standard deviation a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cgt.data.builder import SPLITS, Arrays, DatasetBuilder
from cgt.data.dataset import Split


@dataclass(frozen=True)
class StandardisedBuilder(DatasetBuilder):
    """x = (raw - mean) / std, by channel, with the moments of the training samples.

    A channel that never changes there becomes 0: its std counts as 1.
    """

    fitted: ClassVar[tuple[str, ...]] = ("mean", "std")

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, Any]) -> Arrays:
        samples = self.samples(raw, "train")
        mean, std = np.empty(samples.shape[1]), np.empty(samples.shape[1])
        for number in range(samples.shape[1]):  # one by one: a float64 copy of all is large
            channel = samples[train_index, number].astype(np.float64)
            mean[number], std[number] = channel.mean(), channel.std()
            if channel.min() == channel.max():  # the mean of equal numbers may be off by a bit
                mean[number], std[number] = channel.flat[0], 1
        return {"mean": mean, "std": std}

    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        return {split: self._build_one(raw, prepared, split) for split in SPLITS}

    def scaling(self, prepared: Arrays) -> dict[str, Any]:
        return {
            "mean": prepared["mean"].tolist(),
            "std": prepared["std"].tolist(),
            "projection": None,
        }

    def _build_one(self, raw: Arrays, prepared: Arrays, split: str) -> Split:
        samples, index = self.samples(raw, split), prepared[f"{split}_index"]
        x = np.empty((len(index), *samples.shape[1:]), dtype=np.float32)
        for number, (mean, std) in enumerate(zip(prepared["mean"], prepared["std"], strict=True)):
            # Subtracted in float64: far from 0, float32 would lose the differences.
            x[:, number] = (samples[index, number].astype(np.float64) - mean) / std
        return Split(x=x, y=self.labels(raw, split)[index], index=index)
