"""How pictures become squares, chosen by measurement where they are far from square."""
