"""Draws a scene in a style: the picture before an edit, or the true picture after it.

Style says what an edit changes; everything else is read from the scene. Shapes are drawn by Skia with
antialiasing and soft gradients, far things first.
"""

from dataclasses import dataclass

import numpy as np
import skia

from scenes import SIZE, WALLS, Scene

WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
SNOW, ICE, STONE = (0.93, 0.95, 0.99), (0.78, 0.87, 0.95), (0.62, 0.62, 0.64)
FOG = (0.80, 0.82, 0.84)
TRUNK = (0.36, 0.25, 0.17)
RAINBOW = [
    (0.86, 0.16, 0.18),
    (0.97, 0.55, 0.14),
    (0.98, 0.88, 0.22),
    (0.30, 0.72, 0.30),
    (0.22, 0.42, 0.85),
    (0.52, 0.24, 0.68),
]


@dataclass(frozen=True)
class Style:
    """The state of a picture; the defaults are a scene as it is before any edit."""

    season: str = "summer"  # summer | winter | autumn | blossom
    light: str = "day"  # day | night | sunset
    weather: str = "clear"  # clear | fog | rain
    ground: str = "meadow"  # meadow | desert | lavender
    building: str = "house"  # house | castle
    wall: str | None = None  # a name of WALLS
    rainbow: bool = False
    clouds: bool = True
    finish: str = "photo"  # photo | sketch | grey


def render(scene: Scene, style: Style = Style()) -> np.ndarray:
    """The picture as uint8 of shape (SIZE, SIZE, 3)."""
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    with surface as canvas:
        Painter(canvas, scene, style).paint()
    surface.flushAndSubmit()
    return _finish(pixels[..., :3], style.finish)


def mix(a, b, share):
    """Colour `a` with `share` of colour `b` in it."""
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))


def scaled(colour, factor):
    """The colour made lighter or darker, clipped."""
    return tuple(min(1.0, x * factor) for x in colour)


