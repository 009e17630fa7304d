"""The registers of plots and devices: from files that people write to rows with validity."""
