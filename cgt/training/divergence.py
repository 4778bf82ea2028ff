"""Has a run diverged? Looked at on the device, asked now and then.

Every look at a value makes a GPU wait. So each step only notes, on the device, whether its values
were finite; the notes are read every so many steps, and still tell the first step that went wrong.
"""

import torch
from torch import Tensor

EVERY = 50
"""Steps between two readings."""


class DivergedError(ValueError):
    """A run whose numbers became NaN or infinite; the message says where, and what may help."""


class Watch:
    """Notes of one run; ``lr`` is for the hint."""

    def __init__(self, lr: float) -> None:
        self._lr = lr
        self._notes: list[tuple[str, int, int, Tensor]] = []

    def note(self, what: str, values: Tensor, epoch: int, step: int) -> None:
        """Note whether values are finite; epoch and step count from 0."""
        # A sum is not finite if a part is not, and takes a fraction of the time of `isfinite`.
        self._notes.append((what, epoch, step, values.detach().sum().isfinite()))

    def read(self) -> None:
        """Read the notes and forget them.

        Raises:
            DivergedError: naming the first that was not finite.
        """
        notes, self._notes = self._notes, []
        if not notes:
            return
        finite = torch.stack([note for *_, note in notes]).tolist()
        if all(finite):
            return
        what, epoch, step, _ = notes[finite.index(False)]
        raise DivergedError(
            f"training diverged at epoch {epoch + 1}, step {step + 1}: NaN or infinity in the "
            f"{what}; a smaller lr than {self._lr} may help"
        )

    def check(self, what: str, values: Tensor, epoch: int, step: int) -> None:
        """Note and read at once."""
        self.note(what, values, epoch, step)
        self.read()
