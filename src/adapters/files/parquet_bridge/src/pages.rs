//! Pages whose numbers of values their bytes can hold: the `parquet` crate makes room for a
//! dictionary as its header says.
use parquet::basic::Type;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

pub struct CheckedPages {
    pages: Box<dyn PageReader>,
    value_bytes_min: usize,
}

impl CheckedPages {
    pub fn new(pages: Box<dyn PageReader>, column: &ColumnDescPtr) -> CheckedPages {
        let value_bytes_min = match column.physical_type() {
            Type::BOOLEAN => 0,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).unwrap_or(0),
        };
        CheckedPages { pages, value_bytes_min }
    }

    fn check(&self, page: &Page) -> Result<()> {
        let Page::DictionaryPage { buf, num_values, .. } = page else {
            return Ok(());
        };
        let fits = *num_values as usize <= buf.len() / self.value_bytes_min.max(1);
        if fits {
            return Ok(());
        }
        Err(ParquetError::General(format!(
            "a dictionary of {num_values} values in {} bytes",
            buf.len()
        )))
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
