//! Many paged reads at once; their raw pages wait in a bounded queue.
use crate::error::{
    CError, E_ARGUMENT, E_PROTOCOL, END, Error, OK, PAGE, Res, err, guard, panic_error,
};
use crate::request::{Counters, RequestOptions, Statement};
use crate::routing::{RangePolicy, token_ranges};
use crate::session::{Session, text};
use crate::value::{Cell, OwnedRow};
use futures::FutureExt;
use scylla::deserialize::row::ColumnIterator;
use scylla::response::PagingState;
use scylla::response::query_result::QueryRowsResult;
use scylla::routing::Token;
use scylla::statement::prepared::PreparedStatement;
use std::collections::VecDeque;
use std::ffi::c_char;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{ptr, slice};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

/// Where a range's requests go; none for requests whose partition key is bound.
struct RangeRouting {
    keyspace: Arc<str>,
    table: Arc<str>,
    ends: Vec<i64>,
}

struct Plan {
    driver: Arc<scylla::client::session::Session>,
    counters: Arc<Counters>,
    statement: PreparedStatement,
    options: RequestOptions,
    requests: Vec<OwnedRow>,
    routing: Option<RangeRouting>,
    next: AtomicUsize,
    /// In order: a request that nobody has taken all pages of holds one of these, so that no more wait in memory
    /// than a few requests' queues hold, however long one of them takes.
    ahead: Arc<Semaphore>,
}

type Item = (usize, Box<QueryRowsResult>);
type Sender = mpsc::Sender<Res<Item>>;
type Receiver = mpsc::Receiver<Res<Item>>;

/// Where the requests' pages go.
enum Outputs {
    /// As they come.
    Shared(Sender),
    /// Request by request: each has a queue of its own, until it was sent.
    InOrder(Vec<Mutex<Option<Sender>>>),
}

impl Outputs {
    fn new(in_order: bool, requests: usize, queue_pages: usize) -> (Self, VecDeque<Receiver>) {
        if !in_order {
            let (sender, receiver) = mpsc::channel(queue_pages);
            return (Outputs::Shared(sender), VecDeque::from([receiver]));
        }
        let queues = (0..requests).map(|_| mpsc::channel(queue_pages));
        let (senders, receivers): (Vec<_>, VecDeque<_>) = queues.unzip();
        let senders = senders.into_iter().map(|sender| Mutex::new(Some(sender)));
        (Outputs::InOrder(senders.collect()), receivers)
    }

    /// Asked for once for each request.
    fn of(&self, request: usize) -> Option<Sender> {
        match self {
            Outputs::Shared(sender) => Some(sender.clone()),
            Outputs::InOrder(senders) => {
                senders[request].lock().unwrap_or_else(PoisonError::into_inner).take()
            }
        }
    }
}

pub struct Read {
    runtime: Handle,
    state: Mutex<ReadState>,
    cancel: watch::Sender<bool>,
}

struct ReadState {
    /// The first one until it is closed, then the next.
    pages: VecDeque<Receiver>,
    failed: Option<Error>,
    ahead: Arc<Semaphore>,
}

impl Plan {
    fn statement_of(&self, request: usize) -> PreparedStatement {
        let mut statement = self.statement.clone();
        if let Some(routing) = &self.routing {
            let profile = self.driver.get_default_execution_profile_handle().to_profile();
            statement.set_load_balancing_policy(Some(Arc::new(RangePolicy {
                token: Token::new(routing.ends[request]),
                keyspace: routing.keyspace.clone(),
                table: routing.table.clone(),
                spread: request,
                inner: profile.get_load_balancing_policy().clone(),
            })));
        }
        statement
    }

    /// Takes request after request until there is none left, one fails or nobody takes the pages.
    async fn work(&self, outputs: &Outputs) {
        loop {
            // Before a number is taken: what is taken is read, from the front on.
            let Ok(place) = self.ahead.acquire().await else { return };
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(values) = self.requests.get(request) else { return };
            let Some(pages) = outputs.of(request) else { return };
            if let Outputs::InOrder(_) = outputs {
                place.forget(); // whoever takes the pages gives it back
            }
            let read = AssertUnwindSafe(self.read(request, values, &pages)).catch_unwind().await;
            if let Err(error) = read.unwrap_or_else(|panic| Err(panic_error(panic))) {
                // Nobody listens any more when this fails.
                let _ = pages.send(Err(error)).await;
                return;
            }
            if pages.is_closed() {
                return;
            }
        }
    }

    async fn read(&self, request: usize, values: &OwnedRow, pages: &Sender) -> Res<()> {
        let statement = self.statement_of(request);
        let mut state = PagingState::start();
        loop {
            // A page is a read with a known position: it may be asked for again without doubles.
            let (page, next) = self
                .options
                .retrying(&self.counters, || async {
                    let page = self.driver.execute_single_page(&statement, values, state.clone());
                    page.await.map_err(Error::from)
                })
                .await?;
            let rows = page.into_rows_result().or_else(|e| err(E_PROTOCOL, e))?;
            if rows.rows_num() > 0 {
                self.counters.rows.fetch_add(rows.rows_num() as u64, Ordering::Relaxed);
                self.counters.bytes.fetch_add(rows.rows_bytes_size() as u64, Ordering::Relaxed);
                if pages.send(Ok((request, Box::new(rows)))).await.is_err() {
                    return Ok(());
                }
            }
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(()),
                ControlFlow::Continue(next) => state = next,
            }
        }
    }
}

fn places_ahead(options: &RequestOptions) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(2 * options.parallel.max(1) as usize))
}

