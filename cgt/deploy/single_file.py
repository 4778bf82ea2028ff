"""All stages in one ONNX file: what is deeper than an exit stands in the branch of an `If`.

Any onnxruntime runs it in one call, in any language, for one sample at a time; weights lie inside
the branches, so that onnxruntime prepares them as it does those of a plain network. On CUDA, `If`
copies its condition to the host at every exit: there the call waits for the device E−1 times.

Thresholds are inputs with a default, `threshold_1` …, and no constants: the trade-off is moved on
the device without another file, and comparing with an input costs what comparing with a constant
does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cgt.records.extras import need

OUTPUTS = ("exit", "prediction", "confidence")
"""Of the file, each ``[1]``. Exit and prediction are −1 for a sample without a confidence."""
DECISION = ("confidence", "prediction")
"""What every stage's own file gives first."""


def single_file(stages: Sequence[Any], thresholds: Sequence[float]) -> Any:
    """One ``onnx.ModelProto`` of the stages' own.

    Args:
        stages: E ``onnx.ModelProto``, shallow to deep; the first takes ``x``, each gives
            :data:`DECISION` and what the next one takes, by name.
        thresholds: E−1 defaults in [0, 1].
    """
    onnx = need("onnx", "deploy")
    graphs = [_renamed(model.graph, f"stage_{n}/") for n, model in enumerate(stages, start=1)]
    nested = _Nested(onnx, graphs)
    nodes, weights = nested.answer(0)
    x = onnx.ValueInfoProto()
    x.CopyFrom(stages[0].graph.input[0])
    x.type.tensor_type.shape.dim[0].Clear()
    x.type.tensor_type.shape.dim[0].dim_value = 1
    inputs, dtype = [x], onnx.helper.tensor_dtype_to_np_dtype(nested.precision)
    for n, value in enumerate(thresholds, start=1):
        name = f"threshold_{n}"
        inputs.append(onnx.helper.make_tensor_value_info(name, nested.precision, [1]))
        weights.append(onnx.numpy_helper.from_array(np.array([value], dtype), name))
    graph = onnx.helper.make_graph(nodes, "early_exits", inputs, nested.infos(""), weights)
    versions = {one.domain: one for model in stages for one in model.opset_import}
    return onnx.helper.make_model(
        graph,
        opset_imports=list(versions.values()),
        ir_version=max(model.ir_version for model in stages),
        producer_name="cgt",
    )


