//! Who is connected, what each waits for, and who makes room when there are too many.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::task::Waker;
use tokio::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// No byte of a request is there, or the connection is about to end.
    Idle,
    Head,
    Working,
    Writing,
    Streaming,
}

/// Whose connections are counted together: an address, a /64 of IPv6.
pub fn peer_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let s = address.segments();
            Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0).into()
        }
        address => address,
    }
}

pub struct Member {
    pub address: IpAddr,
    peer: IpAddr,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// Since when the client has taken nothing of what is to be written.
    blocked: Cell<Option<Instant>>,
    body_done: Cell<bool>,
    is_evicted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Member {
    fn new(address: IpAddr) -> Self {
        Member {
            address: address.to_canonical(),
            peer: peer_key(address),
            phase: Cell::new(Phase::Idle),
            since: Cell::new(Instant::now()),
            blocked: Cell::new(None),
            body_done: Cell::new(false),
            is_evicted: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub fn since(&self) -> Instant {
        self.since.get()
    }

    pub fn blocked(&self) -> Option<Instant> {
        self.blocked.get()
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
        self.body_done.set(false);
    }

    pub fn bytes_came(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    pub fn write_went_on(&self, went_on: bool) {
        if went_on {
            self.blocked.set(None);
        } else if self.blocked.get().is_none() {
            self.blocked.set(Some(Instant::now()));
        }
    }

    pub fn body_ended(&self) {
        self.body_done.set(true);
    }

    /// Everything that was to be written is written. True: an answer's end was.
    pub fn flushed(&self) -> bool {
        let answered = self.body_done.get() && matches!(self.phase(), Phase::Writing | Phase::Streaming);
        if answered {
            self.enter(Phase::Idle);
        }
        answered
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.phase(), Phase::Idle | Phase::Head)
    }

    pub fn is_evicted(&self) -> bool {
        self.is_evicted.get()
    }

    pub fn remember(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

pub struct Crowd {
    max: usize,
    max_of_peer: usize,
    next: u64,
    members: HashMap<u64, Rc<Member>>,
    pub evicted: u64,
}

impl Crowd {
    pub fn new(max: usize, max_of_peer: usize) -> Self {
        Crowd { max, max_of_peer, next: 0, members: HashMap::new(), evicted: 0 }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn leave(&mut self, number: u64) {
        self.members.remove(&number);
    }

    pub fn wake_all(&self) {
        self.members.values().for_each(|member| member.wake());
    }

    /// Lets a connection in, for whom others make room where there are too many. Nothing: every
    /// one that could make room is being answered.
    pub fn admit(&mut self, address: IpAddr) -> Option<(u64, Rc<Member>)> {
        let member = Rc::new(Member::new(address));
        while self.count(member.peer) >= self.max_of_peer {
            self.evict_one(Some(member.peer)).then_some(())?;
        }
        while self.members.len() >= self.max {
            self.make_room().then_some(())?;
        }
        self.next += 1;
        self.members.insert(self.next, member.clone());
        Some((self.next, member))
    }

    /// Ends one connection of the busiest peer; of another when none of his can end.
    pub fn make_room(&mut self) -> bool {
        let mut counts = HashMap::new();
        self.members.values().for_each(|member| *counts.entry(member.peer).or_insert(0) += 1);
        let busiest = counts.into_iter().max_by_key(|(_, count)| *count).map(|(peer, _)| peer);
        self.evict_one(busiest) || self.evict_one(None)
    }

    fn count(&self, peer: IpAddr) -> usize {
        self.members.values().filter(|member| member.peer == peer).count()
    }

    /// The one that has waited the longest for a request; if there is none, the one that has taken
    /// the longest for its answer.
    fn evict_one(&mut self, peer: Option<IpAddr>) -> bool {
        let of_peer = self.members.iter().filter(|(_, m)| peer.is_none_or(|peer| m.peer == peer));
        let can_end = of_peer.filter(|(_, m)| m.is_waiting() || m.phase() == Phase::Writing);
        let victim = can_end.min_by_key(|(number, m)| (!m.is_waiting(), m.since(), **number));
        let Some(number) = victim.map(|(number, _)| *number) else {
            return false;
        };
        if let Some(member) = self.members.remove(&number) {
            member.is_evicted.set(true);
            member.wake();
        }
        self.evicted += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn admit(crowd: &mut Crowd, from: &str) -> Rc<Member> {
        crowd.admit(address(from)).expect("room").1
    }

    #[test]
    fn a_peer_is_an_address_or_a_prefix() {
        assert_eq!(peer_key(address("::ffff:10.0.0.1")), address("10.0.0.1"));
        assert_eq!(peer_key(address("2001:db8::1")), peer_key(address("2001:db8::2")));
        assert_ne!(peer_key(address("2001:db8:0:1::1")), peer_key(address("2001:db8::1")));
    }

    #[test]
    fn the_oldest_waiting_of_a_peer_makes_room_for_his_next() {
        let mut crowd = Crowd::new(10, 2);
        let first = admit(&mut crowd, "10.0.0.1");
        let second = admit(&mut crowd, "10.0.0.1");
        let other = admit(&mut crowd, "10.0.0.2");
        admit(&mut crowd, "10.0.0.1");
        assert!(first.is_evicted() && !second.is_evicted() && !other.is_evicted());
        assert_eq!((crowd.len(), crowd.evicted), (3, 1));
    }

    #[test]
    fn the_busiest_peer_makes_room_for_everybody() {
        let mut crowd = Crowd::new(3, 3);
        let innocent = admit(&mut crowd, "10.0.0.2");
        let first = admit(&mut crowd, "10.0.0.1");
        admit(&mut crowd, "10.0.0.1");
        admit(&mut crowd, "10.0.0.3");
        assert!(first.is_evicted() && !innocent.is_evicted());
    }

    #[test]
    fn who_is_answered_stays_and_slow_readers_go_last() {
        let mut crowd = Crowd::new(3, 3);
        let working = admit(&mut crowd, "10.0.0.1");
        let writing = admit(&mut crowd, "10.0.0.1");
        let idle = admit(&mut crowd, "10.0.0.1");
        working.enter(Phase::Working);
        writing.enter(Phase::Writing);
        admit(&mut crowd, "10.0.0.1").enter(Phase::Streaming);
        assert!(idle.is_evicted() && !writing.is_evicted());
        admit(&mut crowd, "10.0.0.1").enter(Phase::Working);
        assert!(writing.is_evicted() && !working.is_evicted());
        assert!(crowd.admit(address("10.0.0.1")).is_none());
    }

    #[test]
    fn an_answer_ends_when_its_body_is_written() {
        let member = Member::new(address("10.0.0.1"));
        member.bytes_came();
        assert_eq!(member.phase(), Phase::Head);
        member.enter(Phase::Writing);
        assert!(!member.flushed());
        member.body_ended();
        assert!(member.flushed() && member.phase() == Phase::Idle && !member.flushed());
    }
}
