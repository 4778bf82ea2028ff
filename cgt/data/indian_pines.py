"""Indian Pines: an AVIRIS scene of 145 x 145 pixels and 200 bands, 16 classes of land cover.

A sample is the patch around one labelled pixel. Pixels are drawn at random within each class:
10 % train, 10 % validation, the rest test, rounded half up, with at least 3 training pixels and
1 validation pixel a class. Neighbouring patches overlap, so this habit of the field leaks; see
`patch_overlap`. An index is row * width + column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from cgt.data.dataset import Split
from cgt.data.formats import npy_bytes, parse_npy
from cgt.data.matlab import parse_mat
from cgt.data.packages import PythonPackage
from cgt.data.raw import NpyFile, RawFile
from cgt.data.recipe import SPLITS, Arrays, Recipe
from cgt.data.sources import Location, Packing, Source, mirror
from cgt.data.splits import class_counts, draw_stratified, generator

CARD = {"title": "Indian Pines", "kind": "scene"}

CUBE = "cube.npy"
GROUND_TRUTH = "ground_truth.npy"
_MIN_TRAIN = 3
_MIN_VAL = 1

FILES = (
    NpyFile(
        CUBE,
        (145, 145, 200),
        "<u2",
        "36468dd7336c8bd37a80cced54362ea426f226703f3797ba494556fd8134e77f",
    ),
    NpyFile(
        GROUND_TRUTH,
        (145, 145),
        "u1",
        "ebf20cfe0bce98f01885f0ab4fd1857925db3ef0a1f1624bbee3ffcb92425103",
    ),
)
CLASS_NAMES = (
    "Alfalfa",
    "Corn-notill",
    "Corn-mintill",
    "Corn",
    "Grass-pasture",
    "Grass-trees",
    "Grass-pasture-mowed",
    "Hay-windrowed",
    "Oats",
    "Soybean-notill",
    "Soybean-mintill",
    "Soybean-clean",
    "Wheat",
    "Woods",
    "Buildings-Grass-Trees-Drives",
    "Stone-Steel-Towers",
)


def _packing(cube: str, ground_truth: str, parse: Callable[..., np.ndarray]) -> Packing:
    names = {CUBE: cube, GROUND_TRUTH: ground_truth}
    return Packing(
        name=lambda file: names[file.name],
        # Rewritten in C order and little-endian, whatever the source uses.
        unpack=lambda data, file: npy_bytes(
            parse(data, file.shape, file.dtype).astype(file.dtype, order="C")
        ),
    )


_MIRROR = _packing("Indian_pines_corrected.mat", "Indian_pines_gt.mat", parse_mat)
_OFFICIAL = _packing("6/67/Indian_pines_corrected.mat", "c/c4/Indian_pines_gt.mat", parse_mat)
_TENSORLY = _packing("Indian_pines_corrected.npy", "Indian_pines_gt.npy", parse_npy)
_URLS = ("https://www.ehu.eus/ccwintco/uploads",)


@dataclass(frozen=True)
class IndianPines(Recipe):
    """Bands standardised, reduced by a whitened PCA, cut into patches; the scene is mirrored at
    its border. Settings: `components` of the PCA and the odd side length `patch`, in pixels."""

    defaults: ClassVar[Mapping[str, int]] = {"components": 30, "patch": 11}
    fitted: ClassVar[tuple[str, ...]] = (
        "band_mean",
        "band_std",
        "components",
        "variance",
        "patch",
    )
    mirror_packing: ClassVar[Packing] = _MIRROR
    pools: ClassVar[Mapping[str, str]] = dict.fromkeys(SPLITS, GROUND_TRUTH)

    name: str = "indian_pines"
    class_names: tuple[str, ...] = CLASS_NAMES
    files: tuple[RawFile, ...] = FILES
    urls: tuple[str, ...] = _URLS

    def sources(self) -> Sequence[Source]:
        return [
            *mirror(self.raw_name, _MIRROR),
            PythonPackage("tensorly", "datasets/data", _TENSORLY),
            *(Location(url, _OFFICIAL) for url in self.urls),
        ]

    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        return raw[GROUND_TRUTH].ravel().astype(np.int64) - 1  # 0 means "no label" in the file

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        labels = self.labels(raw, "train")
        labelled = np.flatnonzero(labels >= 0)
        counts = split_counts(class_counts(labels[labelled], len(self.class_names)))
        drawn = draw_stratified(labels[labelled], counts, generator(self.name, seed, "split"))
        return {name: labelled[chosen] for name, chosen in zip(SPLITS, drawn, strict=True)}

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, int]) -> Arrays:
        # Not at the top: every training job would wait a second for what only this needs.
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        components, patch = settings["components"], settings["patch"]
        height, width, bands = raw[CUBE].shape
        most = min(bands, len(train_index) - 1)  # the rank of the centred training pixels
        if not 1 <= components <= most:
            raise ValueError(f"components is {components}, allowed are 1 to {most}")
        if patch % 2 != 1 or not 1 <= patch < 2 * min(height, width):
            raise ValueError(
                f"patch is {patch}, allowed are odd numbers from 1 to {2 * min(height, width) - 1}"
            )
        pixels = raw[CUBE].reshape(-1, bands)[train_index].astype(np.float64)
        scaler = StandardScaler().fit(pixels)
        with threadpool_limits(1):  # the last bits of a decomposition depend on the thread count
            pca = PCA(components, svd_solver="full").fit(scaler.transform(pixels))
        return {
            "band_mean": scaler.mean_,
            "band_std": scaler.scale_,
            "components": pca.components_,
            "variance": pca.explained_variance_,
            "patch": np.array(patch),
        }

    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        scene, patch = reduce_bands(raw[CUBE], prepared), int(prepared["patch"])
        splits = {}
        for split in SPLITS:
            index = prepared[f"{split}_index"]
            x = cut_patches(scene, index, patch)
            splits[split] = Split(x=x, y=self.labels(raw, split)[index], index=index)
        return splits


def split_counts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the training, validation and test pixels of each class, given all of them [C]."""
    tenth = (counts + 5) // 10  # rounded half up
    train, val = np.maximum(tenth, _MIN_TRAIN), np.maximum(tenth, _MIN_VAL)
    return train, val, counts - train - val


