"""Texts made to find differences between rules of pre-tokenizers."""

import random

# What the rules tell apart, and what lies next to it: characters, and pieces that some rule knows.
ALPHABETS = [
    "abstmdrvlexyz", "ABSTMDRVLEXYZ", "0123456789", " ", "\t\n\r \x0b\x0c", "\r\n", "'", "'`’", "/",
    "!\"#$%&()*+,-.:;<=>?@[\\]^_{|}~", "äßéñøžğıſÄÉŻİǅªºµ", "привет ПРИВЕТ", "αβγΩΆώ", "שלוםعربيةนाಕ", "٣४๒½²Ⅷ①𝟙",
    "一丁龥龦鿿㐀䶿豈𠀀𪛟𪛠𪜀丽", "ぁあゟ゠アヿ･ｱﾟ\u3040", "가힣힤퟿ㄱㆎㄅㄯ㆏", "\u0300\u0301\u093f\u0bcd\u20dd\ufe0f\u0e31",
    "“”‘’—…！：；，、。〿︰﹏〽\u3000。،۔।", "€£+±×÷^¨😀👍🏽™°𝄞", "\u200b\u200c\u200d\ufeff\u00ad\u0378\ue000\U000f0000",
    "\x00\x01\x1b\x1c\x1f\x7f\x85", "\u00a0\u1680\u2000\u2028\u2029\u202f\u205f\u3000", "ࠀႠꙀ𐐀𞤀ﬀＡｚ①ℂℹ", "เກកကꩠꧠᄀ⼀",
]
PIECES = [
    "'s", "'T", "'re", "'VE", "'ll", "'D", "'lL", "'ſ", "'x", "''", "<sentinel:12>", "<sentinel:>", "IMGIMGABCZ", "IMGIMGABCDEZ",
    "    ", "  ", "\n\n", "\r\n", " \n ", "1234567", "12", "٣٤٥٦", " word", " Word", "camelCase", "HTTPServer", "ÄBCd",
    "ÄÖ", "a b c", "e\u0301 e\u0301", ".\n", "!/\n", "?!", " (", ")\n\n", "x" * 40, " " * 70, "\n" * 9, "9" * 20,
]


def random_texts(count=200):
    """Texts of the characters and pieces above, the same every time."""
    chance = random.Random(7)
    texts = []
    for number in range(count):
        alphabets = chance.sample(ALPHABETS, chance.randint(1, 5))
        parts = []
        for _ in range(chance.randint(1, 30)):
            if chance.random() < 0.2:
                parts.append(chance.choice(PIECES))
            else:
                letters = chance.choice(alphabets)
                parts.append("".join(chance.choice(letters) for _ in range(chance.choice([1, 1, 1, 2, 3, 7]))))
        texts.append("".join(parts))
    return texts
