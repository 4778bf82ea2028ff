"""Why the curves look as they do, in two paragraphs."""

from cgt.analysis.explain import gradients_paragraph, resolved_paragraph
from cgt.analysis.frames import Frames


def why_files(frames: Frames) -> dict[str, str]:
    """Both paragraphs; every number and every verb in them follows from the summary tables."""
    return {"why.md": f"{gradients_paragraph(frames)}\n\n{resolved_paragraph(frames)}\n"}
