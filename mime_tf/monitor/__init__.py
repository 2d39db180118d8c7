"""One model over time: how good it is in each period, and how far scores, codes and patients have drifted."""
