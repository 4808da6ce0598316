//! One connection, from its first byte to its end: hyper under deadlines.
use crate::crowd::{Member, Phase};
use crate::handler::{Asked, DELAYED, RESERVED, STREAM, WORK};
use crate::head::refusal;
use crate::payload::{Content, Payload};
use crate::reply::Reply;
use crate::server::Shared;
use crate::wire::Wire;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const EVENTS_MAX: usize = 16;
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024;
const FAR: Duration = Duration::from_secs(86_400);
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Bytes of answers that are not yet taken: of this connection, counted in the sum of all.
struct Taken {
    shared: Rc<Shared>,
    bytes: Cell<usize>,
}

impl Taken {
    fn give_back(&self) {
        let sum = &self.shared.answer_bytes;
        sum.set(sum.get() - self.bytes.take());
    }

    /// False: there are too many of them.
    fn take(&self, bytes: usize) -> bool {
        let sum = self.shared.answer_bytes.get() + bytes;
        if bytes > 0 && sum > self.shared.config.answer_bytes {
            return false;
        }
        self.shared.answer_bytes.set(sum);
        self.bytes.set(self.bytes.get() + bytes);
        true
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[derive(PartialEq)]
enum End {
    Closed,
    Late,
    Cut,
}

pub async fn serve(shared: Rc<Shared>, stream: TcpStream, member: Rc<Member>) {
    let taken = Rc::new(Taken { shared: shared.clone(), bytes: Cell::new(0) });
    let given = taken.clone();
    let wire = Wire::new(stream, member.clone(), Box::new(move || given.give_back()));
    let mut io = TokioIo::new(wire);
    let end = {
        let answer = |request| answer(shared.clone(), member.clone(), taken.clone(), request);
        let http = shared.http().serve_connection(&mut io, service_fn(answer));
        attend(&shared, &member, http).await
    };
    let mut stream = io.into_inner().stream;
    if end == End::Late {
        shared.counters.timed_out();
        if member.phase() == Phase::Head {
            shared.counters.answered(408);
            let _ = stream.try_write(TOO_SLOW);
        }
    }
    if end != End::Cut && member.is_waiting() {
        member.enter(Phase::Idle);
        let _ = unless_evicted(&member, timeout(LINGER, linger(&mut stream))).await;
    }
}

/// Until the connection ends by itself, is too slow, or has to make room.
async fn attend(
    shared: &Shared,
    member: &Member,
    http: impl Future<Output = hyper::Result<()>>,
) -> End {
    let mut http = pin!(http);
    let mut alarm = pin!(sleep_until(Instant::now() + FAR));
    poll_fn(|cx| {
        member.remember(cx.waker());
        if let Poll::Ready(ended) = http.as_mut().poll(cx) {
            if let Err(error) = ended
                && error.is_parse()
            {
                shared.counters.answered(if error.is_parse_too_large() { 431 } else { 400 });
            }
            return Poll::Ready(End::Closed);
        }
        if member.is_evicted() || shared.is_stopping.get() && member.is_waiting() {
            return Poll::Ready(End::Cut);
        }
        let deadline = deadline(shared, member);
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx).map(|_| End::Late)
    })
    .await
}

fn deadline(shared: &Shared, member: &Member) -> Instant {
    let config = &shared.config;
    match member.phase() {
        Phase::Idle => member.since() + config.idle,
        Phase::Head => member.since() + config.head,
        _ => match member.blocked() {
            Some(since) => since + config.write,
            None => member.since() + FAR,
        },
    }
}

async fn unless_evicted<T>(member: &Member, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        member.remember(cx.waker());
        if member.is_evicted() { Poll::Ready(None) } else { work.as_mut().poll(cx).map(Some) }
    })
    .await
}

/// A socket that is closed with bytes unread takes the answer back from its reader.
async fn linger(stream: &mut TcpStream) {
    let mut left = LINGER_BYTES;
    let mut part = [0; 4096];
    if stream.shutdown().await.is_err() {
        return;
    }
    while left > 0 {
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => left = left.saturating_sub(count),
            _ => return,
        }
    }
}

async fn answer(
    shared: Rc<Shared>,
    member: Rc<Member>,
    taken: Rc<Taken>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Infallible> {
    member.enter(Phase::Working);
    let (mut reply, events) = decide(&shared, &member, &request).await;
    if events.is_none() && !taken.take(reply.body.len()) {
        reply = shared.handlers.refuse(503);
        reply.close();
    }
    if shared.is_stopping.get() {
        reply.close();
    }
    shared.counters.answered(reply.status);
    member.enter(if events.is_some() { Phase::Streaming } else { Phase::Writing });
    let content = match events {
        None => Content::Whole(Some(reply.body)),
        Some(events) => {
            let until = Instant::now() + shared.config.stream;
            shared.counters.stream_began();
            let ended = shared.clone();
            let on_end = Box::new(move || {
                ended.counters.stream_ended();
                ended.handlers.stream_ended();
            });
            Content::Stream { events, until, on_end }
        }
    };
    let mut response = Response::new(Payload::new(content, member));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = reply.fields;
    Ok(response)
}

/// The answer, and for a stream what follows it.
async fn decide(
    shared: &Rc<Shared>,
    member: &Member,
    request: &Request<Incoming>,
) -> (Reply, Option<mpsc::Receiver<hyper::body::Bytes>>) {
    let refused =
        refusal(request.method(), request.uri(), request.version(), request.headers());
    if let Some(status) = refused {
        let mut reply = shared.handlers.refuse(status);
        reply.close();
        return (reply, None);
    }
    let asked = Asked::new(request, member.address);
    let (code, reply) = shared.handlers.route(&asked);
    match code {
        WORK => (work(shared, &shared.workers, asked).await, None),
        RESERVED => (work(shared, &shared.reserved, asked).await, None),
        DELAYED => {
            member.enter(Phase::Idle); // so that it makes room first
            sleep(shared.config.delay).await;
            (reply, None)
        }
        STREAM => {
            let (sender, events) = mpsc::channel(EVENTS_MAX);
            if !reply.body.is_empty() {
                let _ = sender.try_send(reply.body.clone());
            }
            shared.streams.borrow_mut().push(sender);
            (reply, Some(events))
        }
        _ => (reply, None),
    }
}

async fn work(shared: &Shared, workers: &Arc<Semaphore>, asked: Asked) -> Reply {
    let Some(place) = shared.queue_place() else {
        return shared.handlers.refuse(503);
    };
    let worker = timeout(shared.config.queue_wait, workers.clone().acquire_owned()).await;
    let Ok(Ok(worker)) = worker else {
        return shared.handlers.refuse(503);
    };
    drop(place);
    let handlers = shared.handlers;
    let done = tokio::task::spawn_blocking(move || {
        let handlers = handlers;
        let mut reply = handlers.work(&asked);
        if asked.accepts_gzip {
            reply.compress();
        }
        drop(worker);
        reply
    });
    match done.await {
        Ok(reply) => reply,
        Err(_) => shared.handlers.refuse(500),
    }
}
