//! The directories of a TIFF file, as which the Exif data of other formats are stored, too.

/// The content of a TIFF file or of Exif data.
pub(super) struct Directories<'b> {
    bytes: &'b [u8],
    is_little: bool,
    /// BigTIFF uses longer numbers.
    is_big: bool,
}

impl<'b> Directories<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        let is_little = bytes.starts_with(b"II");
        let mut read = Self {
            bytes,
            is_little,
            is_big: false,
        };
        read.is_big = read.number(2, 2) == Some(43);
        read
    }

    /// Where the first directory is.
    pub fn first(&self) -> Option<u64> {
        self.number(if self.is_big { 8 } else { 4 }, self.offset_length())
    }

    /// Where the directory after this one is; 0 if there is none.
    pub fn after(&self, directory: u64) -> Option<u64> {
        let entries = self.entries(directory)?;
        let end = self
            .start(directory)?
            .checked_add(entries.checked_mul(self.entry_length())?)?;
        self.number(end, self.offset_length())
    }

    /// The number in an entry: its value, or where it is.
    pub fn number_of(&self, directory: u64, tag: u64) -> Option<u64> {
        self.number(self.field(directory, tag)?, self.offset_length())
    }

    /// The bytes of an entry whose value is short enough to be in it.
    pub fn bytes_of(&self, directory: u64, tag: u64) -> Option<&'b [u8]> {
        self.get(self.field(directory, tag)?, self.offset_length())
    }

    /// Where the value of an entry, or its offset, is.
    fn field(&self, directory: u64, tag: u64) -> Option<u64> {
        let start = self.start(directory)?;
        for entry in 0..self.entries(directory)? {
            let at = start.checked_add(entry.checked_mul(self.entry_length())?)?;
            if self.number(at, 2)? == tag {
                return at.checked_add(self.entry_length() - self.offset_length());
            }
        }
        None
    }

    fn entries(&self, directory: u64) -> Option<u64> {
        self.number(directory, self.count_length())
    }

    fn start(&self, directory: u64) -> Option<u64> {
        directory.checked_add(self.count_length())
    }

    fn count_length(&self) -> u64 {
        if self.is_big { 8 } else { 2 }
    }

    fn offset_length(&self) -> u64 {
        if self.is_big { 8 } else { 4 }
    }

    fn entry_length(&self) -> u64 {
        if self.is_big { 20 } else { 12 }
    }

    fn number(&self, at: u64, length: u64) -> Option<u64> {
        let digit = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        let bytes = self.get(at, length)?;
        Some(match self.is_little {
            true => bytes.iter().rev().fold(0, digit),
            false => bytes.iter().fold(0, digit),
        })
    }

    fn get(&self, at: u64, length: u64) -> Option<&'b [u8]> {
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(at..end)
    }
}
