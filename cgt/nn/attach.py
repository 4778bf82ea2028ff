"""Exits for a network that has none: a module is cut into stages, and gets a head at each cut."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from cgt.nn.features import Features, rebuild, tensors_of
from cgt.nn.heads import HEADS, default_head, like
from cgt.nn.network import EarlyExitNetwork, evaluation_mode
from cgt.nn.tracing import BATCHES, Trace, call, is_mode, trace, with_rows

MakeHead = Callable[[Sequence[int], int], nn.Module]


def attach(
    model: nn.Module,
    at: Sequence[str],
    example: Features,
    heads: str | Sequence[nn.Module] | MakeHead | None = None,
) -> EarlyExitNetwork:
    """Cut a network behind some of its modules, and let it answer there.

    The stages run the model's own modules, one after the other, with the model's own parameters,
    and the last exit is the model's own classifier: its logits are the model's. Whatever else a
    later stage needs (a residual, a mask, another input) is handed on as well. Training the one
    trains the other.

    ::

        network = cgt.attach(resnet18(), at=["layer1", "layer2"], example=torch.zeros(1, 3, 64, 64))
        exit_index, prediction = network.infer(images, threshold=0.9)

    The forward of the model, and of each module that holds a named one, is recorded once. All
    other modules stay as they are. A recorded forward may branch on shapes, and then goes the way
    it went for ``example``; it must not branch on numbers in the input or on ``self.training``.
    Hooks of recorded modules do not run any more, and what the forward does not use is left out.

    Args:
        model: answers with logits ``[B, C]``.
        at: names of modules, as ``model.named_modules()`` has them, in the order in which they are
            called, each of them once. An exit each, at what the module gives.
        example: what the model is called with: a tensor ``[B, ...]``, B ≥ 1; a tuple of positional
            or a dict of named arguments, all ``[B, ...]``. The network takes inputs of this form.
        heads: ``None``: means over all positions of maps ``[B, C, *]`` or over the tokens of
            sequences ``[B, T, C]``, with a linear layer behind, and a linear layer alone for
            vectors ``[B, C]``. By name, the same for all: ``"vector"``, ``"tokens"``,
            ``"channels"``, or ``"class_token"`` for the first token. A module for each name in
            ``at``. Or a function of the shape of one sample's features and the number of classes
            that makes one. A head takes what the module gives, the batch first.

    Returns:
        A network with ``len(at) + 1`` exits, every part in the mode, training or evaluation, in
        which it was; new heads in the model's.

    Raises:
        ValueError: if the model does not take the example; if a name is unknown, called more than
            once or never, or out of order; if a forward cannot be recorded, or a value that a later
            stage needs cannot be handed on, one row for each sample; if heads do not fit.
    """
    recorded = trace(model, at, example)
    plan = _Plan(recorded, at)
    build = _Builder(model, recorded.constants)
    stages = [
        build.stage(plan.form(example) if number == 0 else plan.takes(number), plan, number)
        for number in range(len(at) + 1)
    ]
    made = _heads(model, at, plan, heads)
    last = nn.Identity() if plan.last is None else model.get_submodule(str(plan.last.target))
    network = EarlyExitNetwork(stages, [*made, last])
    for part in (network, network.stages, network.heads):
        part.training = model.training
    _check(model, network, at, example)
    return network


class _Value(str):
    """The name of a step, where what it gave belongs."""


class _Step(NamedTuple):
    name: str
    op: str
    target: Any
    args: Any
    kwargs: Any


class _Handed(NamedTuple):
    """A value on its way from stage to stage."""

    name: str
    axes: list[int | None]
    """Where each of its tensors has the batch; ``None`` if nowhere, and a row is a copy of it."""


class Stage(nn.Module):
    """Part of a recorded forward.

    Modules and parameters lie under the names that they have in the model. What has parameters or
    buffers and is used by several stages belongs to the first of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[_Step] = []
        self._takes: Any = None
        self._hands: list[_Handed] = []
        self._sizes: list[str] = []
        """Steps that give the number of samples."""
        self._copies = False
        """It writes to what it takes, which others may still need."""
        self._elsewhere: dict[str, tuple[nn.Module, str]] = {}
        """What other stages own: its owner, and its name there."""

    def forward(self, x: Features) -> Features:
        rows = tensors_of(x)[0].shape[0]
        if self._copies:
            x = rebuild(x, [one.clone() for one in tensors_of(x)])
        values = dict.fromkeys(self._sizes, rows) | dict(self._taken(x))
        for step in self._steps:
            args, kwargs = fx.node.map_aggregate(
                (step.args, step.kwargs), lambda one: values[one] if type(one) is _Value else one
            )
            values[step.name] = self._do(step, args, kwargs)
        handed = [_packed(values[one.name], one.axes, rows) for one in self._hands]
        return handed[0] if len(handed) == 1 else tuple(handed)

    def _taken(self, x: Features) -> Iterator[tuple[str, Any]]:
        if isinstance(self._takes, Mapping):
            if not isinstance(x, Mapping) or x.keys() != self._takes.keys():
                raise ValueError(f"the network takes a dict with {', '.join(self._takes)}")
            yield from ((self._takes[name], x[name]) for name in self._takes)
        elif isinstance(self._takes, tuple):
            if not isinstance(x, tuple) or len(x) != len(self._takes):
                raise ValueError(f"the network takes a tuple of {len(self._takes)} inputs")
            yield from zip(self._takes, x, strict=True)
        elif isinstance(self._takes, str):
            yield self._takes, x
        else:
            parts = (x,) if len(self._takes) == 1 else x
            for part, one in zip(parts, self._takes, strict=True):
                yield one.name, _unpacked(part, one.axes)

    def _do(self, step: _Step, args: Any, kwargs: Any) -> Any:
        if step.op == "call_function":
            return step.target(*args, **kwargs)
        if step.op == "call_method":
            return getattr(args[0], step.target)(*args[1:], **kwargs)
        if step.target in self._elsewhere:
            found = getattr(*self._elsewhere[step.target])
        else:
            found = operator.attrgetter(step.target)(self)
        return found(*args, **kwargs) if step.op == "call_module" else found

    def extra_repr(self) -> str:
        return ", ".join(step.name for step in self._steps if step.op != "get_attr")


