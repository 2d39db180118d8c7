"""Patients computed together: padded tables of row numbers, and tf.data datasets of them."""
