"""Annotation: what two models may label, suspected wrong labels."""
