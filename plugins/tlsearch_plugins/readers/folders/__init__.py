"""Folders of images whose names are the labels."""