class First(nn.Module):
    """The first of several features: what an exit's module gave; the rest is for later stages."""

    def forward(self, x: Features) -> Features:
        return x[0]


def _packed(value: Features, axes: Sequence[int | None], rows: int) -> Features:
    """With one row for each sample."""
    if isinstance(value, Tensor) and axes == [0]:
        return value
    parts = zip(tensors_of(value), axes, strict=True)
    return rebuild(
        value,
        [
            one.expand(rows, *one.shape) if axis is None else one.movedim(axis, 0)
            for one, axis in parts
        ],
    )


def _unpacked(value: Features, axes: Sequence[int | None]) -> Features:
    """As it was before :func:`_packed`."""
    if isinstance(value, Tensor) and axes == [0]:
        return value
    parts = zip(tensors_of(value), axes, strict=True)
    return rebuild(value, [one[0] if axis is None else one.movedim(0, axis) for one, axis in parts])


class _Plan:
    """Which steps are done by which stage, and what is handed on from one to the next.

    Steps keep their order, as some of them write to what others read or draw random numbers.
    Tensors are handed on. Numbers, parameters and what is made of these alone is found again.
    """

    def __init__(self, recorded: Trace, at: Sequence[str]) -> None:
        self.recorded, self.at = recorded, at
        nodes = list(recorded.graph.nodes)
        self.place = {node: number for number, node in enumerate(nodes)}
        self.inputs = [node for node in nodes if node.op == "placeholder"]
        (self.answer,) = (node.args[0] for node in nodes if node.op == "output")
        self.last = self._last(nodes)
        steps = [node for node in nodes if node.op not in ("placeholder", "output")]
        self.own: list[list[fx.Node]] = [[] for _ in range(len(at) + 1)]
        for node in steps:
            # A parameter is fetched wherever it is used.
            if node is not self.last and node.op != "get_attr":
                self.own[self.stage_of(node)].append(node)
        ends = [*recorded.cuts, self.answer if self.last is None else self.last.args[0]]
        self.sizes: list[list[str]] = []
        self.steps: list[list[fx.Node]] = []
        carried: list[set[fx.Node]] = []
        for number, own in enumerate(self.own):
            found = _Needs(self, number)
            for node in [*own, ends[number]]:
                found.bring(node)
            self.steps.append(found.steps)
            self.sizes.append(found.sizes)
            carried.append(found.carried)
        self.handed: list[list[fx.Node]] = []
        for number, end in enumerate(ends):
            later = set().union(*carried[number + 1 :])
            others = [node for node in later if self.stage_of(node) <= number and node is not end]
            self.handed.append([end, *sorted(others, key=self.place.__getitem__)])

    def stage_of(self, node: fx.Node) -> int:
        return sum(self.place[cut] < self.place[node] for cut in self.recorded.cuts)

    def _last(self, nodes: Sequence[fx.Node]) -> fx.Node | None:
        """The module that makes the logits of one tensor, if there is one: the last head."""
        node = self.answer
        calls = [one for one in nodes if one.target == node.target and one.op == node.op]
        if (
            node.op == "call_module"
            and len(calls) == len(node.users) == len(node.args) == 1
            and isinstance(node.args[0], fx.Node)
            and not node.kwargs
            and self.axes(node.args[0]) == [0]
        ):
            return node
        return None

    def form(self, example: Features) -> Any:
        """Names of the inputs, in the form of the example."""
        names = [node.name for node in self.inputs]
        if isinstance(example, Mapping):
            return dict(zip(example, names, strict=True))
        return tuple(names) if isinstance(example, tuple) else names[0]

    def takes(self, number: int) -> list[_Handed]:
        return self.hands(number - 1)

    def hands(self, number: int) -> list[_Handed]:
        return [_Handed(node.name, self._hand(node, number)) for node in self.handed[number]]

    def _hand(self, node: fx.Node, number: int) -> list[int | None]:
        axes = self.axes(node)
        if axes is None:
            value = self.recorded.values[0][node.name]
            what = " and ".join(str(list(one.shape)) for one in tensors_of(value))
            raise ValueError(
                f"what {node.name!r} gives is needed behind the cut at {self.at[number]!r} and "
                f"cannot be handed on for each sample: for {BATCHES[0]} samples it is a "
                f"{type(value).__name__}{f' of {what}' if what else ''}; cut elsewhere, or "
                f"give each sample a row of its own"
            )
        return axes

    def axes(self, node: fx.Node) -> list[int | None] | None:
        """The batch's axis of every tensor a step gives; ``None`` if that cannot be handed on."""
        values = [seen[node.name] for seen in self.recorded.values]
        if not all(_is_features(value) for value in values):
            return None
        found: list[int | None] = []
        for few, more in zip(*map(tensors_of, values), strict=True):
            if few.ndim != more.ndim:
                return None
            pairs = list(zip(few.shape, more.shape, strict=True))
            grown = [axis for axis, (low, high) in enumerate(pairs) if low != high]
            if grown and (len(grown) > 1 or pairs[grown[0]] != BATCHES):
                return None
            found.append(grown[0] if grown else None)
        return found

    def is_size(self, node: fx.Node) -> bool:
        """Whether a step gives the number of samples."""
        few, more = (seen[node.name] for seen in self.recorded.values)
        return isinstance(few, int) and (few, more) == BATCHES

    def is_found_again(self, node: fx.Node) -> bool:
        """Whether a later stage does a step again instead of being handed what it gave."""
        if node.op == "get_attr":
            return True
        if node.op not in ("call_function", "call_method"):
            return False
        if not tensors_of(self.recorded.values[0][node.name]):
            return not _is_features(self.recorded.values[0][node.name])
        return (
            all(axis is None for axis in self.axes(node) or [0])
            and node.name not in self.recorded.random
            and not any(_writes(user) for user in node.users)
            and all(
                self.is_size(one) or (self.is_found_again(one) and not is_mode(one))
                for one in node.all_input_nodes
            )
        )


