"""What our speed is measured against: training loops of others, and loops written by hand."""
