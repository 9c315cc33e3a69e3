"""How predictions are written: their fields (``fields``), and a writer for each format (``formats``)."""