class _Needs:
    """The steps of one stage: its own, and those that it does again."""

    def __init__(self, plan: _Plan, number: int) -> None:
        self.plan, self.number = plan, number
        self.steps: list[fx.Node] = []
        self.sizes: list[str] = []
        self.carried: set[fx.Node] = set()
        self._done: set[fx.Node] = set()

    def bring(self, node: fx.Node) -> None:
        if node in self._done:
            return
        self._done.add(node)
        own = self.plan.stage_of(node) == self.number and node.op != "placeholder"
        if not own and node.op != "get_attr":
            if self.plan.is_size(node) and self.number > 0:
                self.sizes.append(node.name)
                return
            if not self.plan.is_found_again(node):
                self.carried.add(node)
                return
        for one in node.all_input_nodes:
            self.bring(one)
        self.steps.append(node)


class _Builder:
    """Put the model's modules, parameters and buffers where the stages find them."""

    def __init__(self, model: nn.Module, constants: Mapping[str, Tensor]) -> None:
        self.model, self.constants = model, constants
        self.owners: dict[str, tuple[nn.Module, str]] = {}

    def stage(self, takes: Any, plan: _Plan, number: int) -> Stage:
        stage = Stage()
        stage.training = self.model.training
        stage._takes, stage._hands, stage._sizes = takes, plan.hands(number), plan.sizes[number]
        for node in plan.steps[number]:
            args, kwargs = (
                fx.node.map_arg(one, lambda used: _Value(used.name))
                for one in (node.args, node.kwargs)
            )
            stage._steps.append(_Step(node.name, node.op, node.target, args, kwargs))
        # Whole modules first: a parameter may be used by itself, too.
        steps = sorted(stage._steps, key=lambda step: step.op != "call_module")
        for target in dict.fromkeys(
            step.target for step in steps if step.op in ("call_module", "get_attr")
        ):
            if target in self.owners:
                stage._elsewhere[target] = self.owners[target]
            else:
                self._settle(stage, target)
        return stage

    def _settle(self, stage: Stage, target: str) -> None:
        *path, name = target.split(".")
        owner, original = stage, self.model
        for part in path:
            original = original.get_submodule(part)
            if part not in owner._modules:
                owner.add_module(part, nn.Module())
                owner._modules[part].training = original.training
            owner = owner._modules[part]
        if name == "training" or name in owner._modules or name in owner._parameters:
            return
        thing = self.constants[target] if target in self.constants else getattr(original, name)
        if isinstance(thing, nn.Module):
            owner.add_module(name, thing)
            if next(chain(thing.parameters(), thing.buffers()), None) is None:
                return  # nothing is owned: every stage may have it
        elif isinstance(thing, nn.Parameter):
            owner.register_parameter(name, thing)
        elif isinstance(thing, Tensor):
            saved = name in original._buffers and name not in original._non_persistent_buffers_set
            owner.register_buffer(name, thing, persistent=saved)
        else:
            setattr(owner, name, thing)
        self.owners[target] = owner, name


