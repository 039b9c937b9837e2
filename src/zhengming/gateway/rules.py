"""The rules in force in this process: which version, compiled for whom, and how another version takes over.

A new version is built in a thread while the old one serves; then one assignment swaps them. Streams under way notice
the swap at their next chunk and replay what they hold under the new version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from zhengming.core.errors import ZhengmingError
from zhengming.core.i18n import translate
from zhengming.core.signals import Reason
from zhengming.core.words import Audience, Surface
from zhengming.screen.guard import Screening
from zhengming.screen.judge import score_text
from zhengming.screen.matcher import Matcher, compile_matcher
from zhengming.screen.policy import ACTING, Policy, Profile, compile_profile
from zhengming.screen.rules import Rule, RuleSet
from zhengming.screen.scorers import Scorer

log = structlog.get_logger(__name__)


def mask_text(rule: Rule, language: str) -> str:
    """The text in place of what a rule redacted; a mask kind without a text of its own gets the general one."""
    try:
        return translate("gateway", f"mask.{rule.mask or rule.category.value}", language)
    except KeyError:
        return translate("gateway", "mask.other", language)


@dataclass(slots=True)
class Ruling:
    """One compiled version: matcher, policy and scorers, with the profiles made on demand."""

    matcher: Matcher
    policy: Policy
    scorers: tuple[Scorer, ...]
    _profiles: dict[tuple[Surface, Audience], Profile] = field(default_factory=dict)
    _screenings: dict[tuple[Audience, str], Screening] = field(default_factory=dict)
    _unruled: Screening | None = None

    @property
    def version(self) -> str:
        """The version that entries name: of the rules and of the policy together."""
        return f"{self.matcher.version}/{self.policy.version}"

    def profile(self, surface: Surface, audience: Audience) -> Profile:
        """The policy for one surface and audience, a verdict a rule."""
        found = self._profiles.get((surface, audience))
        if found is None:
            found = compile_profile(self.policy, self.matcher.rules, surface, audience)
            self._profiles[surface, audience] = found
        return found

    def screening(self, audience: Audience, language: str) -> Screening:
        """What guards of an answer need, shared by all streams of that audience and language.

        Scorers whose verdict changes nothing that is shown are left out: they look at the whole answer when it ended.
        """
        found = self._screenings.get((audience, language))
        if found is None:
            profile = self.profile(Surface.OUTPUT, audience)
            found = Screening(
                matcher=self.matcher,
                profile=profile,
                scorers=tuple(one for one in self.scorers if profile.verdict_of(one) in ACTING),
                mask=lambda rule: mask_text(rule, language),
            )
            self._screenings[audience, language] = found
        return found

    def look_back(self, audience: Audience, texts: Iterable[str]) -> list[Reason]:
        """What the scorers that only note find in texts that were shown."""
        profile = self.profile(Surface.OUTPUT, audience)
        quiet = [one for one in self.scorers if profile.verdict_of(one) not in ACTING]
        return [reason for text in texts for reason in score_text(profile, text, quiet)]

    def unruled(self) -> Screening:
        """A screening without rules, for our own prepared words."""
        if self._unruled is None:
            nothing = compile_matcher(RuleSet((), "none"))
            profile = compile_profile(self.policy, nothing.rules, Surface.OUTPUT, Audience.ADULT)
            self._unruled = Screening(matcher=nothing, profile=profile, scorers=(), mask=lambda rule: rule.id)
        return self._unruled


class RulesInForce:
    """Holds the ruling that new turns take, and replaces it when a file of the operator changed."""

    def __init__(
        self,
        load: Callable[[], RuleSet],
        policy: Callable[[], Policy],
        scorers: Callable[[], Sequence[Scorer]],
        files: Sequence[Path] = (),
    ) -> None:
        self._load, self._policy, self._scorers = load, policy, scorers
        self._files = tuple(files)
        self._seen = self._state_of_files()
        self.failure = ""
        self._refreshing = asyncio.Lock()
        self.ruling = self._build()

    def _build(self) -> Ruling:
        return Ruling(compile_matcher(self._load()), self._policy(), tuple(self._scorers()))

    def _state_of_files(self) -> tuple[tuple[str, int, int], ...]:
        listed: list[Path] = []
        for path in self._files:
            listed += sorted(path.iterdir()) if path.is_dir() else [path]
        found = ((path, path.stat()) for path in listed if path.exists())
        return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in found)

    async def refresh(self, *, force: bool = False) -> bool:
        """Look at the files; build and swap when they changed. Returns whether another version is in force now.

        A file that cannot be read leaves the old version in force: `failure` and the log say why, until it is mended.
        Whoever asks while another look is under way waits for it, and then finds its version in force.
        """
        async with self._refreshing:
            return await self._refresh(force=force)

    async def _refresh(self, *, force: bool) -> bool:
        before = self.ruling.version
        try:
            state = await asyncio.to_thread(self._state_of_files)
            if state == self._seen and not force:
                return False
            self._seen = state
            self.ruling = await asyncio.to_thread(self._build)
        except (ZhengmingError, OSError) as error:
            if isinstance(error, OSError):
                self._seen = ()  # nobody knows what is there, so it is read again the next time
            if self.failure != str(error):
                self.failure = str(error)
                log.error("rules.rejected", reason=self.failure, still_in_force=before)  # noqa: TRY400 - see the text
            return False
        self.failure = ""
        return self.ruling.version != before
