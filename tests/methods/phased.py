"""Runs of methods with several phases on the tiny dataset, phase by phase."""

import torch
from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.training.loop import Trainer


def trainer_of(method, folder, epochs=4, **changes):
    settings = tiny_settings(epochs=epochs, **changes)
    return Trainer(tiny_dataset(), method, 1, settings, folder / "c.pt")


def state_of(trainer):
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


@torch.no_grad()
def answers(trainer):
    """Logits of every exit for the validation samples, as at inference."""
    return trainer.network.eval()(trainer.val_x)


def moved(before, after):
    """Names of weights and statistics that differ."""
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def belongs(name, stages=(), heads=()):
    """Whether a weight's name is of one of these stages or heads."""
    part, number, *_ = name.split(".")
    return int(number) in (stages if part == "stages" else heads)


def assert_trunk_is_that_of_a_single_exit(trainer, folder):
    """A first phase of trunk and last head trains these as an ordinary network is trained."""
    first = trainer.phases[0]
    before = state_of(trainer)
    trainer._run_phase(0, first, None)
    single = trainer_of(REGISTRY["single_exit"](), folder / "single", epochs=first.epochs)
    single.run()
    last = trainer.network.num_exits - 1
    ours = {k: v for k, v in state_of(trainer).items() if belongs(k, range(last + 1), [last])}
    for (name, mine), theirs in zip(ours.items(), state_of(single).values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6, msg=name)
    for name in moved(before, state_of(trainer)):
        assert belongs(name, range(last + 1), [last]), f"{name} is of an early head"


def assert_same_weights(one, other, tolerance=1e-6):
    theirs = state_of(other)
    for name, value in state_of(one).items():
        torch.testing.assert_close(value, theirs[name], rtol=tolerance, atol=tolerance, msg=name)
