//! The listening socket, the thread that serves it, and what its connections share.
use crate::connection::serve;
use crate::crowd::Crowd;
use crate::handler::Handlers;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, sleep};

const BACKLOG: i32 = 512;
/// After which a peer that acknowledges nothing is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const STOP_LOOK: Duration = Duration::from_millis(10);

pub struct Config {
    pub host: String,
    pub port: u16,
    pub connections: usize,
    pub connections_peer: usize,
    pub head_fields: usize,
    pub head_bytes: usize,
    pub head: Duration,
    pub idle: Duration,
    pub write: Duration,
    pub stream: Duration,
    pub workers: usize,
    pub queue: usize,
    pub queue_wait: Duration,
    pub answer_bytes: usize,
    pub delay: Duration,
    pub grace: Duration,
}

#[derive(Default)]
pub struct Counters {
    pub answers: [AtomicU64; 6],
    pub accepted: AtomicU64,
    pub evicted: AtomicU64,
    pub timed_out: AtomicU64,
    pub connections: AtomicU64,
    pub streams: AtomicU64,
}

impl Counters {
    pub fn answered(&self, status: u16) {
        self.answers[usize::from(status / 100).min(5)].fetch_add(1, Relaxed);
    }

    pub fn timed_out(&self) {
        self.timed_out.fetch_add(1, Relaxed);
    }

    pub fn stream_began(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    pub fn stream_ended(&self) {
        self.streams.fetch_sub(1, Relaxed);
    }
}

/// Of the thread that serves.
pub struct Shared {
    pub config: Config,
    pub handlers: Handlers,
    pub counters: Arc<Counters>,
    pub workers: Arc<Semaphore>,
    pub reserved: Arc<Semaphore>,
    pub streams: RefCell<Vec<mpsc::Sender<Bytes>>>,
    pub answer_bytes: Cell<usize>,
    pub is_stopping: Cell<bool>,
    waiting: Cell<usize>,
    crowd: RefCell<Crowd>,
}

/// One of those who wait for a worker.
pub struct QueuePlace<'a>(&'a Cell<usize>);

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Shared {
    fn new(config: Config, handlers: Handlers, counters: Arc<Counters>) -> Self {
        Shared {
            workers: Arc::new(Semaphore::new(config.workers)),
            reserved: Arc::new(Semaphore::new(1)),
            crowd: RefCell::new(Crowd::new(config.connections, config.connections_peer)),
            config,
            handlers,
            counters,
            streams: RefCell::default(),
            answer_bytes: Cell::new(0),
            is_stopping: Cell::new(false),
            waiting: Cell::new(0),
        }
    }

    pub fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.max_headers(self.config.head_fields)
            .max_header_size(self.config.head_bytes)
            .max_buf_size(2 * self.config.head_bytes)
            .header_read_timeout(None);
        http
    }

    pub fn queue_place(&self) -> Option<QueuePlace<'_>> {
        if self.waiting.get() >= self.config.queue {
            return None;
        }
        self.waiting.set(self.waiting.get() + 1);
        Some(QueuePlace(&self.waiting))
    }

    fn count(&self) {
        let crowd = self.crowd.borrow();
        self.counters.connections.store(crowd.len() as u64, Relaxed);
        self.counters.evicted.store(crowd.evicted, Relaxed);
    }

    fn publish(&self, event: Bytes) {
        self.streams.borrow_mut().retain(|stream| stream.try_send(event.clone()).is_ok());
    }
}

fn let_in(shared: &Rc<Shared>, stream: TcpStream, address: SocketAddr) {
    shared.counters.accepted.fetch_add(1, Relaxed);
    let admitted = shared.crowd.borrow_mut().admit(address.ip());
    shared.count();
    let Some((number, member)) = admitted else {
        return;
    };
    let options = SockRef::from(&stream);
    let _ = options.set_tcp_nodelay(true);
    let _ = options.set_tcp_user_timeout(Some(USER_TIMEOUT));
    let shared = shared.clone();
    tokio::task::spawn_local(async move {
        serve(shared.clone(), stream, member).await;
        shared.crowd.borrow_mut().leave(number);
        shared.count();
    });
}

async fn run(
    shared: Rc<Shared>,
    listener: tokio::net::TcpListener,
    mut events: mpsc::UnboundedReceiver<Bytes>,
    stop: Arc<Notify>,
) {
    loop {
        tokio::select! {
            _ = stop.notified() => break,
            Some(event) = events.recv() => shared.publish(event),
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => let_in(&shared, stream, address),
                // Whoever waits for the next makes room for it; out of files, nothing else would.
                Err(_) => {
                    if !shared.crowd.borrow_mut().make_room() {
                        sleep(ACCEPT_PAUSE).await;
                    }
                    tokio::task::yield_now().await;
                }
            },
        }
    }
    drop(listener);
    shared.is_stopping.set(true);
    shared.streams.borrow_mut().clear();
    shared.crowd.borrow().wake_all();
    let until = Instant::now() + shared.config.grace;
    while shared.crowd.borrow().len() > 0 && Instant::now() < until {
        sleep(STOP_LOOK).await;
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What the limit of open files leaves to connections, when half is kept for everything else.
fn room_for_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(usize::MAX, |soft| (soft / 2).max(8))
}

/// What serve() takes.
struct Listening {
    config: Config,
    listener: TcpListener,
    runtime: Runtime,
    events: mpsc::UnboundedReceiver<Bytes>,
}

pub struct Server {
    pub port: u16,
    pub counters: Arc<Counters>,
    events: mpsc::UnboundedSender<Bytes>,
    stop: Arc<Notify>,
    listening: Option<Listening>,
    /// Nothing once it has ended. Locked, for workers look at the counters while it is waited for.
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Server {
    pub fn listen(mut config: Config) -> io::Result<Self> {
        config.connections = config.connections.min(room_for_connections());
        config.connections_peer = config.connections_peer.min(config.connections);
        let listener = listen(&config.host, config.port)?;
        let port = listener.local_addr()?.port();
        let (sender, events) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(config.workers + 1)
            .build()?;
        Ok(Server {
            port,
            counters: Arc::default(),
            events: sender,
            stop: Arc::default(),
            listening: Some(Listening { config, listener, runtime, events }),
            thread: Mutex::default(),
        })
    }

    /// Once.
    pub fn serve(&mut self, handlers: Handlers) -> io::Result<()> {
        let Listening { config, listener, runtime, events } =
            self.listening.take().ok_or(io::ErrorKind::AlreadyExists)?;
        let (counters, stop) = (self.counters.clone(), self.stop.clone());
        let thread = thread::Builder::new().name("http".into()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            let shared = Rc::new(Shared::new(config, handlers, counters));
            local.block_on(&runtime, async move {
                let listener = tokio::net::TcpListener::from_std(listener);
                if let Ok(listener) = listener {
                    run(shared, listener, events, stop).await;
                }
            });
            // Connections first: they tell handlers of their streams' end. Then the workers.
            drop(local);
            drop(runtime);
        })?;
        self.thread = Mutex::new(Some(thread));
        Ok(())
    }

    pub fn publish(&self, event: Bytes) {
        let _ = self.events.send(event);
    }

    pub fn stop(&self) {
        self.stop.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
