"""A trained network out of PyTorch: ONNX, one file a stage, and what else a device must know."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cgt.deploy.runtime import DESCRIPTION, FORMAT
from cgt.nn.checks import as_thresholds
from cgt.nn.exits import ExitRule, KnownClasses, MaxSoftmax
from cgt.nn.features import Features, check_rows, rebuild, tensors_of
from cgt.nn.network import EarlyExitNetwork, ExitOutput
from cgt.records.extras import need
from cgt.records.files import atomic_path, write_json

DEFAULTS = {"points": {}, "scaling": None}
"""What ``about`` may leave out, besides the classes' names: the numbers are their names then."""
TRIED = (1, 3)
"""Batch sizes at which a file has to answer as the network does; it is traced with another."""


class _Stage(nn.Module):
    """One file's worth: a stage with its exit, of tensors alone.

    taken: what the stage takes, features and carried values, as an example.
    """

    def __init__(self, network: EarlyExitNetwork, exit: int, taken: Features) -> None:
        super().__init__()
        self.network, self.exit, self.taken = network, exit, taken

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        x, carried = rebuild(self.taken, list(tensors))
        found = self.network.step(self.exit, x, carried)
        if self.exit + 1 == self.network.num_exits:
            return (found.logits,)
        return found.logits, *tensors_of((found.features, found.carried))


def write_network(
    out: Path | str,
    network: EarlyExitNetwork,
    rule: ExitRule,
    threshold: float | Sequence[float],
    *,
    input_shape: Sequence[int],
    about: Mapping[str, Any],
    input_dtype: torch.dtype = torch.float32,
) -> None:
    """Write a network for :class:`cgt.deploy.runtime.Deployed` into the folder ``out``.

    Whatever its stages hand on and its exits carry on, tensors or tuples, lists and dicts of them,
    goes from file to file by name.

    Args:
        network: in evaluation mode, on the CPU.
        rule: :class:`MaxSoftmax` or :class:`KnownClasses`.
        threshold: one value or E−1.
        input_shape: of one sample.
        about: ``classes`` (names), ``scaling``, ``points`` and whatever else is worth knowing; what
            it leaves out has no names, no scaling, no points.
        input_dtype: of the input, such as ``torch.int64`` for token numbers.

    Raises:
        ValueError: for another rule, a bad threshold, or a stage whose file does not answer batches
            of another size as the network does. No network is left in the folder then.
    """
    onnx, out = need("onnx", "deploy"), Path(out)
    values = as_thresholds(threshold, network.num_exits)
    if type(rule) not in (MaxSoftmax, KnownClasses):
        raise ValueError(
            f"{type(rule).__name__} cannot be exported; MaxSoftmax and KnownClasses can"
        )
    # While stages are replaced one by one, the folder is not an exported network.
    (out / DESCRIPTION).unlink(missing_ok=True)
    names = [f"stage_{number}.onnx" for number in range(1, network.num_exits + 1)]
    taken: Features = (torch.zeros(2, *input_shape, dtype=input_dtype), None)
    inputs = ["x"]
    for exit, name in enumerate(names):
        stage = _Stage(network, exit, taken).eval()
        found = _try(network, exit, taken)
        check_rows((found.features, found.carried, found.logits), 2, f"stage {exit + 1}")
        taken = found.features, found.carried
        handed = [f"of_stage_{exit + 1}_{n}" for n in range(len(tensors_of(taken)))]
        outputs = ["logits", *(handed if exit + 1 < len(names) else [])]
        with atomic_path(out / name) as temporary:
            _export(stage, inputs, outputs, temporary)
            onnx.checker.check_model(temporary)
            _check_answers(stage, inputs, temporary, f"stage {exit + 1}")
        inputs = handed
    known = rule.known.tolist() if isinstance(rule, KnownClasses) else None
    classes = [str(number) for number in range(found.logits.shape[1])]
    description = {
        "classes": classes,
        **DEFAULTS,
        **about,
        "format": FORMAT,
        "input_shape": list(input_shape),
        "input_dtype": str(input_dtype).removeprefix("torch."),
        "known": known,
        "stages": names,
        "threshold": float(threshold) if isinstance(threshold, Real) else values,
    }
    write_json(out / DESCRIPTION, description)


def _try(network: EarlyExitNetwork, exit: int, taken: Features) -> ExitOutput:
    try:
        with torch.no_grad():
            return network.step(exit, *taken)
    except RuntimeError as error:
        given = ", ".join(f"{list(one.shape)} {one.dtype}" for one in tensors_of(taken))
        raise ValueError(
            f"stage {exit + 1} does not take {given} ({error}); input_dtype says of which type the "
            f"network's input is"
        ) from error


def _export(stage: _Stage, inputs: list[str], outputs: list[str], path: Path) -> None:
    with warnings.catch_warnings():
        # torch would rather be asked for its newer exporter, which needs one more package.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            stage,
            tuple(tensors_of(stage.taken)),
            path,
            dynamo=False,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
        )


def _check_answers(stage: _Stage, inputs: list[str], path: Path, what: str) -> None:
    """A stage may take the batch's size as a number, which tracing makes a constant of the file."""
    session = need("onnxruntime", "deploy").InferenceSession(
        path, providers=["CPUExecutionProvider"]
    )
    asked = {one.name for one in session.get_inputs()}
    for batch in TRIED:
        tensors = [one[:1].expand(batch, *one.shape[1:]) for one in tensors_of(stage.taken)]
        arrays = {name: tensor.numpy() for name, tensor in zip(inputs, tensors, strict=True)}
        with torch.no_grad():
            expected = stage(*tensors)
        try:
            found = session.run(None, {name: arrays[name] for name in asked})
        except Exception as error:  # whatever onnxruntime raises, it does not answer
            raise ValueError(_wrong(what, batch)) from error
        for one, other in zip(found, expected, strict=True):
            if one.shape != tuple(other.shape):
                raise ValueError(_wrong(what, batch))


def _wrong(what: str, batch: int) -> str:
    return (
        f"{what} cannot be exported: its file does not answer a batch of {batch} as the network "
        f"does; its forward must not take the batch's size as a number (reshape finds it for -1)"
    )
