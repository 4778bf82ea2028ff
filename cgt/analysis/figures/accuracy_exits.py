"""How many samples may leave early before accuracy suffers?"""

from matplotlib.figure import Figure

from cgt.analysis.figures.parts import accuracy_against
from cgt.analysis.frames import Frames, left_early


def accuracy_exits(frames: Frames) -> Figure:
    """Test accuracy against the share of samples that left before the last exit."""
    return accuracy_against(
        frames,
        lambda frame: left_early(frame, frames["exits"]),
        "Samples that left before the last exit (%)",
    )
