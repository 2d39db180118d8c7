"""Console, exit statuses, files, output paths, optional packages and TensorFlow's environment, for commands."""
