"""Floor 2: from runs' files to CSVs, tables, figures, verdicts.

Whatever compares runs lives here; it reads files only, whoever wrote them.
May import: `operate`, `records`. Never torch.
"""
