"""Whether exported files answer as the network does in torch: batches, kinds of input, exits."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgt.deploy.single_file import OUTPUTS
from cgt.nn.exits import ExitRule
from cgt.nn.features import Features, check_rows, tensors_of
from cgt.nn.network import EarlyExitNetwork

TRACED = 2
"""The batch size at which a file is traced; it is tried at none like it."""
LARGEST = 64
"""It is tried in single samples, batches of 3, and one of this size with all kinds of input."""
SINGLES = 8
"""Single samples of each kind."""
_DISTANCE = {torch.float16: 2e-2, torch.float32: 1e-3, torch.float64: 1e-6}
"""How far answers may lie apart, relative to the largest: rounding stays far below."""


class Step(NamedTuple):
    """A stage with its exit on some samples, in torch."""

    taken: Features
    logits: Tensor
    sure: Tensor
    answer: Tensor
    handed: Features


class Probe(NamedTuple):
    """Some samples and what torch makes of them, stage by stage."""

    x: Tensor
    steps: list[Step]


def probes(
    network: EarlyExitNetwork,
    rule: ExitRule,
    input_shape: Sequence[int],
    dtype: torch.dtype,
    given: Tensor | None,
) -> list[Probe]:
    """What to trace with, first, and what to try on, all of it answered in torch.

    Raises:
        ValueError: for a network that does not take such inputs, features without a row for each
            sample, or a rule whose confidences are none.
    """
    kinds = _made_up(input_shape, dtype) if given is None else [given]
    mixed = torch.stack([kinds[n % len(kinds)][n % len(kinds[0])] for n in range(LARGEST)])
    batches = [mixed[:TRACED]]
    for kind in kinds:
        batches += [*_rows(kind, SINGLES).split(1), _rows(kind, 3)]
    with torch.no_grad():
        return [Probe(x, list(_steps(network, rule, x))) for x in (*batches, mixed)]


def _made_up(shape: Sequence[int], dtype: torch.dtype) -> list[Tensor]:
    """Kinds of input, each ``[64, *shape]``: a branch that hangs on values sees several."""
    generator = torch.Generator().manual_seed(0)
    size = (LARGEST, *shape)
    if not dtype.is_floating_point:
        return [torch.randint(2, size, generator=generator).to(dtype), torch.zeros(size).to(dtype)]
    normal = torch.randn(size, generator=generator).to(dtype)
    return [normal, 10 * normal, normal.abs(), -normal.abs(), torch.zeros_like(normal)]


def _rows(samples: Tensor, size: int) -> Tensor:
    """The first ones, again and again if there are not as many."""
    return samples[torch.arange(size) % len(samples)]


def _steps(network: EarlyExitNetwork, rule: ExitRule, x: Tensor) -> Iterator[Step]:
    taken: Features = (x, None, None)
    for exit in range(network.num_exits):
        what = f"stage {exit + 1}"
        try:
            found = network.step(exit, *taken[:2])
        except (RuntimeError, IndexError) as error:
            shown = ", ".join(f"{list(one.shape)} {one.dtype}" for one in tensors_of(taken))
            raise ValueError(
                f"{what} does not take {shown} ({error}); input_dtype says of which type the "
                f"network's input is, samples which values it can have"
            ) from error
        sure, answer, memory = rule.judge(exit, found.logits, taken[2])
        handed = found.features, found.carried, memory
        check_rows((handed, found.logits, sure, answer), len(x), what)
        _check_confidence(type(rule).__name__, exit, sure)
        yield Step(taken, found.logits, sure, answer, handed)
        taken = handed


def _check_confidence(rule: str, exit: int, sure: Tensor) -> None:
    if sure.dtype not in _DISTANCE:
        raise ValueError(
            f"{rule} cannot be exported: its confidence at exit {exit + 1} is {sure.dtype}; "
            f"allowed are {', '.join(map(str, _DISTANCE))}"
        )
    wrong = sure[(sure < -_DISTANCE[sure.dtype]) | (sure > 1 + _DISTANCE[sure.dtype])]
    if len(wrong):
        raise ValueError(
            f"{rule} cannot be exported: its confidence at exit {exit + 1} is "
            f"{wrong[0].item():.3g}; it must lie in [0, 1]"
        )


def handed_names(exit: int, handed: Features) -> list[str]:
    """What a stage hands on is called in the files."""
    return [f"of_stage_{exit + 1}_{n}" for n in range(len(tensors_of(handed)))]


def check_stages(sessions: Sequence[Any], files: Sequence[str], tried: Sequence[Probe]) -> None:
    """Raise ValueError naming the first stage whose file does not answer as torch does."""
    for exit, (session, file) in enumerate(zip(sessions, files, strict=True)):
        taken_by = {one.name for one in session.get_inputs()}
        gives = [one.name for one in session.get_outputs()]
        for probe in tried[1:]:
            step = probe.steps[exit]
            names = ["x"] if exit == 0 else handed_names(exit - 1, step.taken)
            tensors = zip(names, tensors_of(step.taken), strict=True)
            fed = {name: tensor.numpy() for name, tensor in tensors if name in taken_by}
            expected = [step.sure, step.answer]
            if exit + 1 < len(files):
                expected += tensors_of(step.handed)
            try:
                found = session.run(gives, fed)
            except Exception as error:  # whatever onnxruntime raises, it does not answer
                raise ValueError(_wrong(exit, file, len(probe.x))) from error
            if not _answers(found, expected, step.logits):
                raise ValueError(_wrong(exit, file, len(probe.x)))


def check_single(session: Any, file: str, tried: Sequence[Probe]) -> None:
    """Raise ValueError unless the one file, left at each exit, answers as torch does."""
    for probe in tried[1:]:
        if len(probe.x) > 1:
            continue
        for exit, step in enumerate(probe.steps):
            # A threshold above 1 sends a sample on, one below 0 keeps it.
            early, kind = len(probe.steps) - 1, step.sure.numpy().dtype
            fed = {f"threshold_{n + 1}": np.array([2.0 if n < exit else -1.0], kind)
                   for n in range(early)}  # fmt: skip
            number, answer, sure = session.run(list(OUTPUTS), {"x": probe.x.numpy(), **fed})
            if step.sure.isnan().any():
                continue  # it goes on, and the last exit says −1
            if number.tolist() != [exit] or not _answers(
                [sure, answer], [step.sure, step.answer], step.logits
            ):
                raise ValueError(
                    f"the network cannot be exported: {file} does not answer at exit {exit + 1} "
                    f"as the network does"
                )


def _answers(found: Sequence[np.ndarray], expected: Sequence[Tensor], logits: Tensor) -> bool:
    """Confidence, prediction and features are the same; between equal logits any class is right."""
    arrays = [one.numpy() for one in expected]
    if any(one.shape != other.shape for one, other in zip(found, arrays, strict=True)):
        return False
    (sure, answer, *features), (right_sure, right_answer, *right) = found, arrays
    given = (sure, right_sure), *zip(features, right, strict=True)
    if not all(_is_near(one, other) for one, other in given):
        return False
    rows, scores = np.arange(len(answer)), logits.numpy()
    if ((answer < 0) | (answer >= scores.shape[1])).any():
        return False
    chosen, best = scores[rows, answer], scores[rows, right_answer]
    return _is_near(chosen, best)


def _is_near(found: np.ndarray, expected: np.ndarray) -> bool:
    if found.dtype != expected.dtype:
        return False
    if found.dtype.kind != "f":
        return np.array_equal(found, expected)
    finite = np.abs(expected[np.isfinite(expected)])
    distance = _DISTANCE[torch.from_numpy(expected[:0]).dtype]
    allowed = distance * finite.max(initial=1e-3)
    return np.allclose(found, expected, rtol=0, atol=allowed, equal_nan=True)


def _wrong(exit: int, file: str, batch: int) -> str:
    return (
        f"stage {exit + 1} cannot be exported: {file} does not answer a batch of {batch} as the "
        f"network does; nothing in its forward may hang on the batch's size as a Python number "
        f"(reshape finds it for -1), on a branch or loop over values, or on chance"
    )
