"""Look after the person who talks to an AI: levels, precedence, prepared help. Values in, values out.

from zhengming import care

state, plan = care.step(state, signals, audience)   # what the person wrote now -> what to do
text = care.PreparedHelp().for_plan(plan, language, audience)
outcome = care.decide(care.Circumstances(plan.level, plan.action, rate_limited=True))
"""

from zhengming.care.emergency import may_be_in_danger
from zhengming.care.hotlines import Hotline, HotlineError, Hotlines, load_hotlines
from zhengming.care.precedence import Circumstances, Outcome, OutcomeKind, SafetyStop, decide
from zhengming.care.prepared import PreparedHelp
from zhengming.care.state import FRESH, CareState, CareStateError
from zhengming.care.step import CareAction, CarePlan, HelpSituation, step
from zhengming.care.thresholds import Thresholds, ThresholdsError, load_thresholds
from zhengming.core.words import CareLevel

__all__ = [
    "FRESH",
    "CareAction",
    "CareLevel",
    "CarePlan",
    "CareState",
    "CareStateError",
    "Circumstances",
    "HelpSituation",
    "Hotline",
    "HotlineError",
    "Hotlines",
    "Outcome",
    "OutcomeKind",
    "PreparedHelp",
    "SafetyStop",
    "Thresholds",
    "ThresholdsError",
    "decide",
    "load_hotlines",
    "load_thresholds",
    "may_be_in_danger",
    "step",
]
