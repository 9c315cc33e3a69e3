"""The report's sections: each module makes what one of them shows, and the pictures that it has."""
