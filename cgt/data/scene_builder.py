"""What all scenes share: the random split of pixels, the scaling of bands, samples as patches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from cgt.data.builder import SPLITS, Arrays, DatasetBuilder
from cgt.data.dataset import Split
from cgt.data.patches import cut_patches, reduce_bands
from cgt.data.splits import class_counts, draw_stratified, generator, share

_MIN_TRAIN = 3
FEWEST = 5
"""Fewest pixels of a class that can be split: 3 for training, 1 each for validation and test."""


@dataclass(frozen=True)
class SceneBuilder(DatasetBuilder):
    """Bands standardised, reduced by a whitened PCA, cut into patches; the scene is mirrored at
    its border. Settings: `components` of the PCA and the odd side length `patch`, in pixels."""

    fitted: ClassVar[tuple[str, ...]] = (
        "band_mean",
        "band_std",
        "components",
        "variance",
        "patch",
    )

    def cube(self, raw: Arrays) -> np.ndarray:
        """Return the scene, [H, W, B]."""
        return raw["cube"]

    def truth(self, raw: Arrays) -> np.ndarray:
        """Return class numbers from 1, [H, W], 0 where there is no label."""
        return raw["ground_truth"]

    def shown(self, raw: Arrays) -> tuple[int, int, int]:
        """Return which bands to show as red, green and blue: spread evenly, the first ones blue."""
        bands = self.cube(raw).shape[-1]
        return 5 * bands // 6, 3 * bands // 6, bands // 6

    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        return self.truth(raw).ravel().astype(np.int64) - 1

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        labels = self.labels(raw, "train")
        labelled = np.flatnonzero(labels >= 0)
        counts = split_counts(class_counts(labels[labelled], len(self.classes(raw))))
        drawn = draw_stratified(labels[labelled], counts, generator(self.name, seed, "split"))
        return {name: labelled[chosen] for name, chosen in zip(SPLITS, drawn, strict=True)}

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, Any]) -> Arrays:
        # Not at the top: every training job would wait a second for what only this needs.
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        components, patch = settings["components"], settings["patch"]
        height, width, bands = self.cube(raw).shape
        most = min(bands, len(train_index) - 1)  # the rank of the centred training pixels
        if not 1 <= components <= most:
            raise ValueError(f"components is {components}, allowed are 1 to {most}")
        if patch % 2 != 1 or not 1 <= patch < 2 * min(height, width):
            raise ValueError(
                f"patch is {patch}, allowed are odd numbers from 1 to {2 * min(height, width) - 1}"
            )
        pixels = self.cube(raw).reshape(-1, bands)[train_index].astype(np.float64)
        scaler = StandardScaler().fit(pixels)
        with threadpool_limits(1):  # the last bits of a decomposition depend on the thread count
            pca = PCA(components, svd_solver="full").fit(scaler.transform(pixels))
        variance = pca.explained_variance_
        varied = int((variance > 1e-10 * max(variance[0], 1e-10)).sum())
        if varied < components:  # whitening would blow up the rounding errors of the rest
            raise ValueError(
                f"components is {components}, but the training pixels vary in {varied} directions "
                f"only; choose {max(varied, 1)} or fewer, or bands that are no copies of others"
            )
        return {
            "band_mean": scaler.mean_,
            "band_std": scaler.scale_,
            "components": pca.components_,
            "variance": variance,
            "patch": np.array(patch),
        }

    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        scene, patch = reduce_bands(self.cube(raw), prepared), int(prepared["patch"])
        splits = {}
        for split in SPLITS:
            index = prepared[f"{split}_index"]
            x = cut_patches(scene, index, patch)
            splits[split] = Split(x=x, y=self.labels(raw, split)[index], index=index)
        return splits

    def scaling(self, prepared: Arrays) -> dict[str, Any]:
        projection = prepared["components"].T / np.sqrt(prepared["variance"])
        return {
            "mean": prepared["band_mean"].tolist(),
            "std": prepared["band_std"].tolist(),
            "projection": projection.tolist(),
        }


def split_counts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the training, validation and test pixels of each class, given all of them [C]."""
    val = share(counts, 10)
    train = np.maximum(val, _MIN_TRAIN)
    return train, val, counts - train - val
