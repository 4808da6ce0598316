//! Many writes at once, single or as unlogged batches.
use crate::error::{CError, E_ARGUMENT, Error, OK, Res, err, guard};
use crate::request::{RequestOptions, Statement};
use crate::session::Session;
use crate::value::{BorrowedRow, Cell};
use futures::stream::{self, StreamExt, TryStreamExt};
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use std::slice;

struct Writer<'a> {
    session: &'a Session,
    statement: PreparedStatement,
    options: RequestOptions,
}

impl Writer<'_> {
    async fn write(&self, rows: Vec<BorrowedRow<'_>>) -> Res<()> {
        if let [row] = rows[..] {
            let write = || async {
                let done = self.session.driver.execute_unpaged(&self.statement, row).await;
                done.map(|_| ()).map_err(Error::from)
            };
            return self.options.retrying(&self.session.counters, write).await;
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_consistency(self.options.consistency()?);
        batch.set_is_idempotent(true);
        for _ in &rows {
            batch.append_statement(self.statement.clone());
        }
        let write = || async {
            let done = self.session.driver.batch(&batch, &rows[..]).await;
            done.map(|_| ()).map_err(Error::from)
        };
        self.options.retrying(&self.session.counters, write).await
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_write(
    session: *mut Session,
    statement: *const Statement,
    cells: *const Cell,
    width: u32,
    group_rows: *const u32,
    groups: u32,
    options: *const RequestOptions,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let (session, options, width) = (&*session, *options, width as usize);
        if groups == 0 {
            return Ok(OK);
        }
        let sizes = slice::from_raw_parts(group_rows, groups as usize);
        if width == 0 || sizes.contains(&0) {
            return err(E_ARGUMENT, "an empty row or group");
        }
        let rows: usize = sizes.iter().map(|size| *size as usize).sum();
        let mut rest = slice::from_raw_parts(cells, rows * width);
        let writer = Writer { session, statement: (*statement).with(&options, width)?, options };
        let pieces: Vec<Vec<BorrowedRow>> = sizes
            .iter()
            .map(|size| {
                let (group, tail) = rest.split_at(*size as usize * width);
                rest = tail;
                group.chunks(width).map(BorrowedRow).collect()
            })
            .collect();
        let parallel = options.parallel.max(1) as usize;
        session.runtime.block_on(
            stream::iter(pieces)
                .map(|piece| writer.write(piece))
                .buffer_unordered(parallel)
                .try_collect::<()>(),
        )?;
        Ok(OK)
    })
}
