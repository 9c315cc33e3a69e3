"""The flow of a run, one module a step.

scan, preflight, check, split, plan, profile, baseline, search, confirm, evaluate, report.
"""
