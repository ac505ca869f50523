"""The speed that the product promises, each as a ratio to a floor measured in the same minute. `python -m benchmarks`."""
