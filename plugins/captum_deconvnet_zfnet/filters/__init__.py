"""What the paper's Fig. 6 shows of filters, in numbers and pictures."""
