"""The life of a model: what was offered, on what evidence it was accepted, and what is in use."""