def _heads(
    model: nn.Module,
    at: Sequence[str],
    plan: _Plan,
    heads: str | Sequence[nn.Module] | MakeHead | None,
) -> list[nn.Module]:
    if isinstance(heads, nn.Module) or not (
        heads is None or callable(heads) or isinstance(heads, Sequence)
    ):
        raise ValueError(
            f"heads is a {type(heads).__name__}; it must be None, one of {', '.join(HEADS)}, a "
            f"module for each name in `at`, or a function of shape and number of classes"
        )
    if isinstance(heads, str) and heads not in HEADS:
        raise ValueError(f"heads is {heads!r}; by name there are {', '.join(HEADS)}")
    if isinstance(heads, Sequence) and not isinstance(heads, str) and len(heads) != len(at):
        raise ValueError(f"{len(heads)} heads for {len(at)} names in `at`; one each is needed")
    made = []
    for number, name in enumerate(at):
        if isinstance(heads, Sequence) and not isinstance(heads, str):
            head = heads[number]
        else:
            module = model.get_submodule(name)
            head = _made(name, module, plan, number, heads)
            head.train(model.training)
        made.append(head if len(plan.handed[number]) == 1 else _behind_first(head, model.training))
    return made


def _made(
    name: str,
    module: nn.Module,
    plan: _Plan,
    number: int,
    heads: str | MakeHead | None,
) -> nn.Module:
    classes, device = plan.recorded.logits.shape[1], plan.recorded.logits.device
    (handed, *_) = plan.hands(number)
    value = plan.recorded.values[0][handed.name]
    if not isinstance(value, Tensor) or handed.axes == [None]:
        raise ValueError(
            f"at: {name!r} gives {type(value).__name__} and not one tensor with the batch first, "
            f"which heads are made for; give a module for each name, or name a module that does"
        )
    shape = list(_packed(value, handed.axes, BATCHES[0]).shape[1:])
    if callable(heads):
        return like(heads(shape, classes), value.dtype, device)
    make, axes = HEADS[heads or default_head(name, module, shape)]
    if len(shape) not in axes:
        raise ValueError(
            f"at: {name!r} gives features [B{''.join(f', {size}' for size in shape)}], to which "
            f"heads={heads!r} does not fit"
        )
    return like(make(shape, classes), value.dtype, device)


