//! Documents kept in memory, as many as a budget allows.
//!
//! Invariant: what is kept is a copy of what is stored, and counts only where its heads are the stored ones. So a transaction
//! that is taken back leaves nothing to be undone here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use folkmoot_campaign::{Campaign, View};
use folkmoot_journal::CampaignId;

use super::limits::Room;

/// About how many bytes a loaded document takes for each that it has on the disk, measured with automerge 0.12.
const LOADED: usize = 11;
/// How many bytes documents may take together, so that a hub with a thousand campaigns rests small.
const BUDGET: usize = 8 << 20;

/// A document, and what need not be counted again at each change.
pub(crate) struct Document {
    pub(super) campaign: Campaign,
    /// How many bytes it has on the disk.
    pub(super) stored_bytes: usize,
    pub(super) room: Room,
    /// How many bytes of changes may come before a checkpoint can be due.
    pub(super) bytes_to_checkpoint: u64,
    /// By the place of a checkpoint that cannot be compared yet, a change that it has and the document does not.
    pub(super) lacks: BTreeMap<i64, [u8; 32]>,
    /// What it said when it was counted last what the campaign has achieved.
    pub(super) counted: Option<Arc<View>>,
}

/// The documents that are kept.
#[derive(Default)]
pub(crate) struct Documents(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    documents: BTreeMap<CampaignId, (u64, Document)>,
    bytes: usize,
    /// Counts uses, so that the least recent is known.
    turn: u64,
}

impl Documents {
    /// Takes a document out, where it is the one with these heads.
    pub(super) fn take(&self, id: CampaignId, heads: &[[u8; 32]]) -> Option<Document> {
        let mut kept = self.lock();
        let (_, document) = kept.documents.remove(&id)?;
        kept.bytes -= document.loaded_bytes();
        let sorted = |heads: &[[u8; 32]]| heads.iter().copied().collect::<BTreeSet<_>>();
        (sorted(&document.campaign.heads()) == sorted(heads)).then_some(document)
    }

    /// Keeps a document, and lets go of those that were not used for longest where they are too many.
    pub(super) fn keep(&self, id: CampaignId, document: Document) {
        // Dropped once others may have the lock: a document is many small parts.
        let mut gone = Vec::new();
        let mut kept = self.lock();
        kept.turn += 1;
        kept.bytes += document.loaded_bytes();
        let turn = kept.turn;
        gone.extend(kept.documents.insert(id, (turn, document)));
        while kept.bytes - gone.iter().map(|(_, document)| document.loaded_bytes()).sum::<usize>() > BUDGET {
            let oldest = kept.documents.iter().min_by_key(|(_, (turn, _))| *turn).map(|(id, _)| *id);
            let Some(oldest) = oldest.and_then(|id| kept.documents.remove(&id)) else { break };
            gone.push(oldest);
        }
        kept.bytes -= gone.iter().map(|(_, document)| document.loaded_bytes()).sum::<usize>();
    }

    /// Does something with a document where it is kept, perhaps in a state that a transaction has taken back.
    pub(super) fn with<T>(&self, id: CampaignId, act: impl FnOnce(&mut Document) -> T) -> Option<T> {
        self.lock().documents.get_mut(&id).map(|(_, document)| act(document))
    }

    /// Lets go of a document.
    pub(super) fn forget(&self, id: CampaignId) {
        let mut kept = self.lock();
        if let Some((_, gone)) = kept.documents.remove(&id) {
            kept.bytes -= gone.loaded_bytes();
        }
    }

    #[cfg(test)]
    pub(super) fn forget_all(&self) {
        *self.lock() = Kept::default();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing in between leaves half a change behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Document {
    pub(super) fn new(campaign: Campaign, stored_bytes: usize) -> Self {
        Self {
            campaign,
            stored_bytes,
            room: Room::default(),
            bytes_to_checkpoint: 0,
            lacks: BTreeMap::new(),
            counted: None,
        }
    }

    fn loaded_bytes(&self) -> usize {
        self.stored_bytes.saturating_mul(LOADED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(stored_bytes: usize) -> Document {
        Document::new(Campaign::blank(), stored_bytes)
    }

    #[test]
    fn a_document_is_taken_where_it_is_the_stored_one_and_the_least_used_go_first() {
        let documents = Documents::default();
        let heads = Campaign::blank().heads();
        let id = |number| CampaignId([number; 32]);
        documents.keep(id(1), document(100));
        assert!(documents.take(id(1), &[[9; 32]]).is_none(), "of another state");
        assert!(documents.take(id(1), &heads).is_none(), "and gone then");
        let third = BUDGET / LOADED / 3;
        (1..=3).for_each(|number| documents.keep(id(number), document(third)));
        let first = documents.take(id(1), &heads).expect("within the budget");
        documents.keep(id(1), first);
        documents.keep(id(4), document(third));
        let held: Vec<u8> = (1..=4).filter(|number| documents.take(id(*number), &heads).is_some()).collect();
        assert_eq!(held, [1, 3, 4]);
        documents.keep(id(5), document(BUDGET));
        assert!(documents.take(id(5), &heads).is_none(), "too large to be kept at all");
        assert_eq!(documents.lock().bytes, 0);
    }
}
