"""Floor 1: the library for torch. Gates, losses, network, exit rules, cost, selective passes.

Tensor operations that users want in their own loop; torch and numpy are all they need.
May import: `records`.
"""
