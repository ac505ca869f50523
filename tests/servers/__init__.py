"""Real servers for tests: private instances on loopback, with ports and folders of their own, stopped by their pid."""
