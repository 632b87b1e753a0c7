"""The journal of an experiment and the state folded from it: ask, report, tell, judge."""

from automl_core.study.answers import Answer, Binding, NotNow, Outcome, Over, Told
from automl_core.study.journal import Journal
from automl_core.study.state import State
from automl_core.study.study import Study

__all__ = ["Answer", "Binding", "Journal", "NotNow", "Outcome", "Over", "State", "Study", "Told"]
