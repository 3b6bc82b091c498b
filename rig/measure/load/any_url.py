"""The locustfile behind ``rig load``: no profile of its own, each trial comes as an order."""

from rig.measure.load.users import users

Shopper, Visitor = users(None)
