"""Measured speed: of inference, training and the pipeline, each beside a baseline in the same run.

Imports whatever it measures; nothing imports it but the command line.
"""
