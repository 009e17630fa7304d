"""Backups: a data folder copied while everything runs, told to be whole, and put back."""
