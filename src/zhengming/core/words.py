"""Every enumeration of the product, in one place.

The ids are stable: they stand in stored rows, in ledger entries, in rule files and in the public API.
The reference page `docs/reference/words.md` is generated from this module, so each member carries its meaning.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Self


class Word(StrEnum):
    """A string enumeration whose members carry a one-line meaning for the generated reference page."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Make a member from its id and its meaning; the default lets type checkers see `Word(id)` as a look-up."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Category(Word):
    """The screening taxonomy: harms to people, and no other subject."""

    SELF_HARM = "self_harm", "Suicide and self-injury: wish, plan, means, encouragement."
    SEXUAL = "sexual", "Sexual content between adults."
    SEXUAL_MINORS = "sexual_minors", "Any sexual content that concerns a minor."
    VIOLENCE = "violence", "Violence, cruelty and dangerous acts."
    WEAPONS_DRUGS = "weapons_drugs", "Making or dealing in weapons, explosives and drugs."
    FRAUD = "fraud", "Deceiving a person out of money or data."
    GAMBLING_ILLICIT = "gambling_illicit", "Gambling and other unlawful services and goods."
    ILLICIT_AI = "illicit_ai", "Undressing, cloning a face or voice without consent, removing labels."
    IMPERSONATION = "impersonation", "Passing for a person or body on the register of the operator."
    HARASSMENT = "harassment", "Insult, bullying, threats and abuse of a person."
    DISCRIMINATION = "discrimination", "Attacks on people for a protected trait."
    PRIVACY = "privacy", "Personal data of a person."
    SPECIALIST_RISK = "specialist_risk", "Medical, legal or investment advice given as certainty."
    UNVERIFIED_EMERGENCY = "unverified_emergency", "Disaster and health scares without a source."
    SPAM = "spam", "Bulk advertising and traffic diversion."
    PROMPT_ATTACK = "prompt_attack", "Jailbreak, injection, prompt leak."
    MANIPULATION = "manipulation", "The model manipulating the person it talks to."


class Verdict(Word):
    """What is done with a content; ordered from the mildest to the gravest by :data:`VERDICT_ORDER`."""

    ALLOW = "allow", "Passes unchanged."
    ANNOTATE = "annotate", "Passes; the signal is recorded."
    REDACT = "redact", "The span is replaced by a mask; the rest passes."
    REPLACE = "replace", "The whole answer is replaced by a prepared text."
    BLOCK = "block", "The request is refused before a model sees it."
    STOP = "stop", "The output ends before the span; what was shown stays."
    ESCALATE = "escalate", "Passes, and a person is asked to look."


VERDICT_ORDER: tuple[Verdict, ...] = (
    Verdict.ALLOW,
    Verdict.ANNOTATE,
    Verdict.ESCALATE,
    Verdict.REDACT,
    Verdict.REPLACE,
    Verdict.BLOCK,
    Verdict.STOP,
)


def gravest(verdicts: list[Verdict]) -> Verdict:
    """Return the gravest of the verdicts, `allow` for an empty list."""
    return max(verdicts, key=VERDICT_ORDER.index, default=Verdict.ALLOW)


class Surface(Word):
    """Where a content is judged."""

    INPUT = "input", "What a person or application sends to a model."
    OUTPUT = "output", "What a model answers."
    UPLOAD = "upload", "A file that arrives at a platform."
    CORPUS = "corpus", "A document of training data."


class Audience(Word):
    """Who is served; :data:`AUDIENCE_STRICTNESS` orders them from the strictest."""

    CHILD = "child", "Known or assumed to be under 14."
    TEEN = "teen", "Known or assumed to be 14 to 17."
    ELDER = "elder", "60 or older, as registered by the operator."
    ADULT = "adult", "18 or older."


AUDIENCE_STRICTNESS: tuple[Audience, ...] = (Audience.CHILD, Audience.TEEN, Audience.ELDER, Audience.ADULT)


def strictest(audiences: frozenset[Audience]) -> Audience:
    """Return the strictest of the audiences; `child` when none is named, since nothing is known then."""
    return min(audiences, key=AUDIENCE_STRICTNESS.index, default=Audience.CHILD)


class ServiceKind(Word):
    """What a service offers; it may be of several kinds."""

    ASSISTANT = "assistant", "Answers questions and does tasks."
    COMPANION = "companion", "Keeps a person company: sustained emotional interaction."
    IMAGE = "image", "Makes or edits pictures."
    VOICE = "voice", "Makes or edits speech and sound."
    VIDEO = "video", "Makes or edits video."
    SCENE = "scene", "Makes virtual scenes."


class CareAxis(Word):
    """The five axes on which care is graded 0 to 5."""

    SELF_HARM = "self_harm", "Danger to the person's own life or body."
    HARM_TO_OTHERS = "harm_to_others", "Danger to somebody else."
    ABUSE = "abuse", "The person is being abused."
    PROPERTY_LOSS = "property_loss", "A large loss of property is under way."
    DEPENDENCE = "dependence", "Dependence on the service."


