"""Floor 1: a trained network in use. Routing, sweep, area, confidences and temperatures.

Everything that needs only confidences, answers and costs; numpy at import, scipy where needed.
May import: `records`. Never torch.
"""
