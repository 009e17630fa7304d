"""What crews and office are told without asking: a digest a day, and at once what cannot wait."""
