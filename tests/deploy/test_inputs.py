"""Whatever is given to a device's network is answered rightly or refused, never otherwise."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.deploy.export import write_network
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import MAX_SOFTMAX

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def deployed(small_folder):
    return Deployed(small_folder)


SAME = {
    "big-endian": lambda x: x.astype(">f4"),
    "every other": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "column-major": np.asfortranarray,
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),
    "unaligned": lambda x: np.frombuffer(b"x" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
    "a tensor": torch.from_numpy,
    "masked, without a mask": np.ma.masked_array,
}


@pytest.mark.parametrize("size", [1, 64])
@pytest.mark.parametrize("kind", SAME)
def test_the_same_numbers_are_answered_the_same(deployed, small_x, kind, size):
    x = small_x[:size]
    for one, other in zip(deployed.infer(SAME[kind](x)), deployed.infer(x), strict=True):
        assert one.tolist() == other.tolist() and one.dtype == np.int64


REFUSED = {
    "float64": (lambda x: x.astype(np.float64), "x is an array of float64; float32 is needed"),
    "float16": (lambda x: x.astype(np.float16), "x is an array of float16"),
    "integers": (lambda x: x.astype(np.int32), "x is an array of int32"),
    "a list": (lambda x: x.tolist(), "x is an array of float64"),
    "complex": (lambda x: x.astype(np.complex64), "x is an array of complex64"),
    "objects": (lambda x: x.astype(object), "x is an array of object"),
    "words": (lambda x: x.astype(str), "x is an array of <U"),
    "one axis less": (lambda x: x[0], r"x has shape \[6\]; \[N, 6\] is needed"),
    "one axis more": (lambda x: x[None], r"x has shape \[1, "),
    "another size": (lambda x: x[:, :5].copy(), r"x has shape \[\d+, 5\]"),
    "a number": (lambda x: np.float32(1), r"x has shape \[\]"),
    "nothing": (lambda x: None, "x is an array of object"),
    "uneven rows": (lambda x: [[1.0], [1.0, 2.0]], "x is a list that numpy does not take"),
    "a gradient": (lambda x: torch.from_numpy(x).requires_grad_(), "x is a Tensor that numpy"),
    "masked": (lambda x: np.ma.masked_greater(x, 0), "x has masked values"),
}


@pytest.mark.parametrize("size", [1, 64])
@pytest.mark.parametrize("kind", REFUSED)
def test_other_inputs_are_refused(deployed, small_x, kind, size):
    change, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        deployed.infer(change(small_x[:size]))


def test_no_samples_get_no_answers(deployed, small_x):
    for found in deployed.infer(small_x[:0]):
        assert found.shape == (0,) and found.dtype == np.int64
    with pytest.raises(ValueError, match="threshold is 2"):
        deployed.infer(small_x[:0], 2)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("threshold", [None, 0.0, [1.0, 0.0]])
@pytest.mark.parametrize("single_file", [True, False])
def test_what_has_no_confidence_gets_no_answer(small_folder, small_x, size, threshold, single_file):
    x = small_x[:size].copy()
    x[-1, 2] = np.nan
    deployed = Deployed(small_folder, single_file=single_file)
    with pytest.raises(ValueError, match="logits of the last exit hold NaN or infinity"):
        deployed.infer(x, threshold)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("wide", [np.inf, -np.inf])
def test_infinity_is_answered_as_in_torch(small, small_folder, small_x, size, wide):
    """tanh makes numbers of it."""
    x = small_x[:size].copy()
    x[-1, 2] = wide
    index, prediction = small.infer(torch.from_numpy(x), 0.6)
    found = Deployed(small_folder).infer(x, 0.6)
    assert found[0].tolist() == index.tolist() and found[1].tolist() == prediction.tolist()


@pytest.mark.parametrize("size", [1, 64])
@pytest.mark.parametrize(
    "threshold",
    [0.6, np.float32(0.6), np.float64(0.6), torch.tensor(0.6), [0.6, 0.6], (0.6, 0.6), [0.6] * 2],
)
def test_a_threshold_may_be_of_any_kind(deployed, small_x, size, threshold):
    expected = deployed.infer(small_x[:size], [0.6, 0.6])
    for one, other in zip(deployed.infer(small_x[:size], threshold), expected, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("size", [1, 64])
@pytest.mark.parametrize(
    "threshold",
    [
        *(-0.1, 1.0000001, np.nan, np.inf, "high", [0.5], [[0.5, 0.5]], [0.5, None], {}),
        *(10**400, "0.5", b"1", ["0.5", "0.5"], 1 + 0j, [[0.5], [0.5, 0.5]]),
    ],
)
def test_other_thresholds_are_refused(deployed, small_x, size, threshold):
    with pytest.raises(ValueError, match="threshold"):
        deployed.infer(small_x[:size], threshold)


@pytest.mark.parametrize("single_file", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_tokens_that_there_are_not_are_refused_in_a_sentence(tmp_path, size, single_file):
    torch.manual_seed(0)
    embed = nn.Sequential(nn.Embedding(20, 8), nn.Flatten())
    net = EarlyExitNetwork([embed, nn.Linear(32, 32)], [nn.Linear(32, 3), nn.Linear(32, 3)]).eval()
    how = {"input_shape": (4,), "input_dtype": torch.int64, "about": {}}
    write_network(tmp_path, net, MAX_SOFTMAX, 0.9, **how)
    x = np.full((size, 4), 19)
    x[-1, 1] = 20
    with pytest.raises(ValueError, match=r"cannot be computed for this x \(.*unknown tokens$"):
        Deployed(tmp_path, single_file=single_file).infer(x)


def test_the_threshold_is_not_changed_behind_the_files_back(deployed):
    with pytest.raises(AttributeError):
        deployed.threshold = 0.1


@pytest.mark.parametrize("threads", [0, -1, 1.0, "2", True, np.float64(2)])
def test_threads_that_there_are_not_are_refused(small_folder, threads):
    with pytest.raises(ValueError, match=r"threads is .*; a whole number from 1 is needed"):
        Deployed(small_folder, threads=threads)


def test_threads_and_session_options_are_those_given(small_folder, small_x):
    two = Deployed(small_folder, threads=np.int64(2))
    assert two._single.get_session_options().intra_op_num_threads == 2
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 3, 3
    own = Deployed(small_folder, options=options)
    every = [own._single, *own._stages]
    assert {one.get_session_options().intra_op_num_threads for one in every} == {3}
    expected = Deployed(small_folder).infer(small_x)
    assert np.array_equal(own.infer(small_x), expected)
    assert np.array_equal(two.infer(small_x), expected)
    with pytest.raises(ValueError, match="threads and options are both given"):
        Deployed(small_folder, 2, options=options)
    with pytest.raises(ValueError, match=r"options is a dict; an onnxruntime\.SessionOptions"):
        Deployed(small_folder, options={})


def test_providers_are_those_given_and_no_other(small_folder):
    chosen = Deployed(small_folder, providers=["CPUExecutionProvider"])
    assert chosen._single.get_providers() == ["CPUExecutionProvider"]
    with_options = Deployed(small_folder, providers=[("CPUExecutionProvider", {})])
    assert with_options._stages[0].get_providers() == ["CPUExecutionProvider"]
    for wrong in (["AbacusExecutionProvider"], "AbacusExecutionProvider", [3], [("a", {}, 1)], []):
        with pytest.raises(ValueError, match=r"allowed are .*CPUExecutionProvider"):
            Deployed(small_folder, providers=wrong)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((2, 5)), r"raw has shape \[2, 5\]; 6 channels are needed"),
        (np.zeros(6), r"shape \[6\]; numbers"),
        (np.zeros((2, 6, 1)), r"shape \[2, 6, 1\]; numbers"),
        (np.zeros((2, 6), dtype=str), "raw is an array of <U1"),
        (np.zeros((2, 6), dtype=complex), "raw is an array of complex128"),
    ],
)
def test_raw_values_that_cannot_be_scaled_are_refused(deployed, raw, message):
    with pytest.raises(ValueError, match=message):
        deployed.scale(raw)


def test_raw_values_of_any_byte_order_are_scaled(deployed):
    raw = np.arange(12, dtype=">u2").reshape(2, 6)
    scaled = deployed.scale(raw)
    assert scaled.dtype == np.float32 and scaled.tolist() == np.arange(12.0).reshape(2, 6).tolist()
    assert deployed.scale(torch.arange(12).reshape(2, 6)).tolist() == scaled.tolist()


def test_a_device_needs_numpy_and_onnxruntime_alone(small_folder):
    """Whatever else is imported is as if not installed; what onnxruntime brings along is there."""
    code = f"""
