"""Floor 7: the door. One thin subcommand of `cgt` for each rule of the workflow.

Heavy imports stand inside the handlers, so that `cgt --help` needs none of them.
May import: every wing.
"""
