"""Networks: cut points, the model of a trial, and networks that are trained from scratch."""