import importlib, pkgutil, sys

class Bare:
    there = {{*sys.stdlib_module_names, "cgt", "numpy", "onnxruntime", "flatbuffers", "google",
             "packaging"}}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.there:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in [name for name in sys.modules if name.partition(".")[0] not in Bare.there]:
    if not name.startswith("_"):
        del sys.modules[name]
sys.meta_path.insert(0, Bare())
import numpy as np
import cgt.operate
for module in pkgutil.iter_modules(cgt.operate.__path__):
    importlib.import_module(f"cgt.operate.{{module.name}}")
from cgt.deploy import Deployed
deployed = Deployed({str(small_folder)!r})
x = deployed.scale(np.zeros((3, 6)))
assert len(deployed.infer(x)[0]) == 3 and len(deployed.infer(x[:1])[1]) == 1
sure = cgt.max_softmax(np.eye(3)[None].repeat(2, axis=0))
assert cgt.choose_thresholds(sure, np.ones((2, 3), bool), np.array([1, 2]), budget=2).met
try:
    import torch
except ModuleNotFoundError:
    ours = {{name for name in sys.modules if name.startswith("cgt.") and name.count(".") > 1}}
    assert {{name.split(".")[1] for name in ours}} <= {{"deploy", "operate", "records"}}, ours
    print("bare")
"""
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    assert found.stdout.strip() == "bare"
