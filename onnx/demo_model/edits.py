"""The edits the demo model knows: what each changes and in which words it is asked for.

Every phrasing is a frame with a noun in it. A fifth of them is held out from training, another fifth
for each edit, so that the test asks for known words in unseen sentences.
"""

from dataclasses import dataclass, replace
from itertools import product

from drawing import Style
from scenes import WALLS

STATE_FRAMES = (
    "make it {}",
    "turn it into {}",
    "change it to {}",
    "let it be {}",
    "have it be {}",
    "it should be {}",
    "what if it were {}",
    "{}",
)
COLOUR_FRAMES = (
    "make the {} {}",
    "paint the {} {}",
    "turn the {} {}",
    "the {} should be {}",
    "change the {} to {}",
    "let the {} be {}",
)
CASTLE_FRAMES = (
    "turn the {} into {}",
    "replace the {} with {}",
    "make the {} {}",
    "change the {} to {}",
    "let the {} be {}",
    "the {} should be {}",
)
UNEDITED = Style()
HOUSES = ("house", "building", "home")
HELD_OUT_EVERY = 5


@dataclass(frozen=True)
class Edit:
    """One edit; `local` names what it redraws if it leaves the rest alone."""

    name: str
    changes: dict
    phrasings: tuple
    local: bool = False

    def style(self, before: Style = UNEDITED) -> Style:
        return replace(before, **self.changes)


def _state(*nouns):
    return tuple(frame.format(noun) for noun, frame in product(nouns, STATE_FRAMES))


def _act(frames, *choices):
    return tuple(frame.format(*words) for words in product(*choices) for frame in frames)


def _colour(name):
    """A wall colour, and the words for it."""
    phrasings = _act(COLOUR_FRAMES, HOUSES, (name,)) + (f"a {name} house", f"a {name} building", f"a {name} home")
    return Edit(f"{name} house", {"wall": name}, phrasings, local=True)


SINGLES = (
    Edit("winter", {"season": "winter"}, _state("winter", "a winter day", "snowy") + ("add snow", "cover it in snow")),
    Edit("autumn", {"season": "autumn"}, _state("autumn", "an autumn day", "fall")),
    Edit(
        "blossom",
        {"season": "blossom"},
        _state("spring", "a spring day", "cherry blossom season") + ("add blossoms to the trees",),
    ),
    Edit("night", {"light": "night"}, _state("night", "night time", "a dark night") + ("at night",)),
    Edit("sunset", {"light": "sunset"}, _state("sunset", "a sunset", "evening") + ("at sunset", "make it at sunset")),
    Edit("fog", {"weather": "fog"}, _state("foggy", "a foggy day", "misty") + ("add fog", "add mist")),
    Edit("rain", {"weather": "rain"}, _state("rainy", "a rainy day", "stormy") + ("add rain", "let it rain")),
    Edit(
        "desert", {"ground": "desert"}, _state("a desert", "the desert", "a sandy desert") + ("put it in the desert",)
    ),
    Edit(
        "lavender",
        {"ground": "lavender"},
        _act(
            ("make the {} {}", "turn the {} into {}", "change the {} to {}", "replace the {} with {}"),
            ("grass", "meadow", "ground"),
            ("lavender", "a lavender field"),
        ),
    ),
    Edit("castle", {"building": "castle"}, _act(CASTLE_FRAMES, HOUSES, ("a castle", "a stone castle")), local=True),
    Edit(
        "rainbow",
        {"rainbow": True},
        _act(
            (
                "add {}",
                "put {} in the sky",
                "draw {} in the sky",
                "add {} to the sky",
                "let there be {}",
                "show {} in the sky",
            ),
            ("a rainbow", "a bright rainbow"),
        ),
        local=True,
    ),
    Edit(
        "no clouds",
        {"clouds": False},
        _act(
            ("{} the clouds", "{} all clouds", "{} clouds from the sky", "{} the clouds in the sky"),
            ("remove", "delete", "take away", "erase"),
        ),
        local=True,
    ),
    Edit(
        "sketch",
        {"finish": "sketch"},
        _state("a pencil sketch", "a sketch", "a pencil drawing") + ("draw it in pencil",),
    ),
    Edit(
        "grey",
        {"finish": "grey"},
        _state("black and white", "a black and white photo", "greyscale") + ("remove the colours",),
    ),
) + tuple(_colour(name) for name in WALLS)

BY_NAME = {edit.name: edit for edit in SINGLES}

_SCENIC = [
    (a, b) for a in ("winter", "autumn", "blossom", "desert", "lavender") for b in ("night", "sunset", "fog", "rain")
]
_BUILT = [
    (a, b)
    for a in ("castle", "red house", "blue house", "yellow house")
    for b in ("winter", "autumn", "night", "sunset")
]
_SKY = [
    ("autumn", "rainbow"),
    ("desert", "rainbow"),
    ("castle", "rainbow"),
    ("castle", "fog"),
    ("castle", "desert"),
    ("castle", "sketch"),
    ("winter", "sketch"),
]
PAIRS = tuple((BY_NAME[a], BY_NAME[b]) for a, b in _SCENIC + _BUILT + _SKY)


@dataclass(frozen=True)
class Task:
    """What an instruction asks for: one edit or a pair of edits."""

    edits: tuple

    @property
    def name(self) -> str:
        return " + ".join(edit.name for edit in self.edits)

    @property
    def local(self) -> bool:
        return all(edit.local for edit in self.edits)

    @property
    def style(self) -> Style:
        style = Style()
        for edit in self.edits:
            style = edit.style(style)
        return style

    def phrasings(self, held_out: bool) -> list[str]:
        """The instructions for training, or those never trained on."""
        first = split_phrasings(self.edits[0], held_out)
        if len(self.edits) == 1:
            return first
        second = split_phrasings(self.edits[1], held_out)
        return [
            joint.format(a, b) for a, b in product(first, second) for joint in ("{} and {}", "{}, {}")
        ] + self._short_pairs(held_out)

    def _short_pairs(self, held_out):
        """Phrasings of pairs, such as "make it winter at night"; the last frame is held out."""
        times = {"night": "at night", "sunset": "at sunset"}
        names = {"winter": "winter", "autumn": "autumn", "blossom": "spring", "desert": "a desert"}
        season, time = names.get(self.edits[0].name), times.get(self.edits[1].name)
        if not (season and time):
            return []
        frames = STATE_FRAMES[-1:] if held_out else STATE_FRAMES[:-1]
        return [f"{frame.format(season)} {time}" for frame in frames]


TASKS = tuple(Task((edit,)) for edit in SINGLES) + tuple(Task(pair) for pair in PAIRS)


def split_phrasings(edit: Edit, held_out: bool) -> list[str]:
    """An edit's phrasings for training or those held out."""
    offset = 1 + SINGLES.index(edit) % (HELD_OUT_EVERY - 1)
    return [text for index, text in enumerate(edit.phrasings) if (index % HELD_OUT_EVERY == offset) == held_out]
