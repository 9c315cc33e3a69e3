"""What several benchmarks share: results, machine facts, synthetic images, memory of a process tree."""
