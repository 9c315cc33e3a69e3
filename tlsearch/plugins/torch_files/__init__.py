"""Reading the weights files of PyTorch as data: nothing in them is executed, and PyTorch is not needed."""
