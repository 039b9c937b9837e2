"""Tables behind the validators: who issues which numbers. Facts only; the reasoning is in `validators`."""

from __future__ import annotations

from typing import Final

PROVINCE_CODES: Final = frozenset(
    map(
        str,
        (
            11,
            12,
            13,
            14,
            15,
            21,
            22,
            23,
            31,
            32,
            33,
            34,
            35,
            36,
            37,
            41,
            42,
            43,
            44,
            45,
            46,
            50,
            51,
            52,
            53,
            54,
            61,
            62,
            63,
            64,
            65,
            71,
            81,
            82,
            83,
        ),
    )
)
"""First two digits of a resident number (GB/T 2260; 81 to 83 are residence permits)."""

MOBILE_PREFIXES: Final = frozenset(
    [f"13{n}" for n in range(10)]
    + [f"14{n}" for n in range(5, 10)]
    + [f"15{n}" for n in (0, 1, 2, 3, 5, 6, 7, 8, 9)]
    + ["162", "165", "166", "167"]
    + [f"17{n}" for n in range(9)]
    + [f"18{n}" for n in range(10)]
    + [f"19{n}" for n in range(10)]
)
"""First three digits of mainland mobile numbers, machine-to-machine ranges of ten digits and more left out."""

LANDLINE_AREAS_2: Final = frozenset(f"2{n}" for n in range(10)) - {"26"}
"""Area codes 020 to 029 (without the leading 0): eight-digit subscribers; 010 is told apart by its own prefix."""

CARD_ISSUERS: Final[tuple[tuple[str, str, frozenset[int]], ...]] = (
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("81", "81", frozenset({16, 17, 18, 19})),  # UnionPay, newer range
    ("9558", "9558", frozenset({16, 19})),  # ICBC, older debit cards
    ("4", "4", frozenset({16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard, newer range
    ("3528", "3589", frozenset({16})),  # JCB
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),  # American Express
    ("60", "60", frozenset({16, 17, 18, 19})),  # rural banks of China, Discover
    ("644", "659", frozenset({16})),  # Discover
    ("68", "68", frozenset({16, 19})),  # older rural and city banks of China
)
"""Lowest and highest issuer prefix (same length) and the card lengths in use (ISO/IEC 7812)."""

CALLING_CODES_2: Final = frozenset(
    map(
        str,
        (
            20,
            27,
            30,
            31,
            32,
            33,
            34,
            36,
            39,
            40,
            41,
            43,
            44,
            45,
            46,
            47,
            48,
            49,
            51,
            52,
            53,
            54,
            55,
            56,
            57,
            58,
            60,
            61,
            62,
            63,
            64,
            65,
            66,
            81,
            82,
            84,
            86,
            90,
            91,
            92,
            93,
            94,
            95,
            98,
        ),
    )
)
"""Country codes of two digits (E.164)."""

CALLING_CODES_3: Final = frozenset(
    map(
        str,
        (21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 85, 88, 96, 97, 99),
    )
)
"""First two digits of the country codes of three digits (E.164)."""

IBAN_LENGTHS: Final[dict[str, int]] = {
    country: length
    for length, countries in {
        15: "no",
        16: "be",
        18: "dk fi fo gl nl",
        19: "mk si",
        20: "at ba ee kz lt lu xk",
        21: "ch cr hr li lv",
        22: "bg bh de gb ge ie me rs va",
        23: "ae gi il iq om so tl",
        24: "ad cz es md pk ro sa se sk tn vg",
        25: "ly pt st",
        26: "is tr",
        27: "bi dj fr gr it mc mr sm",
        28: "al az by cy do gt hu lb pl sv",
        29: "br eg ps qa ua",
        30: "jo kw mu",
        31: "mt sc",
        32: "lc",
        33: "ru",
    }.items()
    for country in countries.split()
}
"""Length of an account number by country, letters of the country and check digits included (IBAN registry)."""