fn start(session: &Session, plan: Plan) -> *mut Read {
    let options = &plan.options;
    let queue_pages = options.queue_pages.max(1) as usize;
    let (outputs, pages) = Outputs::new(options.in_order != 0, plan.requests.len(), queue_pages);
    let (cancel, cancelled) = watch::channel(false);
    let workers = (options.parallel.max(1) as usize).min(plan.requests.len());
    let work = Arc::new((plan, outputs));
    for _ in 0..workers {
        let (work, mut cancelled) = (work.clone(), cancelled.clone());
        session.runtime.spawn(async move {
            let (plan, outputs) = &*work;
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|value| *value) => {}
                _ = plan.work(outputs) => {}
            }
        });
    }
    let ahead = work.0.ahead.clone();
    let state = Mutex::new(ReadState { pages, failed: None, ahead });
    Box::into_raw(Box::new(Read { runtime: session.runtime.handle().clone(), state, cancel }))
}

impl ReadState {
    async fn next(&mut self) -> Option<Res<Item>> {
        while let Some(pages) = self.pages.front_mut() {
            let page = pages.recv().await;
            if page.is_some() {
                return page;
            }
            self.pages.pop_front();
            self.ahead.add_permits(1);
        }
        None
    }
}

impl Read {
    /// Nothing: every request was answered completely.
    fn take(&self) -> Res<Option<Item>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let taken = self.runtime.block_on(state.next()).transpose();
        if let Err(error) = &taken {
            state.failed = Some(error.clone());
            self.cancel.send_replace(true);
        }
        taken
    }
}

/// The serialized rows of a page; empty when they have no cell that is not null.
fn raw_rows(page: &QueryRowsResult) -> Res<Option<&[u8]>> {
    for row in page.rows::<ColumnIterator>().or_else(|e| err(E_PROTOCOL, e))? {
        for cell in row.or_else(|e| err(E_PROTOCOL, e))? {
            if let Some(slice) = cell.or_else(|e| err(E_PROTOCOL, e))?.slice {
                let bytes = slice.as_original_frame_bytes();
                if bytes.len() != page.rows_bytes_size() {
                    return err(E_PROTOCOL, "the driver's frame is not the rows");
                }
                return Ok(Some(bytes));
            }
        }
    }
    Ok(None)
}

unsafe fn cells<'a>(cells: *const Cell, count: usize) -> &'a [Cell] {
    if count == 0 { &[] } else { unsafe { slice::from_raw_parts(cells, count) } }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_read_start(
    session: *mut Session,
    statement: *const Statement,
    values: *const Cell,
    width: u32,
    requests: u32,
    options: *const RequestOptions,
    out: *mut *mut Read,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let (session, options, width) = (&*session, *options, width as usize);
        let all = cells(values, width * requests as usize);
        let rows = (0..requests as usize)
            .map(|i| OwnedRow::copy(&[], &all[i * width..(i + 1) * width]))
            .collect();
        *out = start(
            session,
            Plan {
                driver: session.driver.clone(),
                counters: session.counters.clone(),
                statement: (*statement).with(&options, width)?,
                options,
                requests: rows,
                routing: None,
                next: AtomicUsize::new(0),
                ahead: places_ahead(&options),
            },
        );
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_scan_start(
    session: *mut Session,
    statement: *const Statement,
    keyspace: *const c_char,
    table: *const c_char,
    begin: i64,
    end: i64,
    ranges: u32,
    values: *const Cell,
    width: u32,
    options: *const RequestOptions,
    out: *mut *mut Read,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let (session, options, width) = (&*session, *options, width as usize);
        let (Some(keyspace), Some(table)) = (text(keyspace)?, text(table)?) else {
            return err(E_ARGUMENT, "keyspace and table are needed");
        };
        if begin >= end {
            return err(E_ARGUMENT, format!("no token lies in ({begin}, {end}]"));
        }
        let ranges = token_ranges(&session.driver.get_cluster_state(), begin, end, ranges);
        let trailing = cells(values, width);
        let mut statement = (*statement).with(&options, width + 2)?;
        statement.set_execution_profile_handle(Some(session.patient.clone()));
        let rows = ranges
            .iter()
            .map(|(begin, end)| {
                OwnedRow::copy(&[&begin.to_be_bytes(), &end.to_be_bytes()], trailing)
            })
            .collect();
        *out = start(
            session,
            Plan {
                driver: session.driver.clone(),
                counters: session.counters.clone(),
                statement,
                options,
                requests: rows,
                routing: Some(RangeRouting {
                    keyspace: keyspace.into(),
                    table: table.into(),
                    ends: ranges.iter().map(|(_, end)| *end).collect(),
                }),
                next: AtomicUsize::new(0),
                ahead: places_ahead(&options),
            },
        );
        Ok(OK)
    })
}

#[repr(C)]
pub struct Page {
    rows: *const u8,
    size: usize,
    row_count: u32,
    request: u32,
    owner: *mut QueryRowsResult,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_read_next(
    read: *mut Read,
    out: *mut Page,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let Some((request, page)) = (*read).take()? else {
            return Ok(END);
        };
        let row_count = page.rows_num() as u32;
        let (rows, size) = match raw_rows(&page)? {
            Some(bytes) => (bytes.as_ptr(), bytes.len()),
            None => (ptr::null(), 0),
        };
        // The bytes live on the heap, kept by the page.
        let owner = Box::into_raw(page);
        out.write(Page { rows, size, row_count, request: request as u32, owner });
        Ok(PAGE)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_page_free(page: *mut Page) {
    if let Some(page) = unsafe { page.as_mut() }
        && !page.owner.is_null()
    {
        drop(unsafe { Box::from_raw(page.owner) });
        page.owner = ptr::null_mut();
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_read_close(read: *mut Read) {
    if !read.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let read = unsafe { Box::from_raw(read) };
            read.cancel.send_replace(true);
        }));
    }
}
