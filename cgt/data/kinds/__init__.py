"""Datasets by configuration: an `.npz` file of one of these kinds is a dataset, without code.

Each kind is one file with a literal `CARD` (its settings and augmentation) and one builder.
"""
