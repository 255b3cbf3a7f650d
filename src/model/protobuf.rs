//! Reads protobuf's [wire format](https://protobuf.dev/programming-guides/encoding/) field by field from a stream:
//! enough to walk messages of gigabytes without holding them in memory. Garbage gives errors.

use std::io::{BufReader, Read, Seek};

/// The longest text, in bytes, that is accepted.
const LONGEST_TEXT: u64 = 4096;

/// A result whose error says what was found.
pub(super) type Wire<T> = Result<T, String>;

/// The content of a field, after its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// An integer of any type.
    Number(u64),
    /// The length in bytes of a message, text or packed list that follows.
    Bytes(u64),
    /// The size, 4 or 8 bytes, of a number that follows.
    Fixed(u64),
}

/// A stream of fields.
pub(super) struct Stream<R> {
    reader: BufReader<R>,
    position: u64,
}

impl<R: Read + Seek> Stream<R> {
    pub fn new(reader: BufReader<R>) -> Self {
        Self {
            reader,
            position: 0,
        }
    }

    /// Number of bytes read or skipped.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next field of a message that ends at `end`; `None` at the end.
    pub fn field(&mut self, end: u64) -> Wire<Option<(u64, Field)>> {
        if self.position >= end {
            return Ok(None);
        }
        let key = self.number(end)?;
        let field = match key & 7 {
            0 => Field::Number(self.number(end)?),
            1 => Field::Fixed(8),
            2 => Field::Bytes(self.number(end)?),
            5 => Field::Fixed(4),
            wire => return Err(self.at(&format!("unknown wire type {wire}"))),
        };
        if let Field::Bytes(length) | Field::Fixed(length) = field {
            self.fits(length, end)?;
        }
        Ok(Some((key >> 3, field)))
    }

    /// Skips the content of a field.
    pub fn pass(&mut self, field: Field) -> Wire<()> {
        let (Field::Bytes(length) | Field::Fixed(length)) = field else {
            return Ok(());
        };
        let distance = i64::try_from(length).map_err(|error| error.to_string())?;
        self.reader
            .seek_relative(distance)
            .map_err(|error| error.to_string())?;
        self.position += length;
        Ok(())
    }

    /// A variable-length integer.
    pub fn number(&mut self, end: u64) -> Wire<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            self.fits(1, end)?;
            let mut byte = [0];
            self.read(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.at("a number too long"))
    }

    /// The text in a field of `length` bytes.
    pub fn text(&mut self, length: u64) -> Wire<String> {
        if length > LONGEST_TEXT {
            return Err(self.at(&format!("a name of {length} bytes")));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        self.read(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn read(&mut self, bytes: &mut [u8]) -> Wire<()> {
        self.reader
            .read_exact(bytes)
            .map_err(|error| error.to_string())?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn fits(&self, length: u64, end: u64) -> Wire<()> {
        if length > end.saturating_sub(self.position) {
            return Err(self.at("it breaks off"));
        }
        Ok(())
    }

    fn at(&self, problem: &str) -> String {
        format!("{problem} at byte {}", self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn stream(bytes: &[u8]) -> Stream<Cursor<Vec<u8>>> {
        Stream::new(BufReader::new(Cursor::new(bytes.to_vec())))
    }

    #[test]
    fn fields_of_each_kind_are_told_apart() {
        // Field 1: 150; field 2: "ab"; field 3: four bytes. As in protobuf's own documentation.
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'a', b'b', 0x1d, 1, 2, 3, 4];
        let end = bytes.len() as u64;
        let mut stream = stream(&bytes);
        assert_eq!(stream.field(end), Ok(Some((1, Field::Number(150)))));
        assert_eq!(stream.field(end), Ok(Some((2, Field::Bytes(2)))));
        assert_eq!(stream.text(2), Ok("ab".to_owned()));
        assert_eq!(stream.field(end), Ok(Some((3, Field::Fixed(4)))));
        stream.pass(Field::Fixed(4)).unwrap();
        assert_eq!(stream.field(end), Ok(None));
    }

    #[test]
    fn lengths_beyond_the_message_and_endless_numbers_are_errors() {
        assert!(stream(&[0x12, 100]).field(2).is_err());
        assert!(stream(&[0xff; 20]).field(20).is_err());
        let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(stream(&huge).field(10).is_err());
    }
}
