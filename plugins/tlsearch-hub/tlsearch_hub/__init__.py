"""Backbones of KerasHub for tlsearch. Importing it imports no backend."""
