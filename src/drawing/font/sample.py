#!/usr/bin/env python3
"""Writes sample.ttf, the font of the user's in tests: a few characters as full squares.

    pip install fonttools==4.68.0
    python3 sample.py
"""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

EM = 1000
CHARACTERS = "冬にש"


def square(side):
    pen = TTGlyphPen(None)
    corners = [(0, 0), (0, side), (side, side), (side, 0)]
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def main():
    names = {ord(character): f"uni{ord(character):04X}" for character in CHARACTERS}
    order = [".notdef", *names.values()]
    font = FontBuilder(EM, isTTF=True)
    font.setupGlyphOrder(order)
    font.setupCharacterMap(names)
    font.setupGlyf({name: square(EM if name != ".notdef" else 0) for name in order})
    font.setupHorizontalMetrics(dict.fromkeys(order, (EM, 0)))
    font.setupHorizontalHeader(ascent=EM, descent=0)
    font.setupNameTable({"familyName": "ip2p sample", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=EM, usWinAscent=EM)
    font.setupPost()
    font.font.recalcTimestamp = False
    font.updateHead(created=0, modified=0)
    font.save(Path(__file__).parent / "sample.ttf")


if __name__ == "__main__":
    main()
