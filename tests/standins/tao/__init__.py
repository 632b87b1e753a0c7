"""A stand-in for TAO's container: see `tests.standins.tao.container`."""
