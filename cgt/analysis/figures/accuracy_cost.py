"""What does accuracy cost?"""

from matplotlib.figure import Figure

from cgt.analysis.figures.parts import Frames, accuracy_against


def accuracy_cost(frames: Frames) -> Figure:
    """Test accuracy against mean cost per sample, as the threshold moves; one panel per dataset."""
    return accuracy_against(
        frames,
        lambda frame: frame["relative_cost"],
        "Relative cost (% of the full network's MACs)",
    )
