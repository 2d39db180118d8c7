"""A cohort on disk and in memory: pickles or Parquet, its vocabulary and the attributes of its patients."""
