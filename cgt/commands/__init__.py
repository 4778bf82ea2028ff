"""One module per stage: its subcommands of `cgt`, thin doors to what does the work.

Heavy imports stand inside the handlers, so that `cgt --help` needs none of them.
"""
