"""Exits for a ResNet of torchvision's: attach, train, choose a threshold, ship, answer.

    python examples/classifier.py

needs `pip install '.[operate,deploy,more-tests]'`. The images are made up: a class is the place of
a bright square in noise. With your own, change `images` and nothing else.
"""

import tempfile
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.resnet import BasicBlock, ResNet

import cgt
from cgt.deploy import Deployed
from cgt.deploy.export import write_network
from cgt.nn.exits import MAX_SOFTMAX

CLASSES, SIDE = 4, 32
CUTS = ["layer1", "layer2"]
"""Behind which an exit is put, named as in `model.named_modules()`."""


def images(number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images ``[N, 3, 32, 32]`` and their classes ``[N]``."""
    y = torch.randint(CLASSES, (number,), generator=generator)
    x = torch.randn(number, 3, SIDE, SIDE, generator=generator)
    half = SIDE // 2
    for image, place in zip(x, y.tolist(), strict=True):
        row, column = divmod(place, 2)
        image[:, row * half : (row + 1) * half, column * half : (column + 1) * half] += 0.2
    return x, y


def train(network: cgt.EarlyExitNetwork, x: Tensor, y: Tensor, steps: int) -> None:
    loss_fn, optimizer = cgt.SoftCGTLoss(), torch.optim.Adam(network.parameters(), lr=0.001)
    network.train()
    for _ in range(steps):
        batch = torch.randint(len(x), (64,))
        loss = loss_fn(network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()


def main(folder: Path, steps: int = 60, samples: int = 512) -> dict[str, Tensor]:
    """The whole way; the network for the device goes to ``folder``.

    Returns:
        Of new images: `target`, and exits and predictions in torch and on the device, each ``[N]``.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    (x, y), (val_x, val_y), (test_x, test_y) = (images(samples, generator) for _ in range(3))
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)  # ten layers
    network = cgt.attach(model, CUTS, example=x[:2])
    train(network, x, y, steps)

    with torch.no_grad():
        logits = torch.stack(network(val_x)).numpy()
    point = cgt.choose_thresholds(
        cgt.max_softmax(logits),
        logits.argmax(axis=2) == val_y.numpy(),
        cgt.cumulative_macs(network, (3, SIDE, SIDE)),
        max_drop=0.01,
    )
    write_network(
        folder,
        network,
        MAX_SOFTMAX,
        point.thresholds,
        input_shape=(3, SIDE, SIDE),
        about={"classes": ["top left", "top right", "bottom left", "bottom right"]},
        samples=val_x,
    )
    exits, predictions = network.infer(test_x, point.thresholds)
    on_device = map(torch.from_numpy, Deployed(folder).infer(test_x.numpy()))
    names = ("exit_on_device", "prediction_on_device")
    return {
        "target": test_y,
        "exit": exits,
        "prediction": predictions,
        **dict(zip(names, on_device, strict=True)),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = main(Path(place))
    right = (found["prediction"] == found["target"]).float().mean()
    print(f"accuracy {100 * right:.1f} %, by exit {found['exit'].bincount(minlength=3).tolist()}")
