#!/usr/bin/env python3
"""Cuts the embedded fonts out of the full Inter fonts.

    pip install fonttools==4.68.0
    python3 subset.py Inter-Regular.otf Inter-SemiBold.otf

The sources are Inter 3.19's static OpenType files (Debian: fonts-inter 4.0~beta7+ds-1). Kept are Latin,
Greek, Cyrillic, punctuation, currency signs, arrows and the box that stands for missing characters.
Inter kerns through GPOS, which ab_glyph does not read; the pairs of the commonest letters are therefore
written into a plain `kern` table.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

KEPT = [
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x2B0, 0x2FF),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x52F),
    (0x1E00, 0x1EFF),
    (0x1F00, 0x1FFF),
    (0x2010, 0x2027),
    (0x2030, 0x203F),
    (0x2070, 0x209F),
    (0x20A0, 0x20BF),
    (0x2100, 0x214F),
    (0x2190, 0x21FF),
    (0x2200, 0x22FF),
    (0x25A0, 0x25CF),
    (0x2713, 0x2717),
]
KERNED = [*range(0x20, 0x7F), *range(0xC0, 0x100), *range(0x391, 0x3CA), *range(0x410, 0x450)]
MOST_PAIRS = 10_900  # a format 0 subtable holds no more than 65,535 bytes


def gpos_pairs(font, kerned):
    """Horizontal kerning of `kerned` glyphs, first lookup that knows a pair winning, as shapers do."""
    gpos = font["GPOS"].table
    wanted = {i for r in gpos.FeatureList.FeatureRecord if r.FeatureTag == "kern" for i in r.Feature.LookupListIndex}
    pairs = {}
    for index in sorted(wanted):
        for sub in gpos.LookupList.Lookup[index].SubTable:
            sub = getattr(sub, "ExtSubTable", sub)
            if sub.LookupType != 2:
                continue
            for row, left in enumerate(sub.Coverage.glyphs):
                if left not in kerned:
                    continue
                if sub.Format == 1:
                    found = {r.SecondGlyph: r.Value1 for r in sub.PairSet[row].PairValueRecord}
                else:
                    records = sub.Class1Record[sub.ClassDef1.classDefs.get(left, 0)].Class2Record
                    found = {g: records[sub.ClassDef2.classDefs.get(g, 0)].Value1 for g in kerned}
                for right, value in found.items():
                    if right in kerned and value is not None:
                        pairs.setdefault((left, right), getattr(value, "XAdvance", 0) or 0)
    return {pair: value for pair, value in pairs.items() if value}


def cut(path):
    font = TTFont(path)
    cmap = font.getBestCmap()
    pairs = gpos_pairs(font, {cmap[c] for c in KERNED if c in cmap})
    strongest = sorted(pairs, key=lambda pair: (-abs(pairs[pair]), pair))[:MOST_PAIRS]
    options = subset.Options(
        layout_features=[],
        drop_tables=["GPOS", "GSUB", "GDEF"],
        hinting=False,
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14],
        notdef_outline=True,
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[c for first, last in KEPT for c in range(first, last + 1)])
    cutter.subset(font)
    kern = KernTable_format_0()
    kern.apple, kern.coverage, kern.version, kern.tupleIndex = False, 1, 0, None
    kern.kernTable = {pair: pairs[pair] for pair in strongest}
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [kern]
    target = Path(__file__).with_name(Path(path).stem + ".subset.otf")
    font.save(target)
    print(target.name, target.stat().st_size, "bytes,", len(strongest), "of", len(pairs), "kerning pairs")


for source in sys.argv[1:]:
    cut(source)
