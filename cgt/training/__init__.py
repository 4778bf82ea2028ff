"""Floor 4: one job. Data, network, method and seed become a run in a folder.

The loop is the same for all methods; what differs stands in the method's own file.
May import: `study`, `methods`, `networks`, `data`, `nn`, `operate`, `records`.
"""
