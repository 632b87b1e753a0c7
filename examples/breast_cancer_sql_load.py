"""Load the table that experiments/breast_cancer_sql.yaml trains on into a MaxCompute project, through the tunnel.

    ODPS_ACCESS_ID=… ODPS_ACCESS_KEY=… ODPS_PROJECT=… ODPS_ENDPOINT=… python examples/breast_cancer_sql_load.py

Scikit-learn's breast cancer data (569 tumours, 30 features) in long form: one row a tumour and feature.
"""

from __future__ import annotations

import os

from odps import ODPS
from sklearn.datasets import load_breast_cancer

TABLE = "breast_cancer"
SCHEMA = "id bigint, label bigint, feature string, value double"


def main() -> None:
    """Create the table anew and fill it."""
    odps = ODPS(
        os.environ["ODPS_ACCESS_ID"],
        os.environ["ODPS_ACCESS_KEY"],
        project=os.environ["ODPS_PROJECT"],
        endpoint=os.environ["ODPS_ENDPOINT"],
        tunnel_endpoint=os.environ.get("ODPS_TUNNEL_ENDPOINT"),
    )
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    rows = [
        [number, int(label), name, float(value)]
        for number, (values, label) in enumerate(zip(data.data, data.target, strict=True))
        for name, value in zip(names, values, strict=True)
    ]
    odps.delete_table(TABLE, if_exists=True)
    table = odps.create_table(TABLE, SCHEMA, lifecycle=30)
    with table.open_writer() as writer:
        writer.write(rows)
    print(f"{len(rows)} rows in {odps.project}.{TABLE}")


if __name__ == "__main__":
    main()
