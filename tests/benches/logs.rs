//! Entries written into a hub's own logs while nobody serves its folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use folkmoot_journal::{
    Author, CampaignId, Incarnation, LogKey, MembershipRecord, PayloadKind, Topic, campaign_id, encode_membership,
};
use folkmoot_store::{JournalStore, Store};
use folkmoot_tests::chance::Chance;

use crate::indicators::ambient;

/// A kind that newer software may know: it is held and passed on by all, and read by none.
const OF_A_LATER_VERSION: PayloadKind = PayloadKind::Unknown(40_000);
/// Entries that are appended together.
const AT_ONCE: usize = 5_000;
const WORDS: [&str; 48] = [
    "about",
    "again",
    "asked",
    "before",
    "bench",
    "bus",
    "children",
    "church",
    "council",
    "damp",
    "door",
    "evening",
    "everybody",
    "flats",
    "garden",
    "hall",
    "heard",
    "housing",
    "keys",
    "kitchen",
    "landlord",
    "later",
    "library",
    "lights",
    "market",
    "meeting",
    "morning",
    "neighbour",
    "nobody",
    "officer",
    "park",
    "parents",
    "people",
    "petition",
    "repair",
    "road",
    "said",
    "school",
    "stairs",
    "street",
    "tenants",
    "thursday",
    "together",
    "wants",
    "warden",
    "water",
    "work",
    "young",
];

/// A hub's journal, open for writing.
pub(crate) struct Logs {
    journal: JournalStore,
    author: Arc<Author>,
    chance: Chance,
}

impl Logs {
    pub(crate) fn open(folder: &Path, seed: u64) -> Self {
        let store = Store::open(&folder.join("node.db"), ambient()).expect("a store");
        let journal = store.journal();
        let key = fs::read_to_string(folder.join("keys/log.key")).expect("a key");
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&key[2 * at..2 * at + 2], 16).expect("hexadecimal digits");
        }
        let author = Author {
            key: Arc::new(LogKey::from_seed(&bytes)),
            incarnation: Incarnation(seed),
            federation: journal.federation().expect("a federation"),
        };
        store.set_author(author.clone());
        Self { journal, author: Arc::new(author), chance: Chance::new(seed) }
    }

    /// Founds a campaign of this hub alone, which the Academy relays.
    pub(crate) fn found(&self, number: u32) -> CampaignId {
        let me = self.author.key.id();
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let founding = MembershipRecord { nonce, members: BTreeSet::from([me]), academy_relays: true };
        let id = campaign_id(me, &nonce);
        self.journal
            .append(Topic::Campaign(id), PayloadKind::Membership, encode_membership(&founding))
            .expect("a campaign");
        id
    }

    /// Writes entries of 300 bytes.
    pub(crate) fn write(&mut self, campaign: CampaignId, entries: usize) {
        let mut left = entries;
        while left > 0 {
            let now = left.min(AT_ONCE);
            let payloads = (0..now).map(|_| (OF_A_LATER_VERSION, prose(&mut self.chance))).collect();
            self.journal.append_all(Topic::Campaign(campaign), payloads).expect("entries");
            left -= now;
        }
    }
}

/// 300 bytes of words.
pub(crate) fn prose(chance: &mut Chance) -> Vec<u8> {
    let mut text = String::with_capacity(320);
    while text.len() < 300 {
        text.push_str(WORDS[chance.below(WORDS.len())]);
        text.push(' ');
    }
    text.truncate(300);
    text.into_bytes()
}
