"""``tlsearch explain``: where a model looks, and the boxes that follow from it."""
