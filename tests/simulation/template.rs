//! The federation that every seed starts from: an Academy, four hubs that have joined, and one that has not yet.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_journal::{Author, FederationId, Genesis, Hash, Incarnation, LogKey};
use folkmoot_store::academy::{Enrolment, Invitation};
use folkmoot_store::{Ambient, Role, Store, UnixMillis};

use crate::prng::Prng;

/// Index of the Academy among the nodes.
pub(crate) const ACADEMY: usize = 0;
/// Index of the hub that joins while the simulation runs.
pub(crate) const LATE: usize = 5;
/// How many nodes there are.
pub(crate) const NODES: usize = 6;
/// The simulation's first moment: 21 November 2026.
pub(crate) const START: i64 = 1_795_219_200_000;

pub(crate) struct Template {
    pub(crate) federation: FederationId,
    /// What each node's disk holds.
    pub(crate) disks: Vec<Vec<u8>>,
}

pub(crate) static TEMPLATE: LazyLock<Template> = LazyLock::new(found);

pub(crate) fn key(node: usize) -> Arc<LogKey> {
    Arc::new(LogKey::from_seed(&[node as u8 + 1; 32]))
}

/// Stands for the node's TLS key.
pub(crate) fn tls_key(node: usize) -> Vec<u8> {
    vec![node as u8 + 1; 44]
}

pub(crate) fn name(node: usize) -> HubName {
    format!("Node {node}").parse().expect("a name of a few letters")
}

pub(crate) fn ambient(clock: &Arc<AtomicI64>, seed: u64) -> Ambient {
    let clock = Arc::clone(clock);
    let chance = Mutex::new(Prng::new(seed));
    Ambient {
        now: Box::new(move || UnixMillis(clock.load(Ordering::Relaxed))),
        fill: Box::new(move |bytes| chance.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes)),
    }
}

fn found() -> Template {
    let clock = Arc::new(AtomicI64::new(START));
    let academy = Store::in_memory(Role::Academy, &name(ACADEMY), ambient(&clock, 1)).expect("a store in memory");
    let genesis = Genesis {
        name: name(ACADEMY),
        log_key: key(ACADEMY).public(),
        ca_certificate: vec![9; 300],
        tls_key: tls_key(ACADEMY),
    };
    let incarnation = Incarnation(1);
    let federation = academy.journal().found(key(ACADEMY), incarnation, genesis).expect("the first federation");
    academy.set_author(Author { key: key(ACADEMY), incarnation, federation });
    for node in 1..LATE {
        enrol(&academy, node);
    }
    let mut disks = vec![academy.snapshot().expect("a snapshot")];
    for node in 1..NODES {
        let hub = Store::in_memory(Role::Hub, &name(node), ambient(&clock, node as u64)).expect("a store in memory");
        if node != LATE {
            adopt(&academy, &hub, federation);
        }
        disks.push(hub.snapshot().expect("a snapshot"));
    }
    Template { federation, disks }
}

/// Lets a hub in at the Academy.
pub(crate) fn enrol(academy: &Store, node: usize) {
    let academy = academy.academy().expect("the Academy's store");
    let token_hash = Hash::of(&[node as u8]);
    let invitation =
        Invitation { name: name(node), kind: HubKind::SocialActionHub, region: String::new(), stage: Stage::Active };
    academy.invite(token_hash, invitation, "").expect("an invitation");
    let enrolment =
        Enrolment { token_hash, name: name(node), log_key: key(node).public(), tls_key: tls_key(node), address: None };
    academy.redeem(enrolment).expect("an enrolment");
}

/// Hands the directory to a joining hub.
pub(crate) fn adopt(academy: &Store, hub: &Store, federation: FederationId) {
    let frames = academy.journal().directory_frames().expect("a directory");
    hub.journal().adopt(federation, frames).expect("a directory that holds");
}
