"""What is printed has the width of the terminal, and no name in it is broken."""
