"""Floor 6: measured speed of inference, training and the pipeline.

Each is timed beside a baseline in the same run; nothing but the command line imports it.
May import: every wing below it.
"""
