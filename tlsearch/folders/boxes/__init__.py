"""Boxes around things in pictures, as annotation files give them: read, matched with their pictures, and written."""
