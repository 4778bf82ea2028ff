"""What a module does, step by step: its forward recorded, down to the modules that are named."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from cgt.nn.features import Features, check_rows, rebuild, select, tensors_of
from cgt.nn.network import evaluation_mode

BATCHES = (2, 3)
"""Sizes that a model is tried with: what grows from one to the other is the batch."""


class Trace(NamedTuple):
    """A recorded forward."""

    graph: fx.Graph
    cuts: list[fx.Node]
    """What each of the named modules answers."""
    constants: Mapping[str, Tensor]
    """Tensors that the forward makes of nothing, by the name of their step."""
    values: list[Mapping[str, Any]]
    """What each step gives, by its name, for each of ``BATCHES``; tensors without their numbers."""
    random: set[str]
    """Names of the steps that draw random numbers."""
    logits: Tensor
    """Of the first of ``BATCHES``."""


def trace(model: nn.Module, at: Sequence[str], example: Features) -> Trace:
    """Record the forward of ``model`` for an input such as ``example``.

    Arguments and errors are those of :func:`cgt.attach`.
    """
    names = _canonical(model, at)
    with torch.no_grad(), evaluation_mode(model):
        inputs = [with_rows(example, batch) for batch in BATCHES]
        logits = [_try(model, x) for x in inputs]
        for found, batch in zip(logits, BATCHES, strict=True):
            _check_logits(model, found, batch)
        graph, constants, answers = _record(model, names, inputs)
        _check_once(model, at, names, answers)
        seen = [_Seen(model, graph, constants) for _ in BATCHES]
        for run, x in zip(seen, inputs, strict=True):
            run.run(*arguments(x))
    cuts = [answers[name][0] for name in names]
    _check_order(at, cuts, graph)
    return Trace(graph, cuts, constants, [run.seen for run in seen], seen[0].random, logits[0])


def with_rows(example: Features, batch: int) -> Features:
    """The example with ``batch`` samples: its own, again and again."""
    tensors = tensors_of(example)
    if not tensors or tensors[0].ndim == 0 or len(tensors[0]) == 0:
        raise ValueError(
            "example holds no sample; a tensor [B >= 1, ...] is needed, or a tuple or dict of such "
            "for a model with several inputs"
        )
    check_rows(example, len(tensors[0]), "example")
    index = torch.arange(batch, device=tensors[0].device) % len(tensors[0])
    return select(example, index)


def arguments(x: Features) -> list[Any]:
    """The inputs of the model one by one."""
    if isinstance(x, Mapping):
        return list(x.values())
    return list(x) if isinstance(x, tuple) else [x]


def call(function: Any, x: Features) -> Any:
    """``function`` of the inputs: a tuple holds positional arguments, a dict named ones."""
    if isinstance(x, Mapping):
        return function(**x)
    return function(*x) if isinstance(x, tuple) else function(x)


class _Undecided(Exception):
    """The forward wants to know, in plain numbers, what a step gives."""

    def __init__(self, node: fx.Node, how: Callable[[Any], int]) -> None:
        super().__init__()
        self.node, self.how = node, how


class _WithLength:
    def __len__(self) -> int:
        return self.tracer.ask(self.node, len)


class _Value(_WithLength, fx.Proxy):
    """A recorded value that can be asked for its length, as can its attributes."""

    def __getattr__(self, name: str) -> fx.proxy.Attribute:
        return _Attribute(self, name)


class _Attribute(_WithLength, fx.proxy.Attribute):
    pass


class _Tracer(fx.Tracer):
    """Look into the modules that hold a named one, and into no other.

    torch.fx and not torch.export: modules that are not looked into stay calls. They ask at every
    call whether they are in training, run their hooks, and take batches of any size.
    """

    proxy_buffer_attributes = True

    def __init__(self, names: Sequence[str], example: Features, known: Sequence[int]) -> None:
        super().__init__()
        self.example, self.known = example, list(known)
        self.answers: dict[str, list[Any]] = {name: [] for name in names}
        parts = [name.split(".") for name in names]
        self.open = {".".join(part[:depth]) for part in parts for depth in range(len(part))}
        self.inside = [""]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.open

    def create_args_for_root(
        self, root_fn: Any, is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        for name in sorted(self.open):
            # An open module's own `self.training` is a step, too, so that the mode of the day of
            # the tracing is not what counts.
            target = f"{name}.training".removeprefix(".")
            mode = self.create_proxy("get_attr", target, (), {})
            self.root.get_submodule(name).__dict__["training"] = mode
        if isinstance(self.example, Mapping):
            given: Any = {name: self._input(name) for name in self.example}
        elif isinstance(self.example, tuple):
            given = tuple(self._input(f"input_{n}") for n in range(len(self.example)))
        else:
            given = self._input("input")

        def run() -> Any:
            return call(lambda *args, **kwargs: root_fn(self.root, *args, **kwargs), given)

        return run, []

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Value(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        return bool(self.ask(obj.node, bool))

    def ask(self, node: fx.Node, how: Callable[[Any], int]) -> int:
        if not self.known:
            raise _Undecided(node, how)
        return self.known.pop(0)

    def _input(self, name: str) -> fx.Proxy:
        return self.create_proxy("placeholder", name, (), {})

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        name = self.path_of_module(m)
        if name in self.open:
            self.inside.append(name)
        answer = super().call_module(m, forward, args, kwargs)
        if name in self.open:
            self.inside.pop()
        if name in self.answers:
            self.answers[name].append(answer.node if isinstance(answer, fx.Proxy) else None)
        return answer


class _Seen(fx.Interpreter):
    """Run a graph and note what its steps give."""

    def __init__(self, model: nn.Module, graph: fx.Graph, constants: Mapping[str, Tensor]) -> None:
        super().__init__(model, graph=graph)
        self.constants = constants
        self.seen: dict[str, Any] = {}
        self.random: set[str] = set()

    def fetch_attr(self, target: str) -> Any:
        return self.constants[target] if target in self.constants else super().fetch_attr(target)

    def run_node(self, n: fx.Node) -> Any:
        before = torch.get_rng_state()
        value = super().run_node(n)
        if not torch.equal(before, torch.get_rng_state()):
            self.random.add(n.name)
        self.seen[n.name] = rebuild(value, [one.to("meta") for one in tensors_of(value)])
        return value


def _canonical(model: nn.Module, at: Sequence[str]) -> list[str]:
    """The first name of each module; one module can have several."""
    if isinstance(at, str) or not isinstance(at, Sequence) or len(at) == 0:
        raise ValueError(
            f"at is {at!r}; a list with at least one name of a module is needed, such as "
            f"{[name for name, _ in model.named_children()][:2]}"
        )
    named = dict(model.named_modules(remove_duplicate=False))
    first = {module: name for name, module in model.named_modules()}
    for name in at:
        if name not in named or name == "":
            children = ", ".join(child for child, _ in model.named_children())
            raise ValueError(
                f"at: {name!r} is no module within {type(model).__name__}; it holds {children}, "
                f"and what `named_modules()` lists"
            )
    names = [first[named[name]] for name in at]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ValueError(f"at names {at[position]!r} twice; one exit for each module")
    return names


def _record(
    model: nn.Module, names: Sequence[str], inputs: Sequence[Features]
) -> tuple[fx.Graph, dict[str, Tensor], dict[str, list[Any]]]:
    """The graph, the tensors that it makes of nothing, and the answers of the named modules.

    Where a forward branches on shapes alone, it is found out which way, and begun again.
    """
    known: list[int] = []
    while True:
        tracer = _Tracer(names, inputs[0], known)
        with _as_it_was(model) as constants:
            try:
                return tracer.trace(model), constants, tracer.answers
            except Exception as raised:  # whatever a forward raises at a recorded value
                error = raised
        answer = None
        if isinstance(error, _Undecided):
            answer = _answer(model, error, constants, inputs)
        if answer is None:
            name = tracer.inside[-1]
            kind = type(model.get_submodule(name)).__name__
            reason = f" ({error})" if str(error) else ""
            raise ValueError(
                f"the forward of {f'{name!r} ({kind})' if name else kind} cannot be recorded"
                f"{_line(error.__traceback__)}{reason}; around the modules of `at` it must not "
                f"branch or loop on numbers in its input or on self.training, nor turn a size into "
                f"a plain int: put that part into a module of its own, which is called as it is, "
                f"or name other modules in `at`"
            ) from error
        known.append(answer)


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Take back what recording does to a model; in the dict is what it stows away there."""
    before = set(model.__dict__)
    modes = [(module, module.training) for module in model.modules()]
    constants: dict[str, Tensor] = {}
    try:
        yield constants
    finally:
        for module, training in modes:
            module.__dict__["training"] = training
        for name in set(model.__dict__) - before:
            constants[name] = model.__dict__.pop(name)


