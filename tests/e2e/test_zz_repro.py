import pytest, json, time
from tests.e2e.world import World, wait_until
from automl_airflow.standalone import running_airflow
from tests.support.postgres import airflow_database
import psycopg2  # noqa
pytestmark = pytest.mark.timeout(900)
def test_it(tmp_path):
    with airflow_database() as db:
        made = World.make(tmp_path, database=db, AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL="2")
        with running_airflow(made.airflow):
            world = made
            slow=[{"name":"train","command":world.command(steps=4,pause=1)}]
            more={"trials":{"max":4,"concurrency":1},"tasks":slow}
            name=world.experiment("placed",**more)
            run=world.start(name)
            wait_until(lambda: world.states(name, run)["running"] == 1, 120, "a first trial")
            world.experiment(name, **more, output={"storage": "file://./elsewhere"})
            state=world.finish(name,run)
            import sqlalchemy as sa
            e=sa.create_engine(db)
            with e.connect() as c:
                for q in ("select id,version_number,dag_id,bundle_version,created_at from dag_version","select name,uri from asset_active","select id,name,uri from asset","select * from task_outlet_asset_reference","select run_id,bundle_version,created_dag_version_id from dag_run","select task_id,map_index,dag_version_id,state from task_instance", "select dag_version_id, dag_hash, (data::text like '%elsewhere%') from serialized_dag"):
                    print(q)
                    for r in c.execute(sa.text(q)): print("  ",tuple(r))
            assert state=="success"
