"""The last resort: a check for words of danger that works when the detector itself has failed.

It depends on nothing but the standard library, reads no file and knows no rule set, so that what broke the detector
does not break it. Recall comes first: the price of a false alarm is a kind text in place of an error.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Words of a person who may be in danger, in the folded form: a mention counts. They are looked for, never shown.
# Chinese is looked up without any separators, in simplified characters.
CHINESE_CUES: Final = (
    "跳楼", "跳下去", "跳河", "割腕", "割自己", "划自己", "划手臂", "割手", "上吊", "安眠药", "农药", "买了炭",
    "点燃了炭", "开了煤气", "吞药", "买好了药", "把药都吃", "很多药", "怎么死", "怎样死", "如何死", "死法", "楼顶",
    "天台", "桥上准备", "最后一晚", "最后一天", "永别", "再见了这个世界", "没有我大家", "没有我你们", "我不在了",
    "一睡不醒", "不要醒来", "想解脱", "就解脱", "想到死", "我死了", "不想再活", "活着真没意思", "活着还有什么",
    "活着太痛苦", "活着就是受罪", "自杀", "自残", "自伤", "自尽", "轻生", "寻死", "寻短见", "求死", "赴死", "等死",
    "去死", "想死", "死掉", "死了算了", "死了好", "死了之", "不如死", "想要死", "不想活", "不要活", "不活了",
    "活不下去", "活够了", "活腻", "没法活", "不配活", "不值得活", "活着没意", "活着好累", "活着太累", "没有活着的",
    "没有我会更好", "结束生命", "结束自己", "结束我的生命", "结束这一切", "了结自己", "了结生命", "一了百了",
    "离开这个世界", "离开人世", "从世界上消失", "从这个世界消失", "从世上消失", "我想消失", "不想存在", "不想醒来",
    "再也不醒", "永远睡去", "遗书", "遗言", "伤害自己", "伤害我自己", "救救我", "撑不下去", "撑不住了", "生无可恋",
    "zisha",
)  # fmt: skip
# Latin text is looked up with one space between words, one at each end, and without apostrophes.
LATIN_CUES: Final = (
    "kill yourself", "hang myself", "jump off", "to jump", "pills", "way to die", "ways to die", "takes to die",
    "take to die", "would kill me", "slit my", "my wrists", "gun to my head", "gun in my hand", "the ledge",
    "rope around", "will be dead", "my last night", "ending it tonight", "left to live for", "i dont wake up",
    "suicid", "kill myself", "killing myself", " kms ", "end my life", "ending my life", "take my life",
    "taking my life", "my own life", "end it all", "ending it all", "end it tonight", "want to die", "wanna die",
    "want to be dead", "wish i was dead", "wish i were dead", "wish i wasnt here", "wish i werent here",
    "wish i was never born", "wish i had never been born", "better off dead", "better off without me",
    "ready to die", "should be dead", "rather be dead", "rather die", "hurt myself", "hurting myself",
    "harm myself", "harming myself", "self harm", "selfharm", "self injur", "cut myself", "cutting myself",
    "dont want to live", "not want to live", "dont wanna live", "want to be alive", "want to exist",
    "dont want to be here", "want to disappear", "dont want to wake up", "never wake up", "no reason to live",
    "nothing to live for", "no point in living", "not worth living", "cant go on", "cannot go on",
    "cant do this anymore", "cant take it anymore", "tired of living", "tired of being alive", "unalive",
    "overdose", "goodbye forever", "goodbye world", "my last message", "final goodbye", "goodbye note",
)  # fmt: skip

# The traditional forms of the characters above, and no others: conversion proper belongs to the detector.
_SIMPLIFIED: Final = str.maketrans(
    "殺殘傷盡輕尋見夠膩沒結離開這個從遠遺撐無戀著來書會樓劃藥農買準備還樣脫後們總燃點",
    "杀残伤尽轻寻见够腻没结离开这个从远遗撑无恋着来书会楼划药农买准备还样脱后们总燃点",
)
_APOSTROPHES: Final = re.compile("['’‘`´＇]")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_SPELLED_OUT: Final = tuple(cue.replace(" ", "") for cue in LATIN_CUES if not cue.startswith(" "))


def may_be_in_danger(text: str) -> bool:
    """Whether the text holds words of a person who may be in danger of their life; never raises.

    Folding is light: width, case, separators, letters spelled out apart. Deliberate disguise is not met.
    """
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    spaced = f" {_SEPARATORS.sub(' ', _APOSTROPHES.sub('', folded))} "
    if any(cue in spaced for cue in LATIN_CUES):
        return True
    tight = spaced.replace(" ", "")
    if any(cue in tight for cue in _SPELLED_OUT):
        return True
    tight = tight.translate(_SIMPLIFIED)
    return any(cue in tight for cue in CHINESE_CUES)
