"""A local Discord: the public gateway and REST protocol, spoken honestly enough to judge a bot.

It exists for three readers: a person who wants to talk to a bot without a token or the internet,
tests that need scripted faults, and verdicts that need a record the bot cannot touch.
"""
