"""A trained network out of PyTorch: ONNX, and what else a device must know.

Every file is tried out before the folder becomes a network: in batches of several sizes, on inputs
of several kinds, against torch.
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cgt.deploy.quantize import quantize_stages
from cgt.deploy.runtime import Deployed
from cgt.deploy.single_file import DECISION, single_file
from cgt.deploy.tried import (
    TRACED,
    Probe,
    check_single,
    check_stages,
    handed_names,
    probes,
)
from cgt.nn.checks import as_thresholds
from cgt.nn.exits import ExitRule
from cgt.nn.features import Features, rebuild, tensors_of
from cgt.nn.network import EarlyExitNetwork, evaluation_mode
from cgt.records.extras import need
from cgt.records.files import atomic_path, json_text, write_bytes, write_json
from cgt.records.network_file import DESCRIPTION, FORMAT, OWN, check_description, seal

DEFAULTS = {"points": {}, "scaling": None}
"""What ``about`` may leave out, besides the classes' names: the numbers are their names then."""
SINGLE = "network.onnx"


class _Stage(nn.Module):
    """One file's worth: a stage with its exit and its decision, of tensors alone.

    taken: what it takes, as an example: features, carried values, the rule's memory.
    """

    def __init__(
        self, network: EarlyExitNetwork, rule: ExitRule, exit: int, taken: Features
    ) -> None:
        super().__init__()
        self.network, self.rule, self.exit, self.taken = network, rule, exit, taken

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        x, carried, memory = rebuild(self.taken, list(tensors))
        found = self.network.step(self.exit, x, carried)
        sure, answer, memory = self.rule.judge(self.exit, found.logits, memory)
        if self.exit + 1 == self.network.num_exits:
            return sure, answer.long()
        return sure, answer.long(), *tensors_of((found.features, found.carried, memory))


def write_network(
    out: Path | str,
    network: EarlyExitNetwork,
    rule: ExitRule,
    threshold: float | Sequence[float],
    *,
    input_shape: Sequence[int],
    about: Mapping[str, Any],
    input_dtype: torch.dtype = torch.float32,
    samples: np.ndarray | Tensor | None = None,
    quantize: np.ndarray | Tensor | None = None,
) -> dict[str, Any]:
    """Write a network for :class:`cgt.deploy.runtime.Deployed` into the folder ``out``.

    One file a stage, with its exit's decision, and ``network.onnx`` with all of them for single
    samples, see :mod:`cgt.deploy.single_file`. Whatever stages hand on, exits carry on and a rule
    remembers, tensors or tuples, lists and dicts of them, goes from file to file by name.

    Args:
        network: on the CPU; it is exported as it is in evaluation mode.
        rule: any that ONNX has words for; that is tried out, too.
        threshold: one value or E−1.
        input_shape: of one sample.
        about: ``classes`` (names), ``scaling``, ``points`` and whatever else is worth knowing; what
            it leaves out has no names, no scaling, no points.
        input_dtype: of the input, such as ``torch.int64`` for token numbers.
        samples: inputs ``[N, *input_shape]`` to try the files on; by default those of
            ``quantize``, else made up: normal, large, positive, negative and zero, or whole numbers
            0 and 1. A branch that no sample takes is not found.
        quantize: inputs ``[N, *input_shape]``, scaled as the network takes them, on which
            onnxruntime measures the ranges of an int8 network; ``None`` leaves it as it is.

    Returns:
        What ``network.json`` says. ``quantized`` is the agreement of the int8 network with the
        float one on the samples of ``quantize``, at the threshold.

    Raises:
        ValueError: for a bad argument, or naming the stage and its file if it does not answer as
            the network does. No network is left in the folder then.
    """
    need("onnx", "deploy")
    out, values = Path(out), as_thresholds(threshold, network.num_exits)
    _check_place(network)
    calibration = _as_samples("quantize", quantize, input_shape, input_dtype)
    given = _as_samples("samples", samples, input_shape, input_dtype)
    # While files are replaced one by one, the folder is not an exported network.
    (out / DESCRIPTION).unlink(missing_ok=True)
    names = [f"stage_{number}.onnx" for number in range(1, network.num_exits + 1)]
    with tempfile.TemporaryDirectory() as folder, evaluation_mode(network):
        here = Path(folder)
        tried = probes(
            network, rule, input_shape, input_dtype, calibration if given is None else given
        )
        description = _about(about, tried[0].steps[0].logits.shape[1]) | {
            "format": FORMAT,
            "input_shape": list(input_shape),
            "input_dtype": str(input_dtype).removeprefix("torch."),
            "stages": names,
            "single_file": SINGLE,
            "files": dict.fromkeys([*names, SINGLE], "0" * 64),
            "rule": type(rule).__name__,
            "threshold": float(threshold) if isinstance(threshold, Real) else values,
            "quantized": None,
        }
        try:
            check_description(seal(description))
        except ValueError as error:
            raise ValueError(f"a network cannot be exported so: {error}") from error
        for exit, name in enumerate(names):
            _export_stage(network, rule, exit, tried[0], here / name)
        _write_models(here, description, values)
        # Stages first: of what is wrong in one of them, the single file would not say where.
        check_stages(_opened(here, single_file=False)._stages, names, tried)
        deployed = _opened(here)
        check_single(deployed._single, SINGLE, tried)
        if calibration is not None:
            x = calibration.numpy()
            wide = deployed.infer(x)
            quantize_stages(deployed._stages, [here / name for name in names], x)
            _write_models(here, description, values)
            description["quantized"] = _agreement(wide, _opened(here).infer(x))
        for name in description["files"]:
            write_bytes(out / name, (here / name).read_bytes())
    description = seal(description)
    write_json(out / DESCRIPTION, description)
    return description


