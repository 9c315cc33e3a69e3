"""A run on disk: its output folder, checkpoint, time budget and ledger of test openings."""
