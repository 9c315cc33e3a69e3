"""at use: what models may cost at use, what networks cost there, and which model is used for it."""
