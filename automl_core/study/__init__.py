"""The journal of an experiment and the state folded from it: ask, report, tell, judge."""

from automl_core.study.answers import Answer, Binding, Ended, NotNow, Outcome, Over, Told
from automl_core.study.journal import StudyJournal
from automl_core.study.state import State
from automl_core.study.study import Study

__all__ = ["Answer", "Binding", "Ended", "NotNow", "Outcome", "Over", "State", "Study", "StudyJournal", "Told"]
