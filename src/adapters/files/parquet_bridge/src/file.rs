//! A file: its columns, and its rows batch after batch.
use crate::column::{Column, ColumnValues, Format, Value, format_of, open_column, type_name_of};
use crate::error::{Res, damaged};
use crate::source::Source;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use std::ffi::CString;
use std::fs::File;

pub const BATCH_ROWS: usize = 1024;

pub struct ReadableColumn {
    pub name: CString,
    leaf: usize,
    format: Format,
}

pub struct UnreadableColumn {
    pub name: CString,
    pub type_name: CString,
}

pub struct ParquetFile {
    pub source: Source,
    reader: SerializedFileReader<Source>,
    pub columns: Vec<ReadableColumn>,
    pub unreadable: Vec<UnreadableColumn>,
    selected: Vec<usize>,
    next_group: usize,
    open: Vec<Box<dyn ColumnValues>>,
    rows_left: usize,
    shown: Vec<Column>,
}

impl ParquetFile {
    pub fn open(file: File) -> Res<ParquetFile> {
        let source = Source::new(file)?;
        let reader = SerializedFileReader::new(source.clone())?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let columns = schema.columns().iter().enumerate().filter_map(|(leaf, column)| {
            let name = CString::new(column.name()).ok()?;
            Some(ReadableColumn { name, leaf, format: format_of(column)? })
        });
        let mut unreadable = Vec::<UnreadableColumn>::new();
        for column in schema.columns().iter().filter(|column| format_of(column).is_none()) {
            let name = column.path().parts().first().map_or("", |part| part.as_str());
            let (Ok(name), Ok(type_name)) = (CString::new(name), CString::new(type_name_of(column)))
            else {
                continue;
            };
            if unreadable.last().is_none_or(|last| last.name != name) {
                unreadable.push(UnreadableColumn { name, type_name });
            }
        }
        Ok(ParquetFile {
            source,
            columns: columns.collect(),
            unreadable,
            reader,
            selected: Vec::new(),
            next_group: 0,
            open: Vec::new(),
            rows_left: 0,
            shown: Vec::new(),
        })
    }

    pub fn select(&mut self, columns: &[u32]) {
        self.selected = columns.iter().map(|column| *column as usize).collect();
    }

    /// False: there is none any more.
    fn open_next_group(&mut self) -> Res<bool> {
        self.open.clear();
        if self.next_group == self.reader.num_row_groups() {
            return Ok(false);
        }
        let group = self.reader.get_row_group(self.next_group)?;
        self.next_group += 1;
        self.rows_left = usize::try_from(group.metadata().num_rows())
            .map_err(|_| damaged("a row group has less than no rows"))?;
        let schema = group.metadata().schema_descr();
        for selected in &self.selected {
            let &ReadableColumn { leaf, format, .. } = &self.columns[*selected];
            let pages = group.get_column_page_reader(leaf)?;
            self.open.push(open_column(schema.column(leaf), format, pages));
        }
        Ok(true)
    }

    /// The columns of the selection and the number of rows, at most BATCH_ROWS; no row: the end.
    pub fn next(&mut self) -> Res<(&[Column], usize)> {
        self.shown.clear();
        while self.rows_left == 0 {
            if !self.open_next_group()? {
                return Ok((&self.shown, 0));
            }
        }
        let rows = self.rows_left.min(BATCH_ROWS);
        for column in &mut self.open {
            self.shown.push(column.read(rows)?);
        }
        self.rows_left -= rows;
        Ok((&self.shown, rows))
    }

    /// Of the batch that next() gave last, which has this column and row.
    pub fn text(&mut self, column: usize, row: usize) -> Res<Value> {
        self.open[column].text(row)
    }
}
