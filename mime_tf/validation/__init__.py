"""One model at several sites or in several periods: how good it is in each, and how unlike training each is."""
