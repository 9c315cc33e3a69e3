"""Are new pictures still as the training images were? What ``tlsearch monitor`` answers."""
