"""Display names of what studies vary."""

_KEYS = {
    "tau": "τ",
    "use_labels": "gate uses labels",
    "gate_on_unaugmented": "gate on unaugmented samples",
    "gradient_scale": "gradient scale",
    "leak": "weight floor",
    "normalize": "rows normalised",
    "label_smoothing": "label smoothing",
    "skip_resolved": "resolved samples skipped",
    "sample_deep": "chance of a deep sample",
    "exit_weights_start": "λ at the start",
    "exit_weights_end": "λ at the end",
}
_VALUES = {"true": "yes", "false": "no"}


def key_name(key: str) -> str:
    """Display name of a key; an unknown one keeps its own."""
    return _KEYS.get(key, key)


def value_name(value: str) -> str:
    """Display name of a value: `1-0.6-0.2` becomes `1/0.6/0.2`."""
    return _VALUES.get(value, value.replace("-", "/"))
