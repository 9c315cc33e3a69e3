"""The machinery for plugins: contracts, discovery, loading, weights and the scaffold. Knows no plugin by name."""
