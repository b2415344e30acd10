"""Makes the two font files of this folder: Inter (OFL), cut down to what Vietnamese and English figures need.

Needs fonttools and a folder with `Inter-Regular.otf` and `Inter-Bold.otf` (Debian package fonts-inter):

    python kcq_eval/figures/fonts/subset_inter.py /usr/share/fonts/opentype/inter
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FAMILY = "KCQ Sans"  # a modified font carries its own name, so that an installed Inter is never taken for it
UNICODES = [
    *range(0x20, 0x7F), *range(0xA0, 0x250),  # Latin, Latin-1, Extended-A and -B (ă, đ, ơ, ư)
    *range(0x300, 0x324), *range(0x1E00, 0x1F00),  # combining marks, Latin Extended Additional (ế, ộ, ữ)
    *range(0x2000, 0x2010), *range(0x2010, 0x2030), 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x202F, 0x2060,  # spaces, dashes, quotes
    0x20AB, 0x20AC, 0x2113, 0x2116, 0x2122, *range(0x2190, 0x219A), 0x2212, 0x2248, 0x2260, 0x2264, 0x2265,  # ₫, №, arrows, −, ≠
    0x25B2, 0x25BC, 0x25CF, 0x25CB, 0x25A0, 0x25A1, 0x25C6, 0x25C7,
]  # fmt: skip


def subset(source: Path, target: Path, style: str) -> None:
    font = TTFont(source, recalcTimestamp=False)
    options = Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=UNICODES)
    subsetter.subset(font)
    names = {1: FAMILY, 2: style, 3: f"{FAMILY} {style}", 4: f"{FAMILY} {style}", 6: f"{FAMILY}-{style}".replace(" ", "")}
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]
    cff = font["CFF "].cff
    cff.fontNames = [names[6]]
    cff[0].FamilyName, cff[0].FullName = FAMILY, names[4]
    font.save(target)


if __name__ == "__main__":
    for style in ("Regular", "Bold"):
        subset(Path(sys.argv[1]) / f"Inter-{style}.otf", Path(__file__).parent / f"KCQSans-{style}.otf", style)
