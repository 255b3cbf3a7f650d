//! The markers of a JPEG (ITU-T T.81, annex B): how many components the picture has, and whether it is complete.
//!
//! JPEG decoders silently fill missing parts with grey. Data after the end of the picture (such as the film of a motion
//! photo) does not belong to it, and a missing end marker alone does not make a picture incomplete.

/// What the markers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Markers {
    /// Number of components: three for colour, one for grey, four for CMYK.
    pub components: usize,
    pub end: End,
}

/// How the picture's data ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an end marker.
    Marked,
    /// Without an end marker, but with a last scan for every part of the picture; the data ends at or before this
    /// offset. Only the data itself shows whether that scan is complete: see [`with_more`].
    Unmarked(usize),
    /// Before all scans of the picture, or without any.
    Cut,
}

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Number of coefficients in a block.
const COEFFICIENTS: usize = 64;

pub(super) fn markers(bytes: &[u8]) -> Markers {
    let mut picture = Picture::default();
    let mut at = 2;
    let end = loop {
        let Some((marker, after)) = next_marker(bytes, at) else {
            break picture.unmarked(bytes.len());
        };
        match marker {
            END => break End::Marked,
            // Another picture begins, as in the trailers that cameras write.
            START if picture.data_end.is_some() => break picture.unmarked(bytes.len()),
            START | 0x01 | 0xd0..=0xd7 => at = after,
            _ => {
                let Some(segment) = segment(bytes, after) else {
                    break picture.unmarked(bytes.len());
                };
                at = after + 2 + segment.len();
                if is_frame(marker) {
                    picture.begin(segment);
                } else if marker == SCAN {
                    picture.scan(segment);
                    at = data_end(bytes, at);
                    picture.data_end = Some(at);
                }
            }
        }
    };
    Markers {
        components: picture.components.len(),
        end,
    }
}

/// The data up to an offset followed by more data and an end marker, twice with different data. If a decoder makes the
/// same picture from both, it had everything it needed before the offset.
pub(super) fn with_more(bytes: &[u8], data_end: usize) -> [Vec<u8>; 2] {
    // The first byte of an unfinished marker is not data.
    let filled = |data: &[u8]| data.iter().rev().take_while(|&&byte| byte == 0xff).count();
    let data = &bytes[..data_end];
    let data = &data[..data.len() - filled(data)];
    // Longer than the code of any block, and without bytes that begin a marker.
    [0x00, 0xb6].map(|more| [data, &[more; 4096], &[0xff, END]].concat())
}

/// The next marker from an offset on, and the offset after it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        at += bytes[at..].iter().take_while(|&&byte| byte == 0xff).count();
        match *bytes.get(at)? {
            0x00 => {}
            marker => return Some((marker, at + 1)),
        }
    }
}

/// The content of a segment, without its length.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    bytes.get(at + 2..at + usize::from(length))
}

/// The end of a scan's data: at a marker other than a restart marker, or at the end of the file.
fn data_end(bytes: &[u8], at: usize) -> usize {
    let data = bytes.get(at..).unwrap_or_default();
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    data.windows(2)
        .position(ends)
        .map_or(bytes.len(), |found| at + found)
}

/// Whether a marker starts a frame, of whatever coding process.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// Which parts of the picture have been seen.
#[derive(Default)]
struct Picture {
    /// For each component: its identifier, and how many low bits of each coefficient are still missing.
    components: Vec<(u8, [u8; COEFFICIENTS])>,
    data_end: Option<usize>,
}

impl Picture {
    fn begin(&mut self, frame: &[u8]) {
        let count = frame.get(5).copied().unwrap_or_default();
        let components = frame.get(6..).unwrap_or_default().chunks(3);
        self.components = components
            .take(count.into())
            .map(|component| (component[0], [u8::MAX; COEFFICIENTS]))
            .collect();
    }

    fn scan(&mut self, header: &[u8]) {
        let count = usize::from(header.first().copied().unwrap_or_default());
        let Some(&[first, last, bits]) = header.get(1 + 2 * count..1 + 2 * count + 3) else {
            return;
        };
        let named = || {
            header[1..]
                .chunks(2)
                .take(count)
                .map(|component| component[0])
        };
        for (name, missing) in &mut self.components {
            if named().any(|scanned| scanned == *name) {
                let (first, last) = (usize::from(first), usize::from(last));
                let scanned = missing.iter_mut().take(last + 1).skip(first);
                scanned.for_each(|missing| *missing = bits & 0x0f);
            }
        }
    }

    fn unmarked(&self, length: usize) -> End {
        let whole = |(_, missing): &(u8, [u8; COEFFICIENTS])| missing.iter().all(|&bits| bits == 0);
        match self.data_end {
            Some(end) if self.components.iter().all(whole) => End::Unmarked(end.min(length)),
            _ => End::Cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of components 1 and 2, and scans of (component, first and last coefficient, missing bits).
    fn jpeg(scans: &[(u8, u8, u8, u8)]) -> Vec<u8> {
        let mut bytes = vec![0xff, START, 0xff, 0xe0, 0, 4, 0xff, END];
        bytes.extend([0xff, 0xc2, 0, 14, 8, 0, 8, 0, 8, 2, 1, 0x11, 0, 2, 0x11, 0]);
        for &(component, first, last, bits) in scans {
            bytes.extend([0xff, SCAN, 0, 8, 1, component, 0, first, last, bits]);
            bytes.extend([1, 2, 0xff, 0x00, 0xff, 0xd0, 3]);
        }
        bytes
    }

    #[test]
    fn an_end_mark_counts_where_a_marker_stands_and_nowhere_else() {
        let whole = [(1, 0, 63, 0), (2, 0, 63, 0)];
        let mut bytes = jpeg(&whole);
        let end = |bytes: &[u8]| markers(bytes).end;
        assert_eq!(end(&bytes), End::Unmarked(bytes.len()));
        bytes.extend([0xff, END]);
        assert_eq!(end(&bytes), End::Marked);
        bytes.extend(b"film \xff\xda\x00");
        assert_eq!(
            markers(&bytes),
            Markers {
                components: 2,
                end: End::Marked
            }
        );
        // The first bytes contain an end marker inside a segment.
        assert_eq!(end(&bytes[..8]), End::Cut);
    }

    #[test]
    fn a_picture_of_which_a_scan_is_to_come_is_cut() {
        let end = |scans: &[(u8, u8, u8, u8)]| markers(&jpeg(scans)).end;
        let first = [(1, 0, 0, 1), (2, 0, 63, 0), (1, 1, 63, 0)];
        assert_eq!(end(&first), End::Cut);
        let all = [&first[..], &[(1, 0, 0, 0x10)]].concat();
        assert!(matches!(end(&all), End::Unmarked(_)));
        assert_eq!(end(&[]), End::Cut);
    }

    #[test]
    fn the_picture_in_a_trailer_does_not_end_the_first() {
        let whole = [(1, 0, 63, 0), (2, 0, 63, 0)];
        let mut bytes = jpeg(&whole);
        let length = bytes.len();
        bytes.extend([0xff, START, 0xff, END]);
        assert_eq!(markers(&bytes).end, End::Unmarked(length));
    }

    #[test]
    fn no_bytes_panic() {
        let whole = jpeg(&[(1, 0, 63, 0), (2, 9, 255, 0)]);
        for length in 0..whole.len() {
            markers(&whole[..length]);
            for byte in [0x00, 0xff, 0xda, 0xc0] {
                let mut changed = whole.clone();
                changed[length] = byte;
                markers(&changed);
            }
        }
    }
}
