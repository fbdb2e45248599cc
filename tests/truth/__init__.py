"""Real dumps against what their own servers said was in them."""
