"""Training: from a point and run numbers to run records. Engines are imported only to train."""
