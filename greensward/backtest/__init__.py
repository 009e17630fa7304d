"""What would have been flagged: past days judged one after the other, as the product would have judged them."""
