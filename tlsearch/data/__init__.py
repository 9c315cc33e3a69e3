"""From a folder of pictures to an index, pixels, findings and a split. Imports no backend."""