def _about(about: Mapping[str, Any], classes: int) -> dict[str, Any]:
    """What the user says, as JSON will have it."""
    given = {"classes": [str(number) for number in range(classes)], **DEFAULTS, **about}
    if clash := sorted({*OWN} & {*given} - {"classes", *DEFAULTS}):
        raise ValueError(f"about has {clash[0]!r}, which the export says itself; leave it out")
    try:
        found = json.loads(json_text(given))
    except (TypeError, ValueError) as error:
        raise ValueError(f"about cannot be written as JSON ({error}); plain values can") from error
    if isinstance(found["classes"], list) and len(found["classes"]) != classes:
        raise ValueError(
            f"about has {len(found['classes'])} classes; the network answers with {classes}"
        )
    return found


def _as_samples(
    name: str, given: np.ndarray | Tensor | None, shape: Sequence[int], dtype: torch.dtype
) -> Tensor | None:
    if given is None:
        return None
    samples = torch.as_tensor(given)
    if samples.dtype != dtype or list(samples.shape[1:]) != list(shape) or len(samples) == 0:
        raise ValueError(
            f"{name} are {samples.dtype} of shape {list(samples.shape)}; {dtype} of shape "
            f"{['N', *shape]} with N >= 1 is needed"
        )
    return samples.detach().cpu()


def _check_place(network: nn.Module) -> None:
    for name, one in (*network.named_parameters(), *network.named_buffers()):
        if one.device.type != "cpu":
            raise ValueError(f"{name} is on {one.device}; move the network to the CPU first")


def _export_stage(
    network: EarlyExitNetwork, rule: ExitRule, exit: int, traced: Probe, path: Path
) -> None:
    step = traced.steps[exit]
    inputs = ["x"] if exit == 0 else handed_names(exit - 1, step.taken)
    outputs = list(DECISION)
    if exit + 1 < network.num_exits:
        outputs += handed_names(exit, step.handed)
    try:
        _export(_Stage(network, rule, exit, step.taken).eval(), inputs, outputs, path)
    except Exception as error:  # torch has many, for each way of having no words for something
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"stage {exit + 1} cannot be exported: {path.name} is not written, for torch has no "
            f"ONNX for it, or for {type(rule).__name__} ({type(error).__name__}: {first})"
        ) from error


def _export(stage: _Stage, inputs: list[str], outputs: list[str], path: Path) -> None:
    with warnings.catch_warnings():
        # torch would rather be asked for its newer exporter, which needs one more package.
        warnings.simplefilter("ignore", DeprecationWarning)
        # That something becomes a constant of the file is found by trying.
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


def _write_models(folder: Path, description: dict[str, Any], thresholds: Sequence[float]) -> None:
    """The single file from the stages' own; each says what it is, and the description which."""
    onnx, stages = need("onnx", "deploy"), []
    whole = {
        "stages": len(description["stages"]),
        "classes": len(description["classes"]),
        **{name: description[name] for name in ("input_shape", "input_dtype")},
    }
    for number, name in enumerate(description["stages"], start=1):
        stages.append(onnx.load(folder / name))
        _write_model(folder / name, stages[-1], {"stage": number, **whole})
    _write_model(folder / SINGLE, single_file(stages, thresholds), {"stage": "all", **whole})
    for name in description["files"]:
        content = (folder / name).read_bytes()
        description["files"][name] = hashlib.sha256(content).hexdigest()
    write_json(folder / DESCRIPTION, seal(description))


def _opened(folder: Path, *, single_file: bool = True) -> Deployed:
    """The folder as a device opens it."""
    try:
        return Deployed(folder, single_file=single_file)
    except ValueError as error:
        said = str(error).replace(f"{folder}{os.sep}", "")
        raise ValueError(f"the network cannot be exported: {said}") from error


def _write_model(path: Path, model: Any, says: Mapping[str, Any]) -> None:
    onnx = need("onnx", "deploy")
    onnx.helper.set_model_props(model, {name: str(value) for name, value in says.items()})
    onnx.save(model, path)
    onnx.checker.check_model(path)


def _agreement(
    wide: tuple[np.ndarray, np.ndarray], narrow: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    exit, prediction = (
        float(np.mean(one == other)) for one, other in zip(wide, narrow, strict=True)
    )
    return {"samples": len(wide[0]), "same_exit": exit, "same_prediction": prediction}


def write_plain(
    path: Path | str,
    network: EarlyExitNetwork,
    *,
    input_shape: Sequence[int],
    input_dtype: torch.dtype = torch.float32,
) -> None:
    """The network to its last exit, in one file without any decision but the class.

    What exits are to be held against: ``x`` ``[N, *input_shape]`` to ``prediction`` ``[N]``.
    """
    need("onnx", "deploy")
    path = Path(path)
    with evaluation_mode(network), atomic_path(path) as temporary:
        x = torch.zeros(TRACED, *input_shape, dtype=input_dtype)
        _export(_Plain(network, x), ["x"], ["prediction"], temporary)


class _Plain(nn.Module):
    def __init__(self, network: EarlyExitNetwork, taken: Tensor) -> None:
        super().__init__()
        self.network, self.taken = network, taken

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[-1].argmax(dim=1)
