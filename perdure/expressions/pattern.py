"""About how many instructions an RE2 pattern compiles to; used to bound `matches`, which holds the GIL."""

import re

_TOKEN = re.compile(
    r"""(?P<wide>\\[pP]\{?)|(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\]?)
      |(?P<open>\()|(?P<close>\))|\{(?P<least>\d+),?(?P<most>\d*)\}|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_WIDE, _ANY, _ONE = 1_000, 16, 1


def pattern_weight(pattern: str) -> int:
    """An upper estimate: counted repetition multiplies what it repeats, a Unicode class counts a thousand."""
    sums, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token["open"]:
            sums.append(0)
            last = 0
        elif token["least"]:
            last = last * max(int(token["least"][:6]), int(token["most"][:6] or 0), 1)
            sums[-1] += last
        else:
            last = _close(sums) if token["close"] else _atom(token)
            sums[-1] += last
    return sum(sums) + 1


def _close(sums: list[int]) -> int:
    return sums.pop() if len(sums) > 1 else 0


def _atom(token: re.Match[str]) -> int:
    text = token[0]
    if token["wide"]:
        return _WIDE
    if token["set"]:
        return _WIDE if re.search(r"\\[pP]", text) else _ANY if text.startswith("[^") or "\\" in text else _ONE
    return _ANY if text == "." or not text.isascii() or text in {"\\D", "\\S", "\\W"} else _ONE
