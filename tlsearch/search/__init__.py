"""The search with Optuna: space, study, sampler, pruner, warm start, costs and importance."""
