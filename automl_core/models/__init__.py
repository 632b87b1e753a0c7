"""The life of a model: versions, the evidence on them, acceptance, use, feedback."""
