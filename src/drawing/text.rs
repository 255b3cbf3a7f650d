//! Breaks text into lines of a given width: words wrap, and text that is too long is shortened with an ellipsis.

use std::mem;

use super::font::Face;

/// Which part of a text that is too long is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shorten {
    /// The end, for sentences.
    End,
    /// The middle, for paths, which differ at their ends.
    Middle,
}

/// A text broken into lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The lines, at least one.
    pub lines: Vec<String>,
    /// Whether nothing was left out and no word was broken.
    pub whole: bool,
}

/// Where lines end, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breaks {
    BetweenWords,
    /// Names are taken apart at [`JOINTS`].
    AtJoints,
    InWords,
}

/// Font and size of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style<'f> {
    /// The face.
    pub face: Face<'f>,
    /// The em in pixels.
    pub em: f32,
}

impl Style<'_> {
    /// Width of a text in whole pixels.
    pub fn width(self, text: &str) -> u32 {
        self.face.width(text, self.em).ceil() as u32
    }

    /// Height of a line in whole pixels.
    pub fn line(self) -> u32 {
        (self.em * super::font::LINE).ceil() as u32
    }

    /// Wraps a text into at most `most` lines of `width` pixels.
    pub fn wrap(self, text: &str, width: u32, most: usize, shorten: Shorten) -> Wrapped {
        let most = most.max(1);
        let (lines, breaks) = self.fill(text, width, most);
        if lines.len() <= most {
            return Wrapped {
                lines,
                whole: breaks < Breaks::InWords,
            };
        }
        let characters: Vec<char> = text.chars().collect();
        // Find the longest text that fits, by bisection over the number of characters kept.
        let (mut fits, mut too_many) = (0, characters.len());
        while too_many - fits > 1 {
            let kept = usize::midpoint(fits, too_many);
            let fewer = shortened(&characters, kept, shorten);
            match self.fill(&fewer, width, most).0.len() <= most {
                true => fits = kept,
                false => too_many = kept,
            }
        }
        let fewer = shortened(&characters, fits, shorten);
        let mut lines = self.fill(&fewer, width, most).0;
        lines.truncate(most);
        Wrapped {
            lines,
            whole: false,
        }
    }

    /// As [`Self::wrap`], with lines of about the same length if nothing has to be left out: no last line of one word.
    pub fn wrap_evenly(self, text: &str, width: u32, most: usize, shorten: Shorten) -> Wrapped {
        let (mut lines, breaks) = self.fill(text, width, most);
        if lines.len() == 1 || lines.len() > most || breaks == Breaks::InWords {
            return self.wrap(text, width, most, shorten);
        }
        // The narrowest lines, as many as before and with no worse breaks, by bisection over their width.
        let (mut too_narrow, mut wide_enough) = (0, width);
        while wide_enough - too_narrow > 1 {
            let middle = u32::midpoint(too_narrow, wide_enough);
            let (narrower, their_breaks) = self.fill(text, middle, lines.len());
            if narrower.len() <= lines.len() && their_breaks <= breaks {
                (lines, wide_enough) = (narrower, middle);
            } else {
                too_narrow = middle;
            }
        }
        Wrapped { lines, whole: true }
    }

    /// Lines of at most `width` pixels, and the worst of the breaks between them. It ends with the line after
    /// the `most`th: that there are too many is known then, however long the text.
    fn fill(self, text: &str, width: u32, most: usize) -> (Vec<String>, Breaks) {
        let fits = |text: &str| self.width(text.trim_end()) <= width;
        let (mut lines, mut line) = (Vec::new(), String::new());
        let mut breaks = Breaks::BetweenWords;
        for word in words(text) {
            if lines.len() > most {
                break;
            }
            let longer = format!("{line}{word}");
            if fits(&longer) {
                line = longer;
                continue;
            }
            // Names joined by marks are split only if they are too long for a line of their own.
            let pieces: Vec<&str> = match fits(word) {
                true => vec![word],
                false => word.split_inclusive(JOINTS).collect(),
            };
            for (index, piece) in pieces.into_iter().enumerate() {
                if !line.is_empty() && !fits(&format!("{line}{piece}")) {
                    // Before its first piece no word is taken apart.
                    breaks = breaks.max(match index {
                        0 => Breaks::BetweenWords,
                        _ => Breaks::AtJoints,
                    });
                    lines.push(mem::take(&mut line));
                }
                if fits(&format!("{line}{piece}")) {
                    line.push_str(piece);
                } else {
                    breaks = Breaks::InWords;
                    line = self.break_word(piece, width, most, &mut lines);
                }
            }
        }
        lines.push(line);
        for line in &mut lines {
            line.truncate(line.trim_end().len());
        }
        (lines, breaks)
    }

    /// Fills lines with a word that is too long for one line; returns what is left for the next line.
    fn break_word(self, word: &str, width: u32, most: usize, lines: &mut Vec<String>) -> String {
        let mut line = String::new();
        for character in word.chars() {
            if lines.len() > most {
                break;
            }
            line.push(character);
            let overfull = !character.is_whitespace() && self.width(&line) > width;
            if overfull && line.chars().count() > 1 && !self.face.is_attached(character) {
                line.pop();
                lines.push(mem::replace(&mut line, character.to_string()));
            }
        }
        line
    }
}