class _Nested:
    """Nodes and weights of a stage with all that is deeper."""

    def __init__(self, onnx: Any, graphs: Sequence[Any]) -> None:
        self.onnx, self.graphs = onnx, graphs
        self.node = onnx.helper.make_node
        (sure,) = (one for one in graphs[0].output if one.name == "stage_1/confidence")
        self.precision = sure.type.tensor_type.elem_type

    def infos(self, prefix: str) -> list[Any]:
        """The three outputs of a graph."""
        whole = self.onnx.TensorProto.INT64
        types = (whole, whole, self.precision)
        info = self.onnx.helper.make_tensor_value_info
        return [info(prefix + name, kind, [1]) for name, kind in zip(OUTPUTS, types, strict=True)]

    def answer(self, exit: int, prefix: str = "") -> tuple[list[Any], list[Any]]:
        """From exit on: what computes `OUTPUTS`, named with the prefix."""
        graph, own = self.graphs[exit], f"stage_{exit + 1}/"
        sure, answer = (own + name for name in DECISION)
        names = [prefix + name for name in OUTPUTS]
        if exit + 1 == len(self.graphs):
            nodes = _computing(graph.node, {sure, answer})
            weights = _weights(graph, nodes, {sure, answer})
            return [*nodes, *self._take_the_rest(own, exit, names)], weights
        outer = _computing(graph.node, {sure})
        rest = [node for node in graph.node if node not in outer]
        leave = _computing(rest, {answer})
        below, weights_below = self.answer(exit + 1, f"{own}deeper/")
        used = {name for node in below for name in _names(node)}
        # What only the next stage takes is computed only if there is one.
        go_on = _computing(rest, used)
        weights = _weights(graph, outer, {sure})
        kept = {one.name for one in weights}
        branches = {
            "then_branch": self._branch(
                f"{own}leave/",
                [*leave, *self._same(own, exit, answer, sure)],
                [one for one in _weights(graph, leave, {answer}) if one.name not in kept],
            ),
            "else_branch": self._branch(
                f"{own}deeper/",
                [*go_on, *below],
                [
                    *(one for one in _weights(graph, go_on, used) if one.name not in kept),
                    *weights_below,
                ],
            ),
        }
        is_sure = self.node("GreaterOrEqual", [sure, f"threshold_{exit + 1}"], [f"{own}leaves"])
        chosen = self.node("If", [f"{own}leaves"], names, name=f"{own}If", **branches)
        return [*outer, is_sure, chosen], weights

    def _branch(self, prefix: str, nodes: list[Any], weights: list[Any]) -> Any:
        return self.onnx.helper.make_graph(nodes, prefix, [], self.infos(prefix), weights)

    def _number(self, name: str, value: int) -> Any:
        tensor = self.onnx.numpy_helper.from_array(np.array([value], dtype=np.int64))
        return self.node("Constant", [], [name], value=tensor)

    def _same(self, own: str, exit: int, answer: str, sure: str) -> Iterator[Any]:
        """The exit answers. A branch may not give an outer value itself, hence `Identity`."""
        first, second, third = (f"{own}leave/{name}" for name in OUTPUTS)
        yield self._number(first, exit)
        yield self.node("Identity", [answer], [second])
        yield self.node("Identity", [sure], [third])

    def _take_the_rest(self, own: str, exit: int, names: Sequence[str]) -> Iterator[Any]:
        """The last exit answers all but what has no confidence."""
        sure, answer = (own + name for name in DECISION)
        yield self._number(f"{own}number", exit)
        yield self._number(f"{own}none", -1)
        yield self.node("IsNaN", [sure], [f"{own}unsure"])
        yield self.node("Where", [f"{own}unsure", f"{own}none", f"{own}number"], [names[0]])
        yield self.node("Where", [f"{own}unsure", f"{own}none", answer], [names[1]])
        yield self.node("Identity", [sure], [names[2]])


def _computing(nodes: Iterable[Any], names: set[str]) -> list[Any]:
    """Those of the nodes that the names need, in their order."""
    needed, found = set(names), []
    for node in reversed(list(nodes)):
        if needed.intersection(node.output):
            found.append(node)
            needed.update(_names(node))
    return found[::-1]


def _names(node: Any) -> Iterator[str]:
    """All that a node and the graphs within it take."""
    yield from node.input
    for graph in _graphs(node):
        for inner in graph.node:
            yield from _names(inner)
        yield from (one.name for one in graph.output)


def _weights(graph: Any, nodes: Iterable[Any], names: set[str]) -> list[Any]:
    """The graph's constants that the nodes take, or that are called by one of the names."""
    used = names.union(*(_names(node) for node in nodes))
    return [one for one in graph.initializer if one.name in used]


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _renamed(graph: Any, prefix: str) -> Any:
    """A copy whose names are its own; what it takes from and hands to others keeps its name."""
    copy = type(graph)()
    copy.CopyFrom(graph)
    between = {one.name for one in graph.input}
    between |= {one.name for one in graph.output if one.name not in DECISION}

    def new(name: str) -> str:
        return name if not name or name in between else prefix + name

    _rename(copy, new)
    return copy


def _rename(graph: Any, new: Callable[[str], str]) -> None:
    for one in (*graph.initializer, *graph.input, *graph.output):
        one.name = new(one.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = new(sparse.values.name)
    del graph.value_info[:]  # shapes are found again for a batch of one
    for node in graph.node:
        node.name = new(node.name)
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
        for inner in _graphs(node):
            _rename(inner, new)
