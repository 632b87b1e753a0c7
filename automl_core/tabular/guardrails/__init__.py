"""Guardrails: what is wrong with a table, told before a model learns it."""
