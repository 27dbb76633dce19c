//! Whole nodes in one process, over loopback.

mod answering;
mod campaign;
mod campaign_lists;
mod campaign_membership;
mod curriculum;
mod gate;
mod joining;
mod policy;
mod presence;
mod recording;
mod serving;
mod sharing;
mod statistics;
mod talking;
mod transport;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_store::{UnixMillis, academy::Invitation};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};

use crate::{
    Error,
    init::{InitAcademy, InitHub, init_academy_at, init_hub_at},
    invite::{InviteCode, Token},
    join::{Joined, join_at},
    node::{Clock, Node},
    serve::{Running, prepare, start},
    settings::Overrides,
    synchronize::{SyncError, SyncProgress},
};

/// 15 November 2026.
const TODAY: i64 = 1_794_700_800_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Anything that takes longer does not come at all.
const SOON: Duration = Duration::from_secs(20);

/// A clock that a test moves.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(millis: i64) -> Hands {
        Hands(Arc::new(AtomicI64::new(millis)))
    }

    fn forward(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::of(move || UnixMillis(hands.load(Ordering::SeqCst)))
    }
}

/// A folder with a node in it, and its clock.
struct Place {
    home: TempDir,
    data: PathBuf,
    hands: Hands,
}

impl Place {
    fn new(millis: i64) -> Place {
        let home = tempfile::tempdir().expect("a temporary folder");
        Place { data: home.path().join("node"), home, hands: Hands::at(millis) }
    }

    fn academy() -> Place {
        let place = Place::new(TODAY);
        let academy = InitAcademy {
            data: place.data.clone(),
            name: "National Academy".into(),
            listen: "127.0.0.1:0".into(),
            address: None,
        };
        init_academy_at(&academy, &place.hands.clock()).expect("a new academy");
        place
    }

    fn hub(name: &str) -> Place {
        Place::hub_at(name, TODAY)
    }

    fn hub_at(name: &str, millis: i64) -> Place {
        let place = Place::new(millis);
        let hub = InitHub { data: place.data.clone(), name: name.into(), listen: "127.0.0.1:0".into(), address: None };
        init_hub_at(&hub, &place.hands.clock()).expect("a new hub");
        place
    }

    async fn start(&self) -> Running {
        self.start_with(&Overrides::default()).await.expect("the node starts")
    }

    async fn start_with(&self, overrides: &Overrides) -> Result<Running, Error> {
        let (folder, settings) = prepare(&self.data, overrides)?;
        start(folder, settings, self.hands.clock()).await
    }

    async fn join(&self, code: &str) -> Result<Joined, Error> {
        join_at(&self.data, code, &self.hands.clock()).await
    }

    /// A hub that has joined and runs.
    async fn joined(name: &str, academy: &Running) -> (Place, Running) {
        let place = Place::hub(name);
        place.join(&invite(academy, name)).await.expect("it joins");
        let running = place.start().await;
        (place, running)
    }
}

/// An Academy that runs. Its folder goes with the place.
async fn academy() -> (Place, Running) {
    let place = Place::academy();
    let running = place.start().await;
    (place, running)
}

fn invite(academy: &Running, name: &str) -> String {
    code(academy, name).expose()
}

fn code(academy: &Running, name: &str) -> InviteCode {
    let mut token = [0; 16];
    getrandom::fill(&mut token).expect("randomness");
    let invitation = Invitation {
        name: name.parse().expect("a name"),
        kind: HubKind::SocialActionHub,
        region: "South West".into(),
        stage: Stage::Active,
    };
    let store = academy.node().store().academy().expect("an academy");
    store.invite(Token::new(token).hash(), invitation, "").expect("an invitation");
    academy.node().invite_code(token).expect("a code")
}

/// Waits until something is so, looking again whenever the watched thing changes.
async fn until(mut changed: watch::Receiver<u64>, what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            changed.changed().await.expect("the node is there");
        }
    };
    timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
}

/// Catches up and returns the last progress.
async fn synchronize(node: &Arc<Node>) -> Result<SyncProgress, SyncError> {
    let mut steps = Box::pin(node.synchronize());
    let mut last = None;
    let all = async {
        while let Some(step) = steps.next().await {
            last = Some(step);
        }
    };
    if timeout(SOON, all).await.is_err() {
        panic!("never synchronised: {last:?}");
    }
    last.expect("at least one step")
}
