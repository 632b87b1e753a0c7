"""The life of a model, after its training: offered, evaluated, accepted by a person, in use, taken back."""
