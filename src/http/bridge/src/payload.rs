//! Bodies of answers.
use crate::crowd::Member;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

pub enum Content {
    Whole(Option<Bytes>),
    /// Ends at the next event after that time.
    Stream { events: Receiver<Bytes>, until: Instant, on_end: Box<dyn Fn()> },
}

pub struct Payload {
    content: Content,
    member: Rc<Member>,
}

impl Payload {
    pub fn new(content: Content, member: Rc<Member>) -> Self {
        Payload { content, member }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.member.body_ended();
        if let Content::Stream { on_end, .. } = &self.content {
            on_end();
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = match &mut self.content {
            Content::Whole(body) => body.take(),
            Content::Stream { events, until, .. } => {
                let event = ready!(events.poll_recv(cx));
                event.filter(|_| Instant::now() < *until)
            }
        };
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(body) if body.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Content::Stream { .. } => SizeHint::default(),
        }
    }
}
