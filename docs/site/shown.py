"""Where things lie, and how a page shows a figure."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"

Pages = dict[str, str]
"""Markdown by path in the site."""


def figure(path: Path, title: str) -> str:
    """A figure that a click opens by itself."""
    place = f"/{path.relative_to(ROOT).as_posix()}"
    return f"[![{title}]({place})]({place}){{ .figure }}"
