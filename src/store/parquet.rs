//! `cells.parquet`: the table of cells with typed columns, for notebooks.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::columns::{CellRow, Column, Kind, Value};

/// How many rows are in memory at a time.
const GROUP: usize = 1 << 14;

/// Writes rows with these columns; any value may be missing.
pub(super) fn write<'a>(
    out: impl Write + Send,
    columns: &[&Column],
    rows: impl Iterator<Item = CellRow<'a>>,
) -> io::Result<()> {
    write_groups(out, columns, rows).map_err(of_system)
}

/// The operating system's error, if that is what went wrong: a full disk has its own remedy.
fn of_system(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

fn write_groups<'a>(
    out: impl Write + Send,
    columns: &[&Column],
    mut rows: impl Iterator<Item = CellRow<'a>>,
) -> Result<(), ParquetError> {
    let fields = columns.iter().map(|column| field(column).map(Arc::new));
    let fields = fields.collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder("cells").with_fields(fields);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema.build()?), properties)?;
    loop {
        let group: Vec<CellRow> = rows.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        let mut written = writer.next_row_group()?;
        for column in columns {
            if let Some(mut out) = written.next_column()? {
                write_column(&mut out, column, &group)?;
                out.close()?;
            }
        }
        written.close()?;
    }
    writer.close().map(drop)
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Whole => (Physical::INT64, Some(LogicalType::integer(64, false))),
        Kind::Number { .. } => (Physical::DOUBLE, None),
        Kind::Truth => (Physical::BOOLEAN, None),
        Kind::Time => {
            let unit = TimeUnit::MICROS;
            (Physical::INT64, Some(LogicalType::timestamp(true, unit)))
        }
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write_column(
    out: &mut SerializedColumnWriter,
    column: &Column,
    rows: &[CellRow],
) -> Result<(), ParquetError> {
    let values = rows.iter().map(|row| column.value(row));
    match column.kind {
        Kind::Text => put::<ByteArrayType>(out, values.map(as_text)),
        Kind::Whole | Kind::Time => put::<Int64Type>(out, values.map(|value| as_whole(&value))),
        Kind::Number { .. } => put::<DoubleType>(out, values.map(|value| as_number(&value))),
        Kind::Truth => put::<BoolType>(out, values.map(|value| as_truth(&value))),
    }
}

/// Writes the values that are there and, for each row, whether it has one.
fn put<T: DataType>(
    out: &mut SerializedColumnWriter,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    let out = out.typed::<T>();
    out.write_batch(&there, Some(&levels), None).map(drop)
}

fn as_text(value: Value) -> Option<ByteArray> {
    match value {
        Value::Text(text) => Some(ByteArray::from(text.as_ref())),
        Value::Nothing | Value::Whole(_) | Value::Number(_) | Value::Truth(_) | Value::Time(_) => {
            None
        }
    }
}

/// Unsigned numbers keep their bits, as the format requires.
fn as_whole(value: &Value) -> Option<i64> {
    match value {
        Value::Whole(number) => Some(number.cast_signed()),
        Value::Time(time) => Some(time.as_microsecond()),
        Value::Nothing | Value::Text(_) | Value::Number(_) | Value::Truth(_) => None,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Nothing | Value::Text(_) | Value::Whole(_) | Value::Truth(_) | Value::Time(_) => {
            None
        }
    }
}

fn as_truth(value: &Value) -> Option<bool> {
    match value {
        Value::Truth(truth) => Some(*truth),
        Value::Nothing | Value::Text(_) | Value::Whole(_) | Value::Number(_) | Value::Time(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk without space.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_as_the_system_tells_it() {
        let columns = Column::all();
        let columns: Vec<&Column> = columns.iter().collect();
        let error = write(Full, &columns, std::iter::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }
}
