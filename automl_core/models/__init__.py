"""The life of a model: versions, evidence, acceptance, what is in use."""
