"""Studies: what to run, in which order, where results lie, and how a run is resumed."""

from zifsim.campaign.run import StudyResult, run_study
from zifsim.campaign.study import Study, load_study

__all__ = ["Study", "StudyResult", "load_study", "run_study"]
