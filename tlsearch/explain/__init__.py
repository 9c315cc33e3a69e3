"""Where a model looked: heat maps of its classes, whether they mean anything, and how they are drawn."""
