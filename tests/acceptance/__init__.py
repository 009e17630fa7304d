"""The acceptance test of a device."""
