"""Floor 0: what lies on disk. Predictions, manifests, cards, locks, seeds, atomic files.

Every file of a run is described, written and read here, so that all wings mean the same by it.
May import: nothing of the package. Never torch.
"""
