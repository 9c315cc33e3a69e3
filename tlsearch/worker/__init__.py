"""The process that holds the backend, and the parent's client for it."""
