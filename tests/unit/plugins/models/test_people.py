"""Who is asked, in the auth manager's words, and what to call who has answered."""

from __future__ import annotations

import pytest

from automl_airflow.models.people import BadUserIds, assigned, name_of

IDS = "AIRFLOW__AUTOML__USER_IDS"


def test_a_name_is_the_id_unless_the_deployment_says_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert assigned([]) is None, "anybody with the right"
    assert assigned(["anna", "ben"]) == [{"id": "anna", "name": "anna"}, {"id": "ben", "name": "ben"}]
    monkeypatch.setenv(IDS, '{"anna": 7}')
    assert assigned(["anna", "ben"]) == [{"id": "7", "name": "anna"}, {"id": "ben", "name": "ben"}]


def test_who_has_answered_is_called_as_the_file_calls_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IDS, '{"anna": "7"}')
    assert name_of({"id": "7", "name": "Anna Adler"}, ["anna"]) == "anna"
    assert name_of({"id": "7", "name": "Anna Adler"}, []) == "Anna Adler"
    assert name_of({"id": "8", "name": ""}, ["anna"]) == "8"
    assert name_of(None, ["anna"]) == "somebody"


@pytest.mark.parametrize("text", ["anna=7", '["anna"]', '{"anna": ["7"]}', "7"])
def test_a_setting_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(IDS, text)
    with pytest.raises(BadUserIds, match=r"\[automl\] user_ids.*wanted"):
        assigned(["anna"])