fn shortened(characters: &[char], kept: usize, shorten: Shorten) -> String {
    let (head, tail) = match shorten {
        Shorten::End => (kept, 0),
        Shorten::Middle => (kept / 3, kept - kept / 3),
    };
    let head: String = characters[..head].iter().collect();
    let tail: String = characters[characters.len() - tail..].iter().collect();
    format!("{}…{}", head.trim_end(), tail.trim_start())
}

/// The characters that join parts of names and paths.
const JOINTS: [char; 4] = ['_', '/', '-', '\\'];

/// Words between which a line may end: where Unicode allows it (UAX #14), which is between most characters of Chinese and
/// Japanese. Korean has blanks between its words, so that these stay whole.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = unicode_linebreak::linebreaks(text).map(|(end, _)| end);
    let ends = ends.filter(|&end| {
        let is_korean = |character: Option<char>| matches!(character, Some('가'..='힣'));
        !(is_korean(text[..end].chars().next_back()) && is_korean(text[end..].chars().next()))
    });
    ends.map(move |end| {
        let word = &text[start..end];
        start = end;
        word
    })
}

/// The most characters of a file name made from a text.
const SLUG_LENGTH: usize = 48;

/// Lower-case ASCII letters and digits joined by hyphens.
pub fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        let separator = if slug.is_empty() { "" } else { "-" };
        if slug.len() + separator.len() + word.len() > SLUG_LENGTH {
            break;
        }
        slug.push_str(separator);
        slug.push_str(word);
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style<'static> = Style {
        face: Face::REGULAR,
        em: 12.0,
    };

    fn assert_fits(text: &str, width: u32, most: usize, shorten: Shorten) -> Wrapped {
        let wrapped = STYLE.wrap(text, width, most, shorten);
        assert!((1..=most).contains(&wrapped.lines.len()), "{wrapped:?}");
        for line in &wrapped.lines {
            let single = line.chars().count() <= 1;
            assert!(single || STYLE.width(line) <= width, "{line:?} in {width}");
        }
        wrapped
    }

    #[test]
    fn lines_are_about_as_long_as_each_other() {
        let text = "冬の夜にして、屋根に雪を積もらせる";
        let width = STYLE.width(text) * 9 / 10;
        let full = assert_fits(text, width, 3, Shorten::End);
        let even = STYLE.wrap_evenly(text, width, 3, Shorten::End);
        assert!(even.whole);
        assert_eq!((full.lines.len(), even.lines.len()), (2, 2));
        assert_eq!(even.lines.concat(), text);
        let lengths: Vec<usize> = even.lines.iter().map(|line| line.chars().count()).collect();
        assert!(lengths[0].abs_diff(lengths[1]) <= 2, "{even:?}");
        let words = STYLE.wrap_evenly(
            "make the house a castle",
            STYLE.width("make the house a"),
            3,
            Shorten::End,
        );
        assert_eq!(words.lines, ["make the", "house a castle"]);
        // Names are not taken apart for it.
        let name = "seed 2, image_guidance_scale 1.5";
        let width = STYLE.width("seed 2, image_guidance_scale");
        let named = STYLE.wrap_evenly(name, width, 3, Shorten::End);
        assert_eq!(named.lines, ["seed 2,", "image_guidance_scale 1.5"]);
        let one = STYLE.wrap_evenly("7.5", 64, 3, Shorten::End);
        assert_eq!(one.lines, ["7.5"]);
    }

    #[test]
    fn korean_words_stay_whole_where_a_line_has_room_for_them() {
        let text = "집을 겨울 풍경으로 바꾸고";
        let wrapped = assert_fits(text, STYLE.width("집을 겨울 풍경"), 4, Shorten::End);
        assert_eq!(wrapped.lines, ["집을 겨울", "풍경으로", "바꾸고"]);
        assert!(wrapped.whole);
    }

    #[test]
    fn short_text_is_one_whole_line() {
        let wrapped = assert_fits("7.5", 64, 4, Shorten::End);
        assert_eq!(wrapped.lines, ["7.5"]);
        assert!(wrapped.whole);
    }

    #[test]
    fn words_wrap_and_nothing_is_lost() {
        let wrapped = assert_fits("make it a cold winter night", 80, 4, Shorten::End);
        assert!(wrapped.whole);
        assert_eq!(wrapped.lines.join(" "), "make it a cold winter night");
    }

    #[test]
    fn chinese_and_japanese_wrap_between_characters_but_not_before_a_stop() {
        assert_eq!(
            Vec::from_iter(words("把房子变、成 a")),
            ["把", "房", "子", "变、", "成 ", "a"]
        );
    }

    #[test]
    fn names_break_after_their_joints_where_no_line_holds_them() {
        let wrapped = assert_fits("image_guidance_scale", 64, 4, Shorten::End);
        assert!(wrapped.whole);
        assert_eq!(wrapped.lines.concat(), "image_guidance_scale");
        let width = STYLE.width("image_guidance_scale");
        let wrapped = assert_fits("at image_guidance_scale", width, 4, Shorten::End);
        assert_eq!(wrapped.lines, ["at", "image_guidance_scale"]);
    }

    #[test]
    fn too_long_text_ends_in_an_ellipsis_and_paths_keep_their_ends() {
        let long = "a long instruction that goes on ".repeat(10);
        let wrapped = assert_fits(&long, 64, 3, Shorten::End);
        assert!(
            !wrapped.whole && wrapped.lines[2].ends_with('…'),
            "{wrapped:?}"
        );
        let path = "photos/holidays/2024/".repeat(5) + "beach_17.jpg";
        let wrapped = assert_fits(&path, 120, 1, Shorten::Middle);
        assert!(
            wrapped.lines[0].contains('…') && wrapped.lines[0].ends_with("17.jpg"),
            "{wrapped:?}"
        );
    }

    #[test]
    fn file_names_made_from_text_are_plain() {
        assert_eq!(slug("Make it WINTER, please!"), "make-it-winter-please");
        assert_eq!(slug("../../etc/passwd\0"), "etc-passwd");
        assert_eq!(slug("冬にする"), "");
        assert!(slug(&"word ".repeat(100)).len() <= SLUG_LENGTH);
    }

    #[test]
    fn a_very_long_text_is_looked_at_as_far_as_it_has_room() {
        let long = "m".repeat(100_000);
        let (lines, _) = STYLE.fill(&long, 100, 3);
        assert_eq!(lines.len(), 5);
        assert_fits(&long[..20_000], 100, 3, Shorten::Middle);
    }

    #[test]
    fn hostile_text_never_panics_and_stays_inside() {
        let zalgo = "e\u{301}\u{302}\u{303}".repeat(50);
        for text in [
            "",
            " ",
            "…",
            &"W".repeat(500),
            &"□".repeat(300),
            &zalgo,
            "a  b   c",
            "____",
        ] {
            for width in [0, 1, 9, 64, 700] {
                for most in [1, 3] {
                    for shorten in [Shorten::End, Shorten::Middle] {
                        let wrapped = STYLE.wrap(text, width, most, shorten);
                        assert!(
                            (1..=most).contains(&wrapped.lines.len()),
                            "{text:?} {width} {most}"
                        );
                    }
                }
            }
        }
    }
}
