"""The rules of shard ownership, explored exhaustively within stated bounds.

The process in this model is the bot's own code, ``vertice_bot.gateway.ownership.Ownership``; the
database, the network and the clocks are modelled. ``python -m dev.lease_model`` prints what holds,
and what breaks when a rule is left out; ``--paths`` shows how it breaks.
"""
