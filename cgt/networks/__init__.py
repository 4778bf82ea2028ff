"""Floor 2: the networks, one file each, with a card that is read without torch.

A file is a network: `CARD` says which inputs and how many exits it takes, `build` makes it.
May import: `nn`, `records`.
"""
