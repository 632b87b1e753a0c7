"""A MaxCompute on loopback: pyodps' protocol, SQL on DuckDB, PAI on scikit-learn. See tests/standins/README.md."""

from tests.standins.maxcompute.auth import Account
from tests.standins.maxcompute.standin import MaxComputeStandIn

__all__ = ["Account", "MaxComputeStandIn"]
