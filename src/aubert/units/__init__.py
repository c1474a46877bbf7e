"""Speech units: features, k-means codebooks, labels and their quality."""
