"""What the office sees of drone flights: the list of them, the map of one, and what is to be looked at or passed on."""
