"""What may be told to the platforms: each platform's calls that change something, as answers over the world."""
