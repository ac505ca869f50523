"""Settlement statements of the four platforms: what the world did, as each platform books and writes it.

`rules` says what a platform books for an order, `others` what it books besides, `planting` tells some of it wrongly
and remembers, `ledger` closes the days, and one module per platform writes files and answers calls.
"""
