"""Images that lie in memory: arrays, lists, data sets of TensorFlow."""
