"""What a demo scene consists of: a few dozen numbers drawn from a seed.

A scene holds everything that is visible before an edit and nothing else, so that the edited picture
is a function of the unedited one and a small model can learn it.
"""

from dataclasses import dataclass, field

import numpy as np

SIZE = 128

WALLS = {
    "red": (0.72, 0.16, 0.14),
    "blue": (0.20, 0.38, 0.76),
    "green": (0.22, 0.56, 0.28),
    "yellow": (0.95, 0.80, 0.25),
    "white": (0.95, 0.94, 0.91),
    "purple": (0.50, 0.26, 0.66),
    "orange": (0.94, 0.52, 0.14),
    "pink": (0.95, 0.58, 0.70),
}
PLAIN_WALLS = [(0.88, 0.80, 0.66), (0.93, 0.88, 0.78), (0.75, 0.70, 0.64), (0.80, 0.64, 0.50), (0.70, 0.78, 0.82)]
ROOFS = [(0.62, 0.24, 0.18), (0.36, 0.30, 0.32), (0.48, 0.30, 0.20), (0.30, 0.36, 0.46)]
SKIES = [(0.28, 0.55, 0.90), (0.36, 0.62, 0.92), (0.24, 0.48, 0.82)]
MEADOWS = [(0.38, 0.62, 0.22), (0.46, 0.66, 0.26), (0.32, 0.56, 0.26)]
LEAVES = [(0.20, 0.47, 0.16), (0.28, 0.52, 0.18), (0.16, 0.40, 0.20)]


@dataclass(frozen=True)
class House:
    """A gabled house in two faces; `flip` puts the gable to the right."""

    x: float
    base: float
    width: float
    height: float
    wall: tuple
    roof: tuple
    flip: bool


@dataclass(frozen=True)
class Tree:
    """`kind` is "round" or "fir"; `x`, `base` is the foot of the trunk, `height` its size in pixels."""

    kind: str
    x: float
    base: float
    height: float
    leaf: tuple


@dataclass(frozen=True)
class Scene:
    """All coordinates are pixels of a picture of SIZE x SIZE, y downwards."""

    horizon: float
    sun: tuple
    sky: tuple
    meadow: tuple
    clouds: list = field(default_factory=list)
    ridges: list = field(default_factory=list)
    hill: tuple = (0.0, 0.0)
    lake: tuple | None = None
    house: House | None = None
    trees: list = field(default_factory=list)


def sample_scene(seed: int) -> Scene:
    """The scene of a seed; the same on every machine (PCG64)."""
    rng = np.random.default_rng(seed)
    horizon = rng.uniform(62, 72)
    house = _sample_house(rng, horizon)
    side = -1 if house.x + house.width / 2 > SIZE / 2 else 1
    return Scene(
        horizon=horizon,
        sun=(SIZE / 2 + side * rng.uniform(18, 46), rng.uniform(15, 30)),
        sky=_tint(rng, SKIES),
        meadow=_tint(rng, MEADOWS),
        clouds=_sample_clouds(rng),
        ridges=[_sample_ridge(rng, horizon, 20, 38, 4), _sample_ridge(rng, horizon, 9, 19, 6)],
        hill=(rng.uniform(-5, 5), rng.uniform(-4, 4)),
        lake=_sample_lake(rng, horizon, side) if rng.random() < 0.45 else None,
        house=house,
        trees=_sample_trees(rng, horizon, house),
    )


def _tint(rng, palette) -> tuple:
    """A colour of the palette, a little lighter or darker."""
    colour = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.93, 1.07)
    return tuple(np.clip(colour, 0, 1).tolist())


def _sample_house(rng, horizon) -> House:
    width, height = rng.uniform(42, 58), rng.uniform(17, 23)
    walls = PLAIN_WALLS if rng.random() < 0.6 else list(WALLS.values())
    return House(
        x=rng.uniform(14, SIZE - 14 - width),
        base=horizon + rng.uniform(22, 34),
        width=width,
        height=height,
        wall=_tint(rng, walls),
        roof=_tint(rng, ROOFS),
        flip=bool(rng.random() < 0.5),
    )


def _sample_clouds(rng) -> list:
    count = rng.integers(2, 4)
    lanes = rng.permutation(4)[:count]
    return [(16 + 32 * lane + rng.uniform(-9, 9), rng.uniform(12, 34), rng.uniform(8, 13)) for lane in lanes]


def _sample_ridge(rng, horizon, low, high, peaks) -> list:
    """Points of a mountain line from the left edge to the right: valley, peak, valley ..."""
    step = SIZE / peaks
    points = [(-step / 2, horizon - rng.uniform(0.2, 0.5) * high)]
    for index in range(peaks + 1):
        centre = index * step + rng.uniform(-0.25, 0.25) * step
        points.append((centre, horizon - rng.uniform(low, high)))
        points.append((centre + step / 2, horizon - rng.uniform(0.15, 0.5) * low))
    return points


def _sample_lake(rng, horizon, side) -> tuple:
    """Centre and radii of an ellipse of water on the side where the house is not."""
    return (SIZE / 2 + side * rng.uniform(34, 46), horizon + rng.uniform(9, 13), rng.uniform(34, 46), rng.uniform(5, 8))


def _sample_trees(rng, horizon, house) -> list:
    """Trees beside the house, far ones first; none stands in front of it."""
    trees = []
    for _ in range(40):
        base = horizon + rng.uniform(8, 46)
        height = (base - horizon) * 0.45 + rng.uniform(16, 24)
        x = rng.uniform(4, SIZE - 4)
        clear_of_house = x < house.x - height * 0.32 or x > house.x + house.width + height * 0.32
        apart = all(abs(x - tree.x) > 13 for tree in trees)
        if apart and (clear_of_house or base < house.base - 12):
            trees.append(Tree("fir" if rng.random() < 0.45 else "round", x, base, height, _tint(rng, LEAVES)))
        if len(trees) == 5:
            break
    return sorted(trees, key=lambda tree: tree.base)
