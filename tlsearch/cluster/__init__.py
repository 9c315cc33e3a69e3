"""Workers on other machines: a Ray cluster carries the same requests, and nothing else of tlsearch knows Ray."""
