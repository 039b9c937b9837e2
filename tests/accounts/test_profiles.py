"""Service profiles have a strict JSON form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.accounts.profiles import (
    FUNCTIONS,
    LABEL_LANGUAGES,
    MAX_QUOTA,
    MAX_RATE,
    UNSCREENED_POLICIES,
    ServiceProfile,
    from_json,
    loads,
)
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Audience, LabelPlacement, ServiceKind

LIMITS = (
    "key_requests_per_minute",
    "person_requests_per_minute",
    "key_requests_per_day",
    "person_requests_per_day",
    "key_tokens_per_day",
    "person_tokens_per_day",
)
TEXT = st.text(max_size=20)
PROFILES = st.fixed_dictionaries(
    {"name": st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True)},
    optional={
        "id": TEXT,
        "kinds": st.lists(st.sampled_from([str(one) for one in ServiceKind]), min_size=1, unique=True),
        "audiences": st.lists(st.sampled_from([str(one) for one in Audience]), min_size=1, unique=True),
        "label": st.fixed_dictionaries(
            {},
            optional={
                "placement": st.sampled_from([str(one) for one in LabelPlacement]),
                "language": st.sampled_from(LABEL_LANGUAGES),
                "wording": TEXT,
            },
        ),
        "producer": st.from_regex(r"[A-Z0-9]{1,27}", fullmatch=True),
        "filings": st.lists(st.fixed_dictionaries({"kind": TEXT, "number": TEXT}, optional={"note": TEXT}), max_size=3),
        "unscreened": st.sampled_from(UNSCREENED_POLICIES),
        "limits": st.dictionaries(st.sampled_from(LIMITS), st.integers(0, MAX_RATE)),
        "functions": st.lists(st.sampled_from(FUNCTIONS), unique=True),
        "models": st.dictionaries(TEXT, TEXT, max_size=3),
    },
)


@given(PROFILES)
def test_a_profile_comes_back_from_its_json_as_it_was(values: dict[str, Any]) -> None:
    profile = from_json(values)

    assert loads(profile.dumps()) == profile
    for name, value in values.items():
        if name not in ("kinds", "audiences", "functions", "label", "limits", "filings"):
            assert profile.to_json()[name] == value


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "name"),
        ({"name": "Upper"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": 3}, "name"),
        ({"name": "a", "kinds": []}, "kinds"),
        ({"name": "a", "kinds": ["oracle"]}, "oracle"),
        ({"name": "a", "kinds": "assistant"}, "kinds"),
        ({"name": "a", "audiences": []}, "audiences"),
        ({"name": "a", "audiences": ["everybody"]}, "everybody"),
        ({"name": "a", "label": {"placement": "middle"}}, "middle"),
        ({"name": "a", "label": {"language": "fr"}}, "label.language"),
        ({"name": "a", "label": {"wording": "x" * 201}}, "label.wording"),
        ({"name": "a", "label": {"colour": "red"}}, "label.colour"),
        ({"name": "a", "label": "end"}, "label"),
        ({"name": "a", "producer": ""}, "producer"),
        ({"name": "a", "producer": "two words"}, "producer"),
        ({"name": "a", "producer": "正名"}, "producer"),
        ({"name": "a", "producer": 'a"b'}, "producer"),
        ({"name": "a", "producer": "a\\b"}, "producer"),
        ({"name": "a", "unscreened": "maybe"}, "unscreened"),
        ({"name": "a", "filings": [{"kind": "icp"}]}, "number"),
        ({"name": "a", "filings": [{"kind": "icp", "number": "1", "colour": "red"}]}, "filings.colour"),
        ({"name": "a", "limits": {"key_requests_per_minute": -1}}, "limits.key_requests_per_minute"),
        ({"name": "a", "limits": {"key_requests_per_minute": MAX_RATE + 1}}, "limits.key_requests_per_minute"),
        ({"name": "a", "limits": {"key_tokens_per_day": MAX_QUOTA + 1}}, "limits.key_tokens_per_day"),
        ({"name": "a", "limits": {"key_tokens_per_day": 1.5}}, "limits.key_tokens_per_day"),
        ({"name": "a", "limits": {"key_tokens_per_day": True}}, "limits.key_tokens_per_day"),
        ({"name": "a", "limits": {"key_request_per_minute": 5}}, "limits.key_request_per_minute"),
        ({"name": "a", "functions": ["paint"]}, "functions"),
        ({"name": "a", "models": ["gpt"]}, "models"),
        ({"name": "a", "audience": ["adult"]}, "audience"),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused_by_the_name_of_the_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        from_json(values)


def test_a_stored_profile_of_a_later_release_is_read_without_the_fields_unknown_here() -> None:
    stored = json.loads(ServiceProfile(id="1", name="a").dumps()) | {"mood": "sunny"}

    assert loads(json.dumps(stored)) == ServiceProfile(id="1", name="a")


def test_a_service_with_models_offers_those_and_no_others() -> None:
    assert ServiceProfile(id="1", name="a").model("any") == "any"
    assert ServiceProfile(id="1", name="a", models={"chat": "qwen"}).model("chat") == "qwen"
    assert ServiceProfile(id="1", name="a", models={"chat": "qwen"}).model("qwen") is None
