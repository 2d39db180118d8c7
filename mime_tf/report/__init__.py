"""One page about a trained model: its cohort, how good it is, and why it scored some patients as it did."""