def _answer(
    model: nn.Module,
    asked: _Undecided,
    constants: Mapping[str, Tensor],
    inputs: Sequence[Features],
) -> int | None:
    """What is asked, if it is the same for all numbers and batches; ``None`` if it depends."""
    behind = [asked.node]
    for node in behind:
        behind += [one for one in node.all_input_nodes if one not in behind]
    if any(is_mode(node) for node in behind):
        return None
    graph = asked.node.graph
    graph.output(asked.node)
    found = [_Seen(model, graph, constants).run(*arguments(x)) for x in inputs]
    if asked.how is bool and tensors_of(found):
        return None
    few, more = map(asked.how, found)
    return few if few == more else None


def is_mode(node: fx.Node) -> bool:
    """Whether a step asks a module if it is in training."""
    return node.op == "get_attr" and str(node.target).split(".")[-1] == "training"


def _line(trail: TracebackType | None) -> str:
    """Where in somebody's forward it was."""
    ours = (Path(torch.__file__).parent, Path(__file__))
    for frame in reversed(traceback.extract_tb(trail)):
        path = Path(frame.filename)
        if not any(path.is_relative_to(one) for one in ours):
            return f" at {path.name}:{frame.lineno}"
    return ""


def _try(model: nn.Module, x: Features) -> Any:
    try:
        return call(model, x)
    except Exception as error:  # whatever a model raises
        shapes = ", ".join(f"{list(one.shape)} {one.dtype}" for one in tensors_of(x))
        raise ValueError(
            f"{type(model).__name__} does not take an example of {shapes} ({error}); example must "
            f"be what the model is called with, the batch first, of any size: a tensor, a tuple of "
            f"positional or a dict of named arguments"
        ) from error