class Painter:
    """Paints one scene on one canvas; each method draws one kind of thing."""

    def __init__(self, canvas, scene: Scene, style: Style):
        self.canvas, self.scene, self.style = canvas, scene, style

    def paint(self):
        self.sky()
        self.sun_or_moon()
        if self.style.rainbow:
            self.rainbow()
        if self.style.clouds:
            for cloud in self.scene.clouds:
                self.cloud(*cloud)
        self.mountains()
        self.ground()
        self.path()
        for tree in self.scene.trees:
            if tree.base < self.scene.house.base:
                self.tree(tree)
        self.castle() if self.style.building == "castle" else self.house()
        for tree in self.scene.trees:
            if tree.base >= self.scene.house.base:
                self.tree(tree)
        if self.style.weather == "rain":
            self.rain()

    # -- colour -----------------------------------------------------------------------------------

    def tone(self, colour, depth=0.0):
        """The colour of a material as light and weather show it; `depth` is 0 near, 1 far."""
        if self.style.light == "night":
            colour = tuple(x * f + a for x, f, a in zip(colour, (0.20, 0.25, 0.40), (0.01, 0.02, 0.06), strict=True))
        elif self.style.light == "sunset":
            colour = mix(
                tuple(x * f for x, f in zip(colour, (0.92, 0.62, 0.50), strict=True)),
                (0.95, 0.48, 0.28),
                0.10 + 0.25 * depth,
            )
        if self.style.weather == "rain":
            grey = sum(colour) / 3
            colour = tuple(x * 0.60 + 0.02 * b for x, b in zip(mix(colour, (grey,) * 3, 0.5), (0, 1, 3), strict=True))
        elif self.style.weather == "fog":
            colour = mix(colour, self.fog(), 0.40 + 0.55 * depth)
        return colour

    def fog(self):
        """The colour of fog, which is dark at night and warm at sunset."""
        return {"night": (0.20, 0.23, 0.32), "sunset": (0.86, 0.66, 0.55)}.get(self.style.light, FOG)

    def fill(self, path, top, bottom, depth=0.0, span=None):
        """Fills a path with a vertical gradient of two material colours."""
        bounds = path.getBounds()
        y0, y1 = span or (bounds.top(), bounds.bottom())
        self.canvas.drawPath(path, _gradient_paint((0, y0), (0, y1), self.tone(top, depth), self.tone(bottom, depth)))

    def snowy(self, colour, share):
        """The colour under as much snow as `share` where it is winter."""
        return mix(colour, SNOW, share) if self.style.season == "winter" else colour

    # -- sky --------------------------------------------------------------------------------------

    def sky_colours(self):
        """Zenith and horizon of the sky, before weather."""
        if self.style.light == "night":
            return (0.03, 0.05, 0.16), (0.13, 0.18, 0.36)
        if self.style.light == "sunset":
            return (0.38, 0.26, 0.52), (0.99, 0.62, 0.30)
        if self.style.season == "winter":
            return (0.66, 0.76, 0.88), (0.92, 0.94, 0.97)
        if self.style.ground == "desert":
            return mix(self.scene.sky, (0.55, 0.72, 0.86), 0.5), (0.98, 0.90, 0.72)
        return self.scene.sky, mix(self.scene.sky, WHITE, 0.72)

    def sky(self):
        zenith, low = self.sky_colours()
        if self.style.weather == "rain":
            dark = 0.35 if self.style.light == "night" else 1.0
            zenith, low = scaled((0.36, 0.40, 0.46), dark), scaled((0.60, 0.63, 0.66), dark)
        elif self.style.weather == "fog":
            zenith, low = mix(zenith, self.fog(), 0.85), mix(low, self.fog(), 0.95)
        self.canvas.drawPaint(_gradient_paint((0, 0), (0, self.scene.horizon), zenith, low))

    def sun_or_moon(self):
        if self.style.weather != "clear":
            return
        x, y = self.scene.sun
        if self.style.light == "night":
            self.stars()
            self.glow(x, y, 22, (0.70, 0.76, 0.95), 0.35)
            self.disc(x, y, 6.5, (0.96, 0.95, 0.86))
        elif self.style.light == "sunset":
            self.glow(x, y, 60, (1.0, 0.75, 0.35), 0.75)
            self.disc(x, y, 7.5, (1.0, 0.93, 0.70))
        else:
            self.glow(x, y, 26, (1.0, 0.97, 0.80), 0.6)
            self.disc(x, y, 6.5, (1.0, 0.98, 0.86))

    def glow(self, x, y, radius, colour, strength):
        paint = skia.Paint(AntiAlias=True)
        colours = [_colour(colour, strength), _colour(colour, 0.0)]
        paint.setShader(skia.GradientShader.MakeRadial((x, y), radius, colours))
        self.canvas.drawCircle(x, y, radius, paint)

    def disc(self, x, y, radius, colour):
        self.canvas.drawCircle(x, y, radius, skia.Paint(AntiAlias=True, Color4f=_colour(colour)))

    def stars(self):
        """The same stars over every scene, so that they can be learned."""
        rng = np.random.default_rng(7)
        for x, y in rng.uniform((3, 3), (SIZE - 3, 52), (16, 2)):
            self.disc(float(x), float(y), 0.9, (0.80, 0.84, 0.95))

    def rainbow(self):
        """An arc over the middle of the picture, its feet behind the mountains."""
        centre, width = (SIZE / 2, self.scene.horizon + 6), 2.6
        for index, colour in enumerate(RAINBOW):
            radius = 58 - index * width
            paint = skia.Paint(AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width * 1.15)
            paint.setColor4f(_colour(mix(self.tone(colour), colour, 0.4), 0.72))
            self.canvas.drawCircle(*centre, radius, paint)

    def cloud(self, x, y, size):
        top = WHITE if self.style.light == "day" else self.cloud_light()
        bottom = mix(top, (0.62, 0.70, 0.82), 0.35)
        if self.style.season == "winter" and self.style.light == "day":
            bottom = (0.76, 0.80, 0.86)
        builder = skia.Path()
        for dx, dy, r in ((-1.0, 0.15, 0.52), (-0.35, -0.22, 0.68), (0.40, -0.10, 0.60), (1.0, 0.2, 0.45)):
            builder.addCircle(x + dx * size, y + dy * size, r * size)
        builder.addRoundRect(
            skia.Rect.MakeLTRB(x - 1.4 * size, y, x + 1.4 * size, y + 0.66 * size), 0.33 * size, 0.33 * size
        )
        builder.setFillType(skia.PathFillType.kWinding)
        if self.style.weather == "rain":
            top, bottom = (0.80, 0.82, 0.86), (0.58, 0.60, 0.66)
        self.fill_sky(builder, top, bottom)

    def cloud_light(self):
        return (0.26, 0.30, 0.44) if self.style.light == "night" else (0.98, 0.72, 0.58)

    def fill_sky(self, path, top, bottom):
        """Fills a cloud: coloured by its own light, hidden by fog, darkened by rain."""
        if self.style.weather == "fog":
            top, bottom = mix(top, self.fog(), 0.9), mix(bottom, self.fog(), 0.9)
        elif self.style.weather == "rain":
            dark = 0.3 if self.style.light == "night" else 0.75
            top, bottom = scaled(top, dark), scaled(bottom, dark)
        bounds = path.getBounds()
        self.canvas.drawPath(path, _gradient_paint((0, bounds.top()), (0, bounds.bottom()), top, bottom, 0.93))

    # -- land -------------------------------------------------------------------------------------

    def mountains(self):
        far, near = (0.50, 0.58, 0.72), (0.38, 0.52, 0.50)
        if self.style.ground == "desert":
            far, near = (0.80, 0.52, 0.38), (0.86, 0.62, 0.40)
        elif self.style.season == "autumn":
            near = (0.58, 0.44, 0.28)
        snow_line = 0.85 if self.style.season == "winter" else 0.0
        for ridge, colour, depth in ((self.scene.ridges[0], far, 0.9), (self.scene.ridges[1], near, 0.7)):
            colour = mix(colour, SNOW, snow_line * 0.8)
            base = mix(colour, WHITE, 0.30 if self.style.season != "winter" else 0.4)
            path = _ridge_path(ridge, self.scene.horizon + 4)
            self.fill(path, colour, base, depth)
            if depth > 0.8 and self.style.ground != "desert":
                self.peaks(ridge, depth)

    def peaks(self, ridge, depth):
        """Snow on the tops of the far mountains."""
        for x, y in ridge[1::2]:
            drop = (self.scene.horizon - y) * 0.26
            cap = skia.Path()
            cap.addPoly(
                [
                    (x, y + 0.4),
                    (x - drop * 0.75, y + drop),
                    (x - drop * 0.1, y + drop * 0.7),
                    (x + drop * 0.75, y + drop),
                ],
                True,
            )
            self.fill(cap, SNOW, mix(SNOW, (0.6, 0.68, 0.8), 0.4), depth)

    def meadow_colours(self):
        """Far and near colour of the ground."""
        if self.style.ground == "desert":
            far, near = (0.95, 0.83, 0.58), (0.84, 0.64, 0.36)
        elif self.style.ground == "lavender":
            far, near = (0.66, 0.54, 0.82), (0.48, 0.32, 0.68)
        elif self.style.season == "autumn":
            far, near = (0.86, 0.70, 0.34), (0.70, 0.46, 0.18)
        else:
            far, near = mix(self.scene.meadow, (0.80, 0.86, 0.45), 0.35), scaled(self.scene.meadow, 0.72)
        return self.snowy(far, 0.97), self.snowy(near, 0.88)

    def ground(self):
        far, near = self.meadow_colours()
        y, (left, right) = self.scene.horizon, self.scene.hill
        back = _curve_path(y - 1 + left * 0.3, y + 3, y - 1 + right * 0.3)
        self.fill(back, far, mix(far, near, 0.5), 0.45, (y, y + 24))
        if self.scene.lake and self.style.ground != "desert":
            self.lake(*self.scene.lake)
        front = _curve_path(y + 20 + left, y + 15, y + 20 + right)
        self.fill(front, mix(far, near, 0.25), near, 0.15, (y + 14, SIZE))

    def lake(self, x, y, rx, ry):
        top, bottom = mix(self.scene.sky, WHITE, 0.45), mix(self.scene.sky, (0.1, 0.3, 0.5), 0.25)
        if self.style.season == "winter":
            top, bottom = scaled(ICE, 1.05), scaled(ICE, 0.9)
        if self.style.light == "sunset":
            top, bottom = mix(top, (1.0, 0.7, 0.4), 0.7), mix(bottom, (0.9, 0.45, 0.35), 0.5)
        path = skia.Path()
        path.addOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))
        self.fill(path, top, bottom, 0.35)

    def path(self):
        """A footpath from the door to the lower edge."""
        house = self.scene.house
        x = self.door_x()
        end = SIZE / 2 + (x - SIZE / 2) * 0.55
        path = skia.Path()
        path.moveTo(x - 3, house.base - 1)
        path.cubicTo(x - 3, house.base + 14, end - 12, house.base + 12, end - 13, SIZE)
        path.lineTo(end + 13, SIZE)
        path.cubicTo(end + 9, house.base + 12, x + 3, house.base + 14, x + 3, house.base - 1)
        colour = (0.86, 0.76, 0.58) if self.style.ground != "desert" else (0.78, 0.58, 0.36)
        self.fill(path, self.snowy(colour, 0.55), self.snowy(scaled(colour, 0.9), 0.55), 0.12)

    # -- buildings --------------------------------------------------------------------------------

    def across(self, share):
        """The x of a share of the house's width, counted from its gable end."""
        house = self.scene.house
        return house.x + house.width * ((1 - share) if house.flip else share)

    def door_x(self):
        return self.across(0.21)

    def face(self, points):
        """A polygon of (share of the width from the gable end, pixels above the base)."""
        path = skia.Path()
        path.addPoly([(self.across(share), self.scene.house.base - up) for share, up in points], True)
        return path

    def shadow(self):
        house = self.scene.house
        paint = skia.Paint(AntiAlias=True, Color4f=_colour(BLACK, 0.16))
        self.canvas.drawOval(
            skia.Rect.MakeLTRB(house.x - 4, house.base - 2.5, house.x + house.width + 4, house.base + 3), paint
        )

    def house(self):
        house, wall = self.scene.house, WALLS.get(self.style.wall, self.scene.house.wall)
        h, peak, eave = house.height, house.height * 1.78, house.height * 0.94
        roof = self.snowy(house.roof, 0.85)
        self.shadow()
        self.fill(
            self.face([(0.78, h), (0.78, peak * 1.06), (0.85, peak * 1.06), (0.85, h)]),
            self.snowy((0.55, 0.36, 0.30), 0.2),
            (0.5, 0.32, 0.27),
            0.1,
        )
        self.fill(self.face([(0.42, 0), (0.42, h), (0.98, h), (0.98, 0)]), scaled(wall, 0.80), scaled(wall, 0.68), 0.1)
        self.fill(
            self.face([(0, 0), (0, h), (0.21, peak - 2), (0.42, h), (0.42, 0)]),
            scaled(wall, 1.02),
            scaled(wall, 0.90),
            0.1,
        )
        self.fill(
            self.face([(0.21, peak), (0.86, peak), (1.03, eave), (0.42, eave)]),
            scaled(roof, 1.08),
            scaled(roof, 0.86),
            0.1,
        )
        self.fill(
            self.face(
                [
                    (-0.03, eave - 1),
                    (0.21, peak + 1),
                    (0.45, eave - 1),
                    (0.42, eave - 1),
                    (0.21, peak - 3),
                    (0.0, eave - 1),
                ]
            ),
            scaled(roof, 0.8),
            scaled(roof, 0.7),
            0.1,
        )
        self.fill(
            self.face([(0.15, 0), (0.15, h * 0.58), (0.27, h * 0.58), (0.27, 0)]),
            (0.42, 0.26, 0.16),
            (0.34, 0.20, 0.12),
            0.1,
        )
        for left in (0.50, 0.74):
            self.window(left, left + 0.15, h * 0.36, h * 0.74)
        self.window(0.165, 0.255, h * 0.96, h * 1.26)

    def window(self, left, right, low, high):
        """A lit window where it is dark, a bluish one else, in a white frame."""
        pad_x, pad_y = 0.022, 1.1
        self.fill(
            self.face(
                [
                    (left - pad_x, low - pad_y),
                    (left - pad_x, high + pad_y),
                    (right + pad_x, high + pad_y),
                    (right + pad_x, low - pad_y),
                ]
            ),
            (0.96, 0.95, 0.92),
            (0.88, 0.87, 0.84),
            0.1,
        )
        pane = self.face([(left, low), (left, high), (right, high), (right, low)])
        if self.style.light == "day":
            self.fill(pane, (0.36, 0.50, 0.64), (0.22, 0.32, 0.44), 0.1)
        else:
            self.fill_lit(pane)

    def fill_lit(self, path):
        bounds = path.getBounds()
        paint = _gradient_paint((0, bounds.top()), (0, bounds.bottom()), (1.0, 0.86, 0.48), (0.98, 0.70, 0.28))
        self.canvas.drawPath(path, paint)

    def castle(self):
        """A castle on the footprint of the house: a keep between two round towers."""
        h = self.scene.house.height
        self.shadow()
        self.battlements(0.10, 0.90, h * 1.25)
        self.battlements(0.32, 0.68, h * 1.85)
        self.tower(-0.03, 0.19, h * 1.75)
        self.tower(0.81, 1.03, h * 1.75)
        gate = self.face(
            [
                (0.43, 0),
                (0.43, h * 0.5),
                (0.46, h * 0.68),
                (0.5, h * 0.74),
                (0.54, h * 0.68),
                (0.57, h * 0.5),
                (0.57, 0),
            ]
        )
        self.fill(gate, (0.26, 0.18, 0.13), (0.20, 0.13, 0.09), 0.1)
        for left, low in ((0.47, 1.25), (0.05, 1.0), (0.89, 1.0)):
            self.slit(left, left + 0.06, h * low, h * (low + 0.32))

    def slit(self, left, right, low, high):
        pane = self.face([(left, low), (left, high), (right, high), (right, low)])
        if self.style.light == "day":
            self.fill(pane, (0.20, 0.20, 0.24), (0.16, 0.16, 0.20), 0.1)
        else:
            self.fill_lit(pane)

    def battlements(self, left, right, height):
        """A wall with merlons."""
        points, merlons = [(left, 0), (left, height)], 5 if right - left > 0.5 else 3
        step = (right - left) / (2 * merlons - 1)
        for index in range(2 * merlons - 1):
            up = height + (3.2 if index % 2 == 0 else 0)
            points += [(left + index * step, up), (left + (index + 1) * step, up)]
        points += [(right, 0)]
        self.fill(self.face(points), self.snowy(scaled(STONE, 1.1), 0.25), scaled(STONE, 0.82), 0.1)

    def tower(self, left, right, height):
        middle, roof = (left + right) / 2, self.snowy((0.30, 0.34, 0.56), 0.8)
        self.fill(
            self.face([(left, 0), (left, height), (right, height), (right, 0)]),
            scaled(STONE, 1.0),
            scaled(STONE, 0.74),
            0.1,
        )
        self.fill(
            self.face([(left - 0.03, height - 0.5), (middle, height + 13), (right + 0.03, height - 0.5)]),
            scaled(roof, 1.1),
            scaled(roof, 0.8),
            0.1,
        )

    # -- plants -----------------------------------------------------------------------------------

    def tree(self, tree):
        depth = 0.45 - 0.4 * min(1.0, (tree.base - self.scene.horizon) / 46)
        paint = skia.Paint(AntiAlias=True, Color4f=_colour(BLACK, 0.14))
        reach = tree.height * 0.28
        self.canvas.drawOval(
            skia.Rect.MakeLTRB(tree.x - reach, tree.base - 1.6, tree.x + reach, tree.base + 1.8), paint
        )
        if self.style.ground == "desert":
            self.cactus(tree, depth)
        elif tree.kind == "fir":
            self.fir(tree, depth)
        else:
            self.round_tree(tree, depth)

    def trunk(self, tree, depth, top):
        width = tree.height * 0.055
        path = skia.Path()
        path.addRect(skia.Rect.MakeLTRB(tree.x - width, tree.base - tree.height * top, tree.x + width, tree.base))
        self.fill(path, TRUNK, scaled(TRUNK, 0.8), depth)

    def round_tree(self, tree, depth):
        self.trunk(tree, depth, 0.5)
        leaf = {"autumn": (0.86, 0.42, 0.10), "blossom": (0.97, 0.68, 0.80)}.get(self.style.season, tree.leaf)
        leaf = self.snowy(leaf, 0.85)
        h, path = tree.height, skia.Path()
        for dx, dy, r in ((0, 0.72, 0.25), (-0.19, 0.56, 0.19), (0.19, 0.56, 0.19), (0, 0.50, 0.22)):
            path.addCircle(tree.x + dx * h, tree.base - dy * h, r * h)
        path.setFillType(skia.PathFillType.kWinding)
        self.fill(path, mix(leaf, (1.0, 0.95, 0.55), 0.16), scaled(leaf, 0.72), depth)

    def fir(self, tree, depth):
        self.trunk(tree, depth, 0.25)
        leaf = {"autumn": (0.50, 0.46, 0.16), "blossom": tree.leaf}.get(self.style.season, tree.leaf)
        leaf = scaled(leaf, 0.82)
        h = tree.height
        for low, high, reach in ((0.16, 0.58, 0.25), (0.38, 0.78, 0.20), (0.60, 1.0, 0.15)):
            path = skia.Path()
            path.addPoly(
                [
                    (tree.x - reach * h, tree.base - low * h),
                    (tree.x, tree.base - high * h),
                    (tree.x + reach * h, tree.base - low * h),
                ],
                True,
            )
            self.fill(path, self.snowy(scaled(leaf, 1.2), 0.9), self.snowy(scaled(leaf, 0.75), 0.45), depth)

    def cactus(self, tree, depth):
        green, h = (0.34, 0.52, 0.26), tree.height * 0.85
        width = max(2.2, h * 0.11)
        path = skia.Path()
        path.moveTo(tree.x, tree.base)
        path.lineTo(tree.x, tree.base - h * 0.85)
        for side, low, high in ((-1, 0.32, 0.62), (1, 0.42, 0.72)):
            x = tree.x + side * h * 0.22
            path.moveTo(tree.x, tree.base - low * h)
            path.lineTo(x, tree.base - low * h)
            path.lineTo(x, tree.base - high * h)
        paint = skia.Paint(
            AntiAlias=True,
            Style=skia.Paint.kStroke_Style,
            StrokeWidth=width,
            StrokeCap=skia.Paint.kRound_Cap,
            StrokeJoin=skia.Paint.kRound_Join,
        )
        paint.setColor4f(_colour(self.tone(green, depth)))
        self.canvas.drawPath(path, paint)

    # -- weather ----------------------------------------------------------------------------------

    def rain(self):
        """Faint streaks, the same over every scene."""
        rng = np.random.default_rng(3)
        paint = skia.Paint(AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=0.9)
        paint.setColor4f(_colour((0.85, 0.90, 0.96), 0.16))
        for x, y in rng.uniform(0, SIZE, (60, 2)):
            self.canvas.drawLine(float(x), float(y), float(x) - 3.0, float(y) + 9.0, paint)


