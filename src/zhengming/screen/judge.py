"""Judge a whole text at once: what a person sends, a file, a document. Streams have the guard instead.

Rules of severity 0 name harmless phrases that hold a sign of harm ("I want to die laughing"): a match that lies inside
one of its own category is not counted. Only a whole text knows such a phrase before it must decide, so these rules are
not looked at on output; a stream decides by what is there, see `docs/explanation/rules-and-policy.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Judgement, Reason, Signal, Span
from zhengming.core.words import Verdict, gravest
from zhengming.screen.fold import load_fold
from zhengming.screen.matcher import Match, Matcher
from zhengming.screen.policy import Profile
from zhengming.screen.scorers import CueScorer, Scorer, ScorerTrack, signal_of


def judge(matcher: Matcher, profile: Profile, text: str, scorers: Sequence[Scorer] = ()) -> Judgement:
    """Return the verdict on a whole text with a reason for every finding that the policy does not simply allow.

    Reasons stand in the order of the text (by end), those of scorers last; spans are code points of `text`. Of several
    matches of one rule, those that lie inside another are left out. Raises InvalidInputError when the profile was
    compiled for another rule set.
    """
    if profile.rules_version != matcher.version:
        raise InvalidInputError(
            f"the profile belongs to rules {profile.rules_version}, the matcher to {matcher.version}",
            next_step="Compile the profile again after loading rules.",
        )
    reasons: list[Reason] = []
    for match in counted(matcher, profile, matcher.scan(text)):
        verdict = profile.verdicts[match.rule]
        if verdict is not Verdict.ALLOW:
            rule = matcher.rules.rules[match.rule]
            span = Span(match.start, match.end)
            reasons.append(Reason(Signal(rule.category, rule.severity, rule.id, rule.version, span), verdict))
    if scorers:
        reasons += _scored(profile, matcher.fold.plain(text), scorers)
    verdict = gravest([reason.verdict for reason in reasons])
    return Judgement(verdict, tuple(reasons), matcher.version, profile.policy_version)


def counted(matcher: Matcher, profile: Profile, matches: Sequence[Match]) -> list[Match]:
    """Return the matches that count: none inside a harmless phrase of its category or another match of its rule."""
    rules = matcher.rules.rules
    harmless = [match for match in matches if match.rule in profile.exempting]
    first_start: dict[int, int] = {}
    kept: list[Match] = []
    for match in reversed(matches):  # by end, so whatever starts no later than this one holds it
        start, end, number = match
        if first_start.get(number, start + 1) <= start:
            continue
        first_start[number] = start
        category = rules[number].category
        if not any(
            other.start <= start and end <= other.end and rules[other.rule].category is category for other in harmless
        ):
            kept.append(match)
    kept.reverse()
    return kept


def redacted(text: str, judgement: Judgement, mask: Callable[[Signal], str]) -> str:
    """Return the text with every span of verdict `redact` replaced by its mask.

    As in a stream, spans that overlap or touch go under one mask, that of the signal that begins first; of those that
    begin together the longest names it, then the graver.
    """
    spans = sorted(
        (reason.signal.span.start, -reason.signal.span.end, -reason.signal.severity, number)
        for number, reason in enumerate(judgement.reasons)
        if reason.verdict is Verdict.REDACT and reason.signal.span is not None
    )
    parts: list[str] = []
    position = -1
    for start, backwards_end, _, number in spans:
        if start > position:
            parts += (text[max(position, 0) : start], mask(judgement.reasons[number].signal))
        position = max(position, -backwards_end)
    return "".join(parts) + text[max(position, 0) :]


def score_text(profile: Profile, text: str, scorers: Sequence[Scorer]) -> list[Reason]:
    """Return a reason for every scorer that reaches its threshold anywhere in a whole text."""
    return _scored(profile, load_fold().plain(text), scorers) if scorers and text else []


def _scored(profile: Profile, folded: str, scorers: Sequence[Scorer]) -> list[Reason]:
    speaking = [one for one in scorers if not (isinstance(one, CueScorer) and one.is_quiet(folded))]
    if not speaking:
        return []
    track = ScorerTrack(speaking)
    fired = track.feed(folded) + track.finish()
    reasons: list[Reason] = []
    for _, index, score in fired:
        verdict = profile.verdict_of(speaking[index])
        if verdict is not Verdict.ALLOW:
            reasons.append(Reason(signal_of(speaking[index], score), verdict))
    return reasons
