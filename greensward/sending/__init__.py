"""Carries what crews are told from the ledger's outbox to robots, mail servers, webhooks and the broker."""