def reduce_bands(cube: np.ndarray, prepared: Arrays) -> np.ndarray:
    """Return the scene as float32 [H, W, K]: K uncorrelated components of variance 1."""
    scaled = (cube.reshape(-1, cube.shape[-1]) - prepared["band_mean"]) / prepared["band_std"]
    # No subtraction of the PCA's mean: that of standardised training pixels is 0.
    whitening = prepared["components"].T / np.sqrt(prepared["variance"])
    with threadpool_limits(1):
        reduced = scaled @ whitening
    return reduced.astype(np.float32).reshape(*cube.shape[:2], -1)


def patch_overlap(
    train_index: np.ndarray, test_index: np.ndarray, patch: int, scene_shape: tuple[int, int]
) -> float:
    """Return the share in [0, 1] of test patches that have a pixel in common with a training patch.

    Indices: int64, row * width + column, of the patches' centres; scene_shape: (height, width).
    """
    from scipy.ndimage import maximum_filter

    trained = np.zeros(scene_shape, dtype=bool)
    trained.flat[train_index] = True
    # Two patches meet when their centres are less than `patch` apart, along rows and along columns.
    touched = maximum_filter(trained, size=2 * patch - 1, mode="constant")
    return float(touched.flat[test_index].mean())


def cut_patches(scene: np.ndarray, index: np.ndarray, patch: int) -> np.ndarray:
    """Return float32 [N, K, patch, patch]: the patches of `scene` [H, W, K] centred at `index`.

    index: int64 [N], row * W + column. Beyond its border the scene is mirrored (numpy "reflect").
    """
    width, half = scene.shape[1], patch // 2
    padded = np.pad(scene, ((half, half), (half, half), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (patch, patch), axis=(0, 1))
    return np.ascontiguousarray(windows[index // width, index % width])
