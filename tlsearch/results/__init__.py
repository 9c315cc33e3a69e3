"""What a run found: the result file, the claims in it, the report, and the model put to use."""
