"""What frozen layers compute: views, extraction and the feature store."""
