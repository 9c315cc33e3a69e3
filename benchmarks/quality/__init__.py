"""How good the models are that a search finds, and how soon it finds them."""