# -- shapes and paints ----------------------------------------------------------------------------


def _colour(colour, alpha=1.0):
    return skia.Color4f(*(float(max(0.0, min(1.0, x))) for x in colour), float(alpha))


def _gradient_paint(start, end, first, last, alpha=1.0):
    paint = skia.Paint(AntiAlias=True)
    paint.setShader(skia.GradientShader.MakeLinear([start, end], [_colour(first, alpha), _colour(last, alpha)]))
    return paint


def _ridge_path(points, bottom):
    """A mountain line closed at the bottom, its peaks sharp and its valleys soft."""
    path = skia.Path()
    path.moveTo(-20, bottom)
    path.lineTo(*points[0])
    for (px, py), (vx, vy) in zip(points[1::2], points[2::2], strict=False):
        path.lineTo(px, py)
        path.quadTo((px + vx) / 2, vy, vx, vy)
    path.lineTo(SIZE + 40, bottom)
    path.close()
    return path


def _curve_path(left, middle, right):
    """Everything below a gentle curve through three heights."""
    path = skia.Path()
    path.moveTo(-1, left)
    path.quadTo(SIZE / 2, 2 * middle - (left + right) / 2, SIZE + 1, right)
    path.lineTo(SIZE + 1, SIZE + 1)
    path.lineTo(-1, SIZE + 1)
    path.close()
    return path


# -- finish ---------------------------------------------------------------------------------------


def _finish(pixels, finish):
    if finish == "photo":
        return pixels.copy()
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    if finish == "sketch":
        return _pencil(grey)
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, 2)


def _pencil(grey):
    """Pencil lines along the edges over a light shading, on warm paper."""
    smooth = _blur(grey)
    dx = np.gradient(smooth, axis=1)
    dy = np.gradient(smooth, axis=0)
    line = np.clip(np.hypot(dx, dy) / 36.0, 0, 1)
    ink = (0.78 + 0.22 * grey / 255) * (1 - 0.72 * line)
    paper = np.array([250.0, 247.0, 240.0], np.float32)
    return np.rint(ink[..., None] * paper).astype(np.uint8)


def _blur(grey):
    padded = np.pad(grey, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
