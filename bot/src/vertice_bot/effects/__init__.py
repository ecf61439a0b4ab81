"""The only way to change the outside world: once per event, and never by a replaced owner."""

from vertice_bot.effects.fence import HeldFence
from vertice_bot.effects.ledger import AlreadyDone, Effects, Fence, Fenced, FenceToken
from vertice_bot.effects.nonce import nonce_for

__all__ = ["AlreadyDone", "Effects", "Fence", "FenceToken", "Fenced", "HeldFence", "nonce_for"]
