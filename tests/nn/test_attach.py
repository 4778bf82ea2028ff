"""Exits for networks that were written without any: own ones, and torchvision's where it is."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import cgt
from cgt.deploy import Deployed
from cgt.deploy.export import write_network
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX


class Block(nn.Module):
    def __init__(self, width, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.short = nn.Conv2d(width, width, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return functional.relu(self.norm(self.conv(x)) + self.short(x), inplace=True)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1, self.layer2, self.layer3 = Block(8), Block(8, 2), Block(8, 2)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.stem(x))))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Inverted(nn.Module):
    """A bottleneck of MobileNet: wide inside, with a residual."""

    def __init__(self, width):
        super().__init__()
        self.widen = nn.Sequential(nn.Conv2d(width, 3 * width, 1), nn.BatchNorm2d(3 * width))
        self.depthwise = nn.Conv2d(3 * width, 3 * width, 3, 1, 1, groups=3 * width)
        self.act = nn.Hardswish(inplace=True)
        self.narrow = nn.Conv2d(3 * width, width, 1)

    def forward(self, x):
        return x + self.narrow(self.act(self.depthwise(self.act(self.widen(x)))))


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, 2), *[Inverted(6) for _ in range(3)])
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(6, 5))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


class Layer(nn.Module):
    def __init__(self, batch_first=True):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, dropout=0.1, batch_first=batch_first)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x, mask=None):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Patches, a class token, positions, and dropout by `functional` in its own forward."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 17, 16))
        self.layers = nn.ModuleList(Layer() for _ in range(3))
        self.norm, self.fc = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x):
        size = x.shape[0]
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(size, -1, -1), x], dim=1) + self.position
        x = functional.dropout(x, 0.3, self.training)
        for layer in self.layers:
            x = layer(x)
        return self.fc(self.norm(x)[:, 0].reshape(size, 16))


class Causal(nn.Module):
    """Tokens first, the batch second, one mask for all layers."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 16)
        self.layers = nn.ModuleList(Layer(batch_first=False) for _ in range(3))
        self.fc = nn.Linear(16, 5)
        self.register_buffer("mask", torch.ones(16, 16).triu(1).bool(), persistent=False)

    def forward(self, tokens):
        x, mask = self.embedding(tokens.t()), self.mask[: tokens.shape[1], : tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        return self.fc(x.mean(0))


IMAGES = (3, 16, 16)
OWN = {
    "residual": (Residual, ["layer1", "layer2"], IMAGES, torch.float32),
    "mobile": (Mobile, ["features.1", "features.2"], IMAGES, torch.float32),
    "inside": (Mobile, ["features.1.depthwise", "features.3.widen"], IMAGES, torch.float32),
    "transformer": (Transformer, ["layers.0", "layers.1"], IMAGES, torch.float32),
    "causal": (Causal, ["layers.0", "layers.1"], (9,), torch.int64),
}


def samples(shape, dtype, number=6):
    generator = torch.Generator().manual_seed(1)
    if dtype == torch.int64:
        return torch.randint(11, (number, *shape), generator=generator)
    return torch.randn(number, *shape, generator=generator)


@pytest.fixture(params=OWN)
def own(request):
    """A model, where it is cut, and samples."""
    make, at, shape, dtype = OWN[request.param]
    torch.manual_seed(0)
    return make(), at, samples(shape, dtype)


def numel(module):
    return sum(parameter.numel() for parameter in module.parameters())


def check_equal_answers(model, network, x):
    for grad in (True, False):  # torch's attention has a way of its own without
        with torch.set_grad_enabled(grad):
            for batch in (1, len(x)):
                expected = model.eval()(x[:batch])
                assert torch.equal(network.eval()(x[:batch])[-1], expected)


def test_the_last_exit_is_the_model_bit_for_bit(own):
    model, at, x = own
    network = cgt.attach(model, at, x[:1])
    assert isinstance(network, cgt.EarlyExitNetwork)
    assert [list(one.shape) for one in network(x)] == [[6, 5]] * 3
    check_equal_answers(model, network, x)


def test_training_is_the_models_too_dropout_statistics_and_gradients(own):
    model, at, x = own
    whole = copy.deepcopy(model).train()
    network = cgt.attach(model.eval(), at, x[:1]).train()
    torch.manual_seed(2)
    expected = whole(x)
    expected.square().sum().backward()
    torch.manual_seed(2)
    features = x
    for stage in network.stages:
        features = stage(features)
    found = network.heads[-1](features)
    found.square().sum().backward()
    assert torch.equal(found, expected)
    for (name, one), other in zip(model.named_parameters(), whole.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name
    for one, other in zip(model.buffers(), whole.buffers(), strict=True):
        assert torch.equal(one, other)


def test_modes_are_left_as_they_were_and_followed_afterwards():
    model, x = Transformer(), samples(IMAGES, torch.float32)
    model.layers[0].eval()
    network = cgt.attach(model, ["layers.0", "layers.1"], x)
    assert model.training and network.training and not model.layers[0].training
    assert all(isinstance(module.training, bool) for module in model.modules())
    first = network.stages[0]
    assert not torch.equal(first(x), first(x))  # its dropout is on
    network.eval()
    assert torch.equal(first(x), first(x))
    assert not model.layers[1].training  # the same modules


def test_parameters_are_the_models_own_registered_once(own):
    model, at, x = own
    network = cgt.attach(model, at, x[:1])
    assert numel(network) == numel(model) + numel(network.heads[0]) + numel(network.heads[1])
    assert {id(one) for one in model.parameters()} <= {id(one) for one in network.parameters()}
    registered = [id(one) for one in network.state_dict(keep_vars=True).values()]
    assert len(registered) == len(set(registered))
    again = cgt.attach(type(model)(), at, x[:1])
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(x)[-1], network.eval()(x)[-1])


def test_a_network_can_be_copied_and_pickled(own):
    model, at, x = own
    network = cgt.attach(model, at, x[:1]).eval()
    expected = network(x)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert all(map(torch.equal, other(x), expected))
        for parameter in other.parameters():
            parameter.data.zero_()
    assert all(map(torch.equal, network(x), expected))


def half_way(network, x):
    """A threshold at which some samples leave at the first exit, and some do not."""
    sure = network.eval()(x)[0].softmax(1).amax(1).sort().values
    return ((sure[len(x) // 2 - 1] + sure[len(x) // 2]) / 2).item()


def test_inference_skips_the_models_own_modules(own):
    model, at, x = own
    network = cgt.attach(model, at, x[:1])
    threshold = half_way(network, x)
    deepest = [module for module in model.modules() if not list(module.children())][-1]
    seen = []
    deepest.register_forward_hook(lambda module, args, answer: seen.append(len(answer)))
    index, prediction = network.infer(x, threshold)
    expected = cgt.route(network(x), threshold)
    assert torch.equal(index, expected[0]) and torch.equal(prediction, expected[1])
    left = [(index == 2).sum().item()] if (index == 2).any() else []
    assert (index == 0).sum() == 3
    assert seen == [*left, 6]  # of `infer`, then of the full pass
    seen.clear()
    network.infer(x, 0.0)
    assert seen == []


def test_costs_are_those_of_the_parts():
    network = cgt.attach(Residual(), ["layer1", "layer2"], torch.zeros(1, *IMAGES))
    stem, layer1 = 16 * 16 * 8 * 27, 16 * 16 * 8 * 72
    layer2 = 8 * 8 * 8 * (72 + 8)
    layer3, head = layer2 // 4, 8 * 5
    first = stem + layer1 + head
    second = first + layer2 + head
    assert cumulative_macs(network, IMAGES) == [first, second, second + layer3 + head]


@pytest.mark.parametrize("name", OWN)
def test_an_attached_network_goes_to_a_device(name, tmp_path):
    make, at, shape, dtype = OWN[name]
    torch.manual_seed(0)
    x = samples(shape, dtype)
    network = cgt.attach(make(), at, x[:1]).eval()
    threshold = half_way(network, x)
    write_network(
        tmp_path, network, MAX_SOFTMAX, threshold, input_shape=shape, input_dtype=dtype, about={}
    )
    with torch.inference_mode():
        expected = network.infer(x, threshold)
    found = Deployed(tmp_path).infer(x.numpy())
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()
    assert np.unique(found[0]).size > 1


def test_heads_fit_the_shape_of_the_features():
    x = samples(IMAGES, torch.float32)
    maps = cgt.attach(Residual(), ["layer1"], x).eval()
    features = maps.stages[0](x)
    linear = maps.heads[0][-1]
    by_hand = features.flatten(2).mean(2) @ linear.weight.T + linear.bias
    torch.testing.assert_close(maps(x)[0], by_hand)
    tokens = cgt.attach(Transformer(), ["layers.0"], x).eval()
    assert tokens.stages[0](x).shape == (6, 17, 16)
    assert isinstance(tokens.heads[-1], nn.Linear)
    linear = tokens.heads[0][-1]
    torch.testing.assert_close(tokens(x)[0], linear(tokens.stages[0](x).mean(1)))
    tokens = cgt.attach(Transformer(), ["layers.0"], x, heads="class_token").eval()
    linear = tokens.heads[0][-1]
    torch.testing.assert_close(tokens(x)[0], linear(tokens.stages[0](x)[:, 0]))
    mlp = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    vectors = cgt.attach(mlp, ["1"], torch.zeros(1, 4))
    assert [type(head) for head in vectors.heads] == [nn.Linear, nn.Linear]
    assert vectors.heads[1] is mlp[2]


def test_heads_can_be_given_or_made():
    x = samples(IMAGES, torch.float32)
    own = [nn.Sequential(nn.Flatten(), nn.Linear(2048, 5)), nn.Sequential(nn.Flatten(), Wide(5))]
    network = cgt.attach(Residual(), ["layer1", "layer2"], x, heads=own)
    assert network.heads[0] is own[0] and network.heads[1] is own[1]
    asked = []

    def make(shape, classes):
        asked.append((list(shape), classes))
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))

    cgt.attach(Residual(), ["layer1", "layer2"], x, heads=make)
    assert asked == [([8, 16, 16], 5), ([8, 8, 8], 5)]


class Wide(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = nn.Linear(8 * 8 * 8, classes)

    def forward(self, x):
        return self.linear(x)


def test_heads_follow_the_model_in_type_and_mode():
    model = Residual().double().eval()
    network = cgt.attach(model, ["layer1"], torch.zeros(1, *IMAGES, dtype=torch.float64))
    assert network.heads[0][-1].weight.dtype == torch.float64
    assert not any(module.training for module in network.modules())


class Skipping(nn.Module):
    """A residual over the cut, a shared module with parameters and one without, two inputs."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(4, 4) for _ in range(3))
        self.norm, self.drop = nn.LayerNorm(4), nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.ones(4))
        self.fc = nn.Linear(4, 3)

    def forward(self, x, mask, bias=None):
        size, width = x.shape
        start = self.norm(self.first(x * mask)) * self.scale
        if bias is not None:
            start = start + bias
        middle = self.drop(self.second(start))
        end = self.drop(self.norm(self.third(middle) + start)) * self.scale * mask
        return self.fc(end.view(size, width) + torch.tensor([0.0, 1.0, 2.0, 3.0]))


@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_what_lives_across_a_cut_is_handed_on(form):
    torch.manual_seed(0)
    model, x, mask = Skipping().eval(), torch.randn(8, 4), torch.randint(2, (8, 4)).float()
    given = (x, mask) if form == "tuple" else {"mask": mask, "x": x}
    network = cgt.attach(model, ["first", "second"], given)
    assert torch.equal(network(given)[-1], model(x, mask))
    logits = network(given)
    threshold = logits[0].softmax(1).amax(1).median().item()
    index, prediction = network.infer(given, threshold)
    expected = cgt.route(logits, threshold)
    assert torch.equal(index, expected[0]) and torch.equal(prediction, expected[1])
    assert numel(network) == numel(model) + sum(map(numel, network.heads[:2]))
    registered = [id(one) for one in network.state_dict(keep_vars=True).values()]
    assert len(registered) == len(set(registered))
    assert [name for name, _ in network.stages[2].named_parameters()] == [
        "third.weight",
        "third.bias",
    ]  # norm and scale belong to earlier stages
    copied = copy.deepcopy(network)
    copied.stages[1].norm.weight.data.zero_()
    assert torch.equal(network(given)[-1], logits[-1])
    assert not torch.equal(copied(given)[-1], logits[-1])


class Positions(nn.Module):
    """A table without a batch, that a module makes of the input's length."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 4)

    def forward(self, x):
        return self.linear(torch.linspace(0, 1, x.shape[1])[:, None])


class Relative(nn.Module):
    """Every layer gets the table, and a matrix that is made of the length alone."""

    def __init__(self):
        super().__init__()
        self.table = Positions()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.mix = nn.Parameter(torch.randn(9, 9))
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        table, mix = self.table(x), self.mix[: x.shape[1], : x.shape[1]].softmax(1)
        for layer in self.layers:
            x = mix @ layer(x + table).tanh()
        return self.fc(x.mean(1))


def test_what_has_no_batch_reaches_later_stages_too():
    torch.manual_seed(0)
    model, x = Relative().eval(), torch.randn(8, 9, 4)
    network = cgt.attach(model, ["layers.0", "layers.1"], x[:1])
    for part in (x, x[:1], x[:, :5]):
        assert torch.equal(network(part)[-1], model(part))
    calls = []
    model.table.register_forward_hook(lambda *args: calls.append(1))
    threshold = half_way(network, x)
    calls.clear()
    found = network.infer(x, threshold)
    assert len(calls) == 1  # what a module gives is handed on, not made again
    expected = cgt.route(network(x), threshold)
    assert all(map(torch.equal, found, expected))
    network(x)[-1].sum().backward()
    by_stages = {name: one.grad.clone() for name, one in model.named_parameters()}
    model.zero_grad()
    model(x).sum().backward()
    for name, one in model.named_parameters():
        torch.testing.assert_close(by_stages[name], one.grad)


def test_a_stage_that_writes_to_its_input_leaves_it_to_the_head():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 4), nn.ReLU(inplace=True),
        nn.Linear(4, 3),
    )  # fmt: skip
    x = torch.randn(8, 4)
    network = cgt.attach(model, ["0", "2"], x)
    kept = [(step.features, step.features.clone()) for step in network.steps(x)]
    assert all(torch.equal(features, as_it_was) for features, as_it_was in kept)
    cgt.JointLoss()(network(x), torch.arange(8) % 3).backward()  # heads' inputs are as they were
    assert torch.equal(network(x)[-1], model(x))


def test_branches_on_shapes_are_taken_as_for_the_example():
    class Either(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoder(
                nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 3
            )
            self.fc = nn.Linear(16, 5)

        def forward(self, x):
            if x.dim() == 2:
                x = x.unsqueeze(1)
            if len(x.shape) != 3:
                raise ValueError("wrong shape")
            return self.fc(self.encoder(x).mean(1))

    model, at = Either().eval(), ["encoder.layers.0", "encoder.layers.1"]
    for x in (torch.randn(6, 9, 16), torch.randn(6, 16)):
        network = cgt.attach(model, at, x[:1])
        check_equal_answers(model, network, x)


def test_the_batch_and_the_length_are_not_baked_in():
    model, x = Causal().eval(), torch.randint(11, (5, 9))
    network = cgt.attach(model, ["layers.0", "layers.1"], x[:3])
    for part in (x, x[:1], x[:, :4]):
        assert torch.equal(network(part)[-1], model(part))


def test_it_trains_with_a_gated_loss():
    torch.manual_seed(0)
    network = cgt.attach(Residual(), ["layer1", "layer2"], torch.zeros(1, *IMAGES))
    x, y = samples(IMAGES, torch.float32, 20), torch.arange(20) % 5
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    loss_fn, losses = cgt.SoftCGTLoss(), []
    for _ in range(10):
        optimizer.zero_grad()
        losses.append(loss_fn(network(x), y))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


class OnNumbers(Residual):
    def forward(self, x):
        x = self.layer1(self.stem(x))
        if x.mean() > 0:
            x = self.layer2(x)
        return self.fc(x.mean([2, 3]))


class OnMode(Residual):
    def forward(self, x):
        x = self.layer1(self.stem(x))
        if self.training:
            x = self.layer2(x)
        return self.fc(x.mean([2, 3]))


class Twice(Residual):
    def forward(self, x):
        return self.fc(self.layer1(self.layer1(self.stem(x))).mean([2, 3]))


class Folded(Residual):
    """Its windows are on the batch's axis."""

    def forward(self, x):
        x = self.layer1(self.stem(x).reshape(-1, 8, 8, 16))
        return self.fc(x.reshape(-1, 8, 16, 16).mean([2, 3]))


class Tuples(Residual):
    def forward(self, x):
        return super().forward(x), x


X = torch.zeros(1, *IMAGES)


@pytest.mark.parametrize(
    ("make", "at", "example", "message"),
    [
        (OnNumbers, ["layer1"], X, r"forward of OnNumbers .* at test_attach.py:\d+; .*of its own"),
        (OnMode, ["layer1"], X, r"cannot be recorded at test_attach.py:\d+; .* self.training"),
        (Residual, ["layer9"], X, "'layer9' is no module within Residual; it holds stem, layer1"),
        (Residual, [], X, r"at is \[\]; a list with at least one name .* \['stem', 'layer1'\]"),
        (Residual, "layer1", X, "at is 'layer1'; a list"),
        (Residual, ["layer1", "layer1"], X, "names 'layer1' twice"),
        (Twice, ["layer1"], X, "'layer1' is called 2 times in the forward of Twice"),
        (Twice, ["layer2"], X, "'layer2' is called 0 times"),
        (Residual, ["layer2", "layer1"], X, r"not the order .* that is \['layer1', 'layer2'\]"),
        (Residual, ["fc"], X, "'fc' gives the model's own logits"),
        (Residual, ["layer1"], torch.zeros(1, 1, 9, 9), r"take an example of \[2, 1, 9, 9\]"),
        (Residual, ["layer1"], torch.zeros(0, *IMAGES), r"holds no sample; a tensor \[B >= 1"),
        (Residual, ["layer1"], (X, X), "Residual does not take an example of"),
        (Folded, ["layer1"], X, r"'layer1' gives .* at 'layer1' .* it is a Tensor of \[4, 8, 8, 1"),
        (Tuples, ["layer1"], X, r"Tuples answers 2 samples with tuple; logits \[2, C\]"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_a_sentence(make, at, example, message):
    model = make()
    before = set(model.__dict__), [module.training for module in model.modules()]
    with pytest.raises(ValueError, match=message):
        cgt.attach(model, at, example)
    assert before == (set(model.__dict__), [module.training for module in model.modules()])


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (nn.Flatten(), "heads is a Flatten; it must be None, one of vector, tokens"),
        ("middle", "heads is 'middle'; by name there are vector"),
        ("tokens", r"'layer1' gives features \[B, 8, 16, 16\], to which heads='tokens' does not"),
        ([nn.Flatten(), nn.Flatten()], "2 heads for 1 names"),
        ([nn.Flatten()], r"the head at 'layer1' gives \[2, 2048\]; logits \[2, 5\] are needed"),
        ([nn.Linear(3, 5)], r"does not take what the module gives, \[2, 8, 16, 16\]"),
    ],
)
def test_heads_that_do_not_fit_are_refused(heads, message):
    with pytest.raises(ValueError, match=message):
        cgt.attach(Residual(), ["layer1"], X, heads)


def test_signals_and_sequences_have_to_be_told_apart():
    class Signals(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv1d(2, 6, 3), nn.Linear(6, 4)

        def forward(self, x):
            return self.fc(self.conv(x).mean(2))

    model, x = Signals(), torch.randn(2, 2, 20)
    with pytest.raises(ValueError, match=r"\[B, 6, 18\] and holds a Conv1d: say with heads="):
        cgt.attach(model, ["conv"], x)
    assert cgt.attach(model, ["conv"], x, "channels").heads[0][-1].in_features == 6


def test_a_tuple_needs_a_head_of_ones_own():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = (nn.LSTM(4, 4, batch_first=True) for _ in range(2))
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            x, state = self.one(x)
            return self.fc(self.two(x, state)[0][:, -1])

    class LastState(nn.Linear):
        def forward(self, answer):
            return super().forward(answer[0][:, -1])

    torch.manual_seed(0)
    model, x = Recurrent().eval(), torch.randn(6, 5, 4)
    with pytest.raises(ValueError, match=r"'one' gives tuple and not one tensor"):
        cgt.attach(model, ["one"], x)
    network = cgt.attach(model, ["one"], x, [LastState(4, 3)])
    assert torch.equal(network(x)[-1], model(x))
    threshold = half_way(network, x)  # the state has the batch on its second axis
    expected = cgt.route(network(x), threshold)
    assert torch.equal(network.infer(x, threshold)[1], expected[1])


TORCHVISION = {
    "resnet18": (["layer1", "layer2", "layer3"], {}),
    "mobilenet_v3_small": (["features.3", "features.6", "features.9"], {}),
    "VisionTransformer": (
        ["encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1"],
        dict(image_size=32, patch_size=8, num_layers=3, num_heads=2, hidden_dim=24, mlp_dim=48),
    ),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_models(name, tmp_path):
    models = pytest.importorskip("torchvision").models
    at, settings = TORCHVISION[name]
    torch.manual_seed(0)
    model = getattr(models, name)(num_classes=7, **settings)
    x = samples((3, 32, 32), torch.float32)
    heads = "class_token" if name == "VisionTransformer" else None
    network = cgt.attach(model.train(), at, x[:1], heads)
    assert all(module.training for module in network.modules())
    check_equal_answers(model, network, x)
    assert numel(network) == numel(model) + sum(map(numel, network.heads[:-1]))
    network.load_state_dict(network.state_dict())
    costs = cumulative_macs(network, (3, 32, 32))
    whole = cgt.EarlyExitNetwork([nn.Identity()], [model])
    own = sum(head[-1].weight.numel() for head in network.heads[:-1])
    assert costs[-1] == cumulative_macs(whole, (3, 32, 32))[0] + own
    threshold = half_way(network, x)
    expected = network.infer(x, threshold)
    write_network(tmp_path, network, MAX_SOFTMAX, threshold, input_shape=(3, 32, 32), about={})
    found = Deployed(tmp_path).infer(x.numpy())
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()