def _check_logits(model: nn.Module, found: Any, batch: int) -> None:
    if isinstance(found, Tensor) and found.ndim == 2 and found.shape[0] == batch:
        return
    what = f"shape {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
    raise ValueError(
        f"{type(model).__name__} answers {batch} samples with {what}; logits [{batch}, C] are "
        f"needed: wrap it in a module that returns these"
    )


def _check_once(
    model: nn.Module, at: Sequence[str], names: Sequence[str], answers: Mapping[str, list[Any]]
) -> None:
    for given, name in zip(at, names, strict=True):
        calls = answers[name]
        if len(calls) != 1:
            raise ValueError(
                f"at: {given!r} is called {len(calls)} times in the forward of "
                f"{type(model).__name__}; a cut needs a module that is called once"
            )
        if calls[0] is None:
            raise ValueError(
                f"at: {given!r} holds other cuts and answers with several values; name a module "
                f"that gives one tensor"
            )


def _check_order(at: Sequence[str], cuts: Sequence[fx.Node], graph: fx.Graph) -> None:
    place = {node: number for number, node in enumerate(graph.nodes)}
    order = sorted(range(len(at)), key=lambda n: place[cuts[n]])
    if order != list(range(len(at))):
        raise ValueError(
            f"at is {list(at)}, which is not the order in which they are called; that is "
            f"{[at[n] for n in order]}"
        )
    for number in range(1, len(at)):
        if cuts[number] is cuts[number - 1]:
            raise ValueError(
                f"at: {at[number - 1]!r} and {at[number]!r} give the same value; name one of them"
            )
    (answer,) = (node.args[0] for node in graph.nodes if node.op == "output")
    if cuts[-1] is answer:
        raise ValueError(
            f"at: {at[-1]!r} gives the model's own logits, which are the last exit anyhow; name "
            f"modules before it"
        )
