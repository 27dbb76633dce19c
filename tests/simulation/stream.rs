//! One stream between two processes: an ordered wire each way, two machines, and what each still has to do.

use std::collections::VecDeque;

use folkmoot_journal::directory::PeerStatus;
use folkmoot_journal::exchange::{Answer, Effect, Event, Exchange};
use folkmoot_proto::federation::v1;

pub(crate) type ProcessId = u32;
pub(crate) type StreamId = u32;

/// What an end can do next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// Carry out the next effect.
    Effect,
    /// Hand the machine the next answer of the store.
    Answer,
    /// Hand it the next message.
    Message,
    /// Hand it what another stream or the operator brought about.
    Event,
    /// Tell it that the store changed.
    Wake,
    /// Tell it how the directory lists the peer.
    Relist,
    /// See that the stream is closed.
    End,
}

/// One end of a stream, as the process that runs it sees it.
pub(crate) struct End {
    pub(crate) process: ProcessId,
    pub(crate) peer_node: usize,
    pub(crate) machine: Exchange,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) inbox: VecDeque<v1::ExchangeMessage>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) wake: bool,
    pub(crate) relist: bool,
    /// The other side is gone, and this side notices once the inbox is empty.
    pub(crate) ended: bool,
    /// The machine knows the peer's name, and how it was last told that the directory lists it.
    pub(crate) named: bool,
    pub(crate) status: PeerStatus,
    pub(crate) connected: bool,
    pub(crate) comparing: u32,
    pub(crate) settled: u32,
}

impl End {
    /// What it can do. Effects come first, in order; what the machine is handed next is up to chance, as threads and
    /// sockets would have it.
    pub(crate) fn moves(&self) -> Vec<Move> {
        if !self.effects.is_empty() {
            return vec![Move::Effect];
        }
        let mut moves = Vec::new();
        if !self.answers.is_empty() {
            moves.push(Move::Answer);
        }
        if !self.inbox.is_empty() {
            moves.push(Move::Message);
        }
        if !self.events.is_empty() {
            moves.push(Move::Event);
        }
        if self.wake {
            moves.push(Move::Wake);
        }
        if self.relist {
            moves.push(Move::Relist);
        }
        if moves.is_empty() && self.ended {
            moves.push(Move::End);
        }
        moves
    }
}

/// Side 0 dialled, side 1 accepted.
pub(crate) struct Stream {
    pub(crate) ends: [Option<End>; 2],
    /// Broken: what is sent is lost.
    pub(crate) cut: bool,
    /// A frame of earlier times came again, so that a receiver may find a gap before it.
    pub(crate) replayed: bool,
}
