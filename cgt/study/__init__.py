"""Floor 3: what the workflow asks for. Configuration, tuning, ablation, publishing, code inputs.

Snakemake's rules read this; cards are read as literals, so that planning never loads torch.
May import: `analysis`, `operate`, `records`. Never torch.
"""
