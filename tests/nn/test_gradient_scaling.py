"""Scaled gradients: forward nothing changes, backward a factor."""

import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.nn.gradient_scaling import equilibrium_steps, scale_gradient


@pytest.mark.parametrize("factor", [0.0, 1 / 3, 1.0, 2.0])
def test_values_pass_bit_for_bit_and_gradients_are_multiplied(factor):
    x = torch.randn(4, 3, requires_grad=True)
    y = scale_gradient(x, factor)
    assert torch.equal(y, x)
    (gradient,) = torch.autograd.grad((y**2).sum(), x)
    torch.testing.assert_close(gradient, factor * 2 * x.detach())


def test_odd_values_and_memory_formats_pass_too():
    x = torch.tensor([0.1, -0.0, float("inf"), 1e-45])
    assert torch.equal(scale_gradient(x, 1 / 3).view(torch.int32), x.view(torch.int32))
    images = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    assert scale_gradient(images, 0.5).stride() == images.stride()


def test_every_number_handed_on_is_scaled_and_nothing_else_is_touched():
    a, b = (torch.randn(2, 3, requires_grad=True) for _ in range(2))
    mask = torch.tensor([[1], [0]])
    out = scale_gradient({"maps": (a, [b]), "mask": mask, "none": None}, 0.25)
    assert out["mask"] is mask and out["none"] is None
    found = torch.autograd.grad(out["maps"][0].sum() + out["maps"][1][0].sum(), [a, b])
    for gradient in found:
        torch.testing.assert_close(gradient, torch.full((2, 3), 0.25))


def test_it_differentiates_twice_and_by_sample():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad((scale_gradient(x, 0.5) ** 3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    # 0.5 · 3 x², whose own gradient passes through the factor once more: 0.5 · 0.5 · 6 x.
    torch.testing.assert_close(first, 1.5 * x**2)
    torch.testing.assert_close(second, 1.5 * x.detach())
    each = torch.func.vmap(torch.func.grad(lambda v: (scale_gradient(v, 0.5) ** 2).sum()))
    torch.testing.assert_close(each(torch.eye(2)), torch.eye(2))


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf"), "half"])
def test_a_bad_factor_is_refused(factor):
    with pytest.raises(ValueError, match=r"factor is .*; it must be a finite number >= 0"):
        scale_gradient(torch.zeros(1), factor)


class Pair(nn.Module):
    """Hands on a fine and a coarse vector, both of which the next stage uses."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        fine, coarse = x
        return [self.fine(fine), self.coarse(fine + coarse)]


class CoarseHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, features):
        return self.linear(features[-1])


def test_all_that_a_stage_hands_on_is_rescaled_not_its_last_map_alone():
    torch.manual_seed(0)
    network = EarlyExitNetwork([Pair() for _ in range(3)], [CoarseHead() for _ in range(3)])
    x = [torch.randn(5, 3), torch.randn(5, 3)]
    fine = network.stages[0].fine.weight  # reaches heads 2 and 3 through fine maps, never head 1
    plain = torch.autograd.grad(sum(one.sum() for one in network(x)), fine)[0]
    steps = list(equilibrium_steps(network, x))
    for step, logits in zip(steps, network(x), strict=True):
        assert torch.equal(step.logits, logits)
    (scaled,) = torch.autograd.grad(sum(step.logits.sum() for step in steps), fine)
    torch.testing.assert_close(scaled, plain / 3)
