#!/bin/sh
# google-re2 1.1.20251105 (the official Python binding of RE2) says of itself "A drop-in replacement for the re module"
# and names one known syntactic difference: \Z. Three more are silent: the pattern compiles in both, and finds
# something else.
#
#   a{,2}b      on "aab"      re: a repetition from 0 to 2, finds "aab"     re2: the text "{,2}", finds nothing
#   \w+         on "é=1"      re: letters of Unicode, finds "é"             re2: ASCII only, finds "1"
#   \bacc       on "证acc"    re: no boundary between two letters, nothing  re2: a boundary, finds "acc"
#   [[:alpha:]] on "l]"       re: one of [ : a l p h, then "]": finds "l]"  re2: a letter, finds "l"
#
# Seen on Python 3.11.7, Linux x86-64. Exits with 1 where that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install google-re2==1.1.20251105
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import re
import sys

import re2


def found(module, pattern, text):
    match = module.search(pattern, text)
    return match.group(0) if match else None


seen = [
    (found(re, "a{,2}b", "aab"), found(re2, "a{,2}b", "aab")) == ("aab", None),
    (found(re, r"\w+", "é=1"), found(re2, r"\w+", "é=1")) == ("é", "1"),
    (found(re, r"\bacc", "证acc"), found(re2, r"\bacc", "证acc")) == (None, "acc"),
    (found(re, "[[:alpha:]]", "l]"), found(re2, "[[:alpha:]]", "l]")) == ("l]", "l"),
]
print("as described:", seen)
sys.exit(0 if all(seen) else 1)
PYTHON