class CareLevel(IntEnum):
    """Grades of care, after the ladder of the Columbia screener as vocabulary; no clinical score is claimed."""

    NONE = 0
    LOW = 1
    CONCERN = 2
    DANGER = 3
    HIGH = 4
    IMMINENT = 5


class LabelPlacement(Word):
    """Where the explicit label of a text stands (GB 45438-2025, 5.1 and 5.6)."""

    START = "start", "At the start of the text."
    END = "end", "At the end of the text."
    INTERFACE = "interface", "Shown by the interface all the time; only metadata travels with the text."


class SwitchKind(Word):
    """The emergency switches of an operator (Deep Synthesis Provisions, Art. 21)."""

    STOP_GENERATION = "stop_generation", "No model is asked; a notice answers."
    STOP_REGISTRATION = "stop_registration", "New end users are refused."
    STOP_PUBLISHING = "stop_publishing", "Nothing may be published through the service."
    FREEZE_CHANGES = "freeze_changes", "Services, rules, keys and upstreams cannot be changed."


class EventType(Word):
    """The types of ledger entries."""

    TURN_OPENED = "turn.opened", "A turn was accepted; durable before the first byte goes out."
    TURN_PROGRESS = "turn.progress", "What a long stream has shown so far."
    TURN_CLOSED = "turn.closed", "A turn ended; commits to what was really shown."
    TURN_INTERRUPTED = "turn.interrupted", "A turn without an end was closed at the next start."
    SWITCH_SET = "switch.set", "A switch was set."
    SWITCH_LIFTED = "switch.lifted", "A switch was lifted before its expiry."
    SERVICE_CHANGED = "service.changed", "A service profile was made or changed."
    KEY_CREATED = "key.created", "An API key was made."
    KEY_REVOKED = "key.revoked", "An API key was revoked."
    USER_REPORTED = "user.reported", "The operator reported a registration, an age or a log-in."
    PERSON_ERASED = "person.erased", "The key of a person was destroyed; the person's texts are gone."
    RULES_CHANGED = "rules.changed", "Another rule set came into force."
    STAFF_CREATED = "staff.created", "A member of staff was given an account."
    STAFF_CHANGED = "staff.changed", "Roles, password, second factor or state of a staff account were changed."
    STAFF_SIGNED_IN = "staff.signed_in", "A member of staff signed in to the console."
    STAFF_REFUSED = "staff.refused", "An attempt to sign in was refused."
    SESSION_ENDED = "session.ended", "A console session was signed out or revoked."
    TOKEN_CREATED = "token.created", "A token of the management API was made."
    TOKEN_REVOKED = "token.revoked", "A token of the management API was revoked."
    TEXT_REVEALED = "text.revealed", "A member of staff opened the texts of a turn, with a reason."
    LEDGER_CHECKED = "ledger.checked", "The whole ledger was verified, and what that found."
    LEDGER_NOTED = "ledger.noted", "A checkpoint of the ledger was written down."


class Permission(Word):
    """What a member of staff or a token of the management API may do; every route names one."""

    SEE_OVERVIEW = "see_overview", "See counts and figures."
    SEE_TURNS = "see_turns", "See turns and why they were judged so, but not their texts."
    REVEAL_TEXTS = "reveal_texts", "Open the texts of a turn, giving a reason that is recorded."
    USE_PLAYGROUND = "use_playground", "Chat through the gateway in the console."
    SEE_SERVICES = "see_services", "See services and their profiles."
    CHANGE_SERVICES = "change_services", "Make and change services."
    SEE_KEYS = "see_keys", "See API keys, never their secrets."
    CHANGE_KEYS = "change_keys", "Make and revoke API keys."
    SEE_UPSTREAMS = "see_upstreams", "See upstreams and how they fare."
    SEE_SWITCHES = "see_switches", "See the emergency switches."
    SET_SWITCHES = "set_switches", "Set and lift the emergency switches."
    SEE_RULES = "see_rules", "See the rules and the policy in force."
    SEE_LEDGER = "see_ledger", "See the ledger, its checkpoints and proofs."
    CHECK_LEDGER = "check_ledger", "Verify the whole ledger and note checkpoints."
    SEE_HEALTH = "see_health", "See the health of the process."
    SEE_STAFF = "see_staff", "See staff accounts and who signed in."
    MANAGE_STAFF = "manage_staff", "Make, change and disable staff accounts; revoke their sessions and tokens."
    MANAGE_TOKENS = "manage_tokens", "Make and revoke one's own tokens of the management API."
    OWN_ACCOUNT = "own_account", "See and change one's own account and sessions."


class Role(Word):
    """What a member of staff is there for; `accounts.roles` says what each may do."""

    OWNER = "owner", "Runs the installation: everything, staff accounts included."
    ENGINEER = "engineer", "Keeps it running: services, keys, upstreams, switches, health; no texts."
    REVIEWER = "reviewer", "Looks at turns and their texts."
    COMPLIANCE = "compliance", "Answers for duties: figures, texts with a reason, switches, the ledger."
    AUDITOR = "auditor", "Sees everything but texts, and changes nothing."