def _behind_first(head: nn.Module, training: bool) -> nn.Module:
    behind = nn.Sequential(First(), head)
    behind.training = behind[0].training = training
    return behind


def _check(
    model: nn.Module, network: EarlyExitNetwork, at: Sequence[str], example: Features
) -> None:
    """The last logits are the model's, bit for bit, and every head gives logits like them."""
    with torch.no_grad(), evaluation_mode(network), evaluation_mode(model):
        for batch in BATCHES:
            x = with_rows(example, batch)
            expected = call(model, x)
            _note_writes(network, x)
            for number in range(len(at)):
                _check_head(network, number, at[number], x, list(expected.shape))
            if not torch.equal(network(x)[-1], expected):
                raise ValueError(
                    f"cut at {list(at)}, {type(model).__name__} does not answer as it does whole: "
                    f"its forward depends on more than its input, or a hook changes what it gives; "
                    f"name other modules in `at`"
                )


def _note_writes(network: EarlyExitNetwork, x: Features) -> None:
    for stage in network.stages:
        taken = tensors_of(x)
        before = [one._version for one in taken]
        x = stage(x)
        if stage is not network.stages[0] and [one._version for one in taken] != before:
            stage._copies = True


def _check_head(
    network: EarlyExitNetwork, number: int, name: str, x: Features, expected: list[int]
) -> None:
    for stage in network.stages[: number + 1]:
        x = stage(x)
    shape = list(tensors_of(x)[0].shape)
    try:
        found = network.heads[number](x)
    except Exception as error:  # whatever somebody's head raises
        raise ValueError(
            f"the head at {name!r} does not take what the module gives, {shape} ({error})"
        ) from error
    if not isinstance(found, Tensor) or list(found.shape) != expected:
        what = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"the head at {name!r} gives {what}; logits {expected} are needed")


def _is_features(value: Any) -> bool:
    """Whether a stage may hand it on."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return all(map(_is_features, value))
    return value is None or isinstance(value, Tensor)


def _writes(node: fx.Node) -> bool:
    """Whether a step changes what it is given."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    in_place = name.endswith("_") and not name.endswith("__")
    augmented = getattr(operator, name, None) is node.target and name in _AUGMENTED
    return in_place or augmented or bool(node.kwargs.get("inplace"))


_AUGMENTED = {"setitem", "iadd", "isub", "imul", "itruediv", "ifloordiv", "imatmul", "ipow", "iand"}
