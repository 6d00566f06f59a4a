"""What several demos share: gradient descent, lines, points, batches, XOR."""
