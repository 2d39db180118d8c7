"""Console, files, environment and plotting: a command and the machine it runs on."""
