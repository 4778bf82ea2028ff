"""Methods that the analysis knows by name. Everything else takes whatever was run."""

REFERENCE = "branchynet"
"""What the others are compared to."""
SINGLE = "single_exit"
"""The network with one exit: it has an accuracy, and no area."""
CGT = ("hard_cgt", "soft_cgt")
"""The paper's own methods; only these stand for CGT where the paper's claims are judged."""
