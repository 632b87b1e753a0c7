"""A Kubernetes API server on loopback whose kubelet runs each pod's commands as real processes.

`KubernetesStandIn` starts it for a test; `python -m tests.standins.kubernetes` for anybody else.
tests/standins/README.md says what it does and where it differs from a cluster.
"""

from tests.standins.kubernetes.standin import KubernetesStandIn

__all__ = ["KubernetesStandIn"]
