"""One page about a trained model: what it was trained on, how good it is, and why it scored some patients as it did."""
