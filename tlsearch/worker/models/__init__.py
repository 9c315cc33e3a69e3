"""What is asked of a worker about models that are made and saved: requests and what answers them."""
