//! The running node, as its services and jobs share it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwapOption;
use folkmoot_disclosure::Policy;
use folkmoot_domain::calendar::Span;
use folkmoot_journal::{Directory, FederationId, Incarnation, NodeId};
use folkmoot_store::{Ambient, Change, Role, Store, UnixMillis};
use rustls::{ServerConfig, pki_types::CertificateDer};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{
    Error,
    folder::Folder,
    gate,
    identity::{Authority, Identity, Validity},
    invite::{InviteCode, Token},
    peers::Peers,
    presence::Presence,
    settings::Settings,
    tls::{self, DateRule},
};

/// What the node calls itself to its peers.
pub const SOFTWARE: &str = concat!("folkmoot/", env!("CARGO_PKG_VERSION"));

/// Why a node may not yet be used in earnest.
pub const TRIAL_NOTICE: &str = "trial only: erasing a person and deleting by age are not built yet; keep records of \
                                invented people, or of people who agreed to a trial";

/// The wall clock, as an argument: tests set it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Clock {
        Clock::of(|| {
            UnixMillis(i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(0))
        })
    }

    /// A clock that asks `now`.
    pub fn of(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        moment((self.0)())
    }

    /// What the store takes from outside.
    pub(crate) fn ambient(&self) -> Ambient {
        let now = Arc::clone(&self.0);
        Ambient {
            now: Box::new(move || now()),
            fill: Box::new(|bytes| {
                // A node without randomness must not write salts or tokens: ending beats going on.
                getrandom::fill(bytes).expect("the system gives random bytes; `serve` has drawn some at the start");
            }),
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// A moment of the store as a date and time.
#[must_use]
pub fn moment(at: UnixMillis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The node's certificate and the TLS config made from it, replaced together.
pub(crate) struct Certified {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) validity: Validity,
    pub(crate) server: Arc<ServerConfig>,
}

impl Certified {
    pub(crate) fn new(identity: &Identity, certificate: Vec<u8>, dates: Option<DateRule>) -> Result<Certified, Error> {
        let certificate = CertificateDer::from(certificate);
        let unreadable = || Error::BrokenFile { path: "certificate.der".into(), what: "a certificate" };
        if tls::public_key(&certificate).ok_or_else(unreadable)? != identity.tls_public_key() {
            return Err(Error::BrokenFile {
                path: "certificate.der".into(),
                what: "the certificate of this node's key",
            });
        }
        let validity = Validity::of(&certificate).ok_or_else(unreadable)?;
        let server = Arc::new(tls::server_config(identity, &certificate, dates)?);
        Ok(Certified { certificate, validity, server })
    }
}

/// Waits until a flag is up, or nobody is left who could raise it.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|raised| *raised).await);
}

/// A running node.
pub struct Node {
    store: Store,
    folder: Folder,
    settings: Settings,
    identity: Identity,
    incarnation: Incarnation,
    federation: Option<FederationId>,
    clock: Clock,
    certified: ArcSwapOption<Certified>,
    authority: Option<Arc<Authority>>,
    peers: Arc<Peers>,
    preparations: gate::Memory,
    presence: Arc<Presence>,
    frozen: watch::Sender<bool>,
    notices: Mutex<Vec<String>>,
    written: watch::Sender<u64>,
    listed: watch::Sender<u64>,
    shared: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.id())
    }
}

/// What a node is made of when it starts.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) folder: Folder,
    pub(crate) settings: Settings,
    pub(crate) identity: Identity,
    pub(crate) incarnation: Incarnation,
    pub(crate) federation: Option<FederationId>,
    pub(crate) clock: Clock,
    pub(crate) certified: Option<Certified>,
    pub(crate) authority: Option<Arc<Authority>>,
}

impl Node {
    /// Puts a node together and lets the store wake it.
    pub(crate) fn new(parts: Parts) -> Arc<Node> {
        let Parts { store, folder, settings, identity, incarnation, federation, clock, certified, authority } = parts;
        let presence = Presence::new(identity.id(), incarnation.0);
        let node = Arc::new(Node {
            store,
            folder,
            settings,
            identity,
            incarnation,
            federation,
            clock,
            authority,
            certified: ArcSwapOption::from(certified.map(Arc::new)),
            peers: Arc::default(),
            preparations: gate::Memory::default(),
            presence,
            frozen: watch::Sender::new(false),
            notices: Mutex::default(),
            written: watch::Sender::new(0),
            listed: watch::Sender::new(0),
            shared: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        });
        let weak = Arc::downgrade(&node);
        node.store.on_change(Box::new(move |change| {
            if let Some(node) = weak.upgrade() {
                node.wake(change);
            }
        }));
        node
    }

    fn wake(&self, change: Change) {
        if change.directory {
            self.listed.send_modify(|count| *count += 1);
        }
        if change.memberships {
            self.shared.send_modify(|count| *count += 1);
        }
        if change.journal || change.releases {
            self.written.send_modify(|count| *count += 1);
        }
    }

    /// The node's store. Its calls block: make them through [`Node::on_store`].
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs `job` with the store, off the async threads.
    pub async fn on_store<T, J>(&self, job: J) -> T
    where
        T: Send + 'static,
        J: FnOnce(&Store) -> T + Send + 'static,
    {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || job(&store)).await {
            Ok(value) => value,
            // The job panicked: go on panicking here, where the caller's own task ends.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Blocking tasks are never aborted; the runtime is going down.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// The node's folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The node's settings, checked.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the node is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.settings.role
    }

    /// The node's id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.identity.id()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// This process's lifetime, as the node's logs and streams name it.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The federation's id; `None` before a hub has joined one.
    #[must_use]
    pub fn federation(&self) -> Option<FederationId> {
        self.federation
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A peer's name, or its id where the directory has none.
    #[must_use]
    pub fn name_of(&self, peer: NodeId) -> String {
        let directory = self.directory();
        match (directory.academy(), directory.hubs().get(&peer)) {
            (_, Some(hub)) => hub.name.to_string(),
            (Some((id, academy)), None) if id == peer => academy.name.to_string(),
            (_, None) => peer.to_string(),
        }
    }

    /// The directory, as the last entry left it.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.store.journal().directory()
    }

    /// What this node's releases of a period are made under: the policy that the period is under, tightened by the node's
    /// own terms.
    #[must_use]
    pub fn policy(&self, period: Span) -> Policy {
        self.directory().policies().in_force(period).tightened_by(&self.settings.disclosure)
    }

    /// The hubs that take part in one of this node's campaigns, however the directory lists them.
    #[must_use]
    pub fn fellow_members(&self) -> BTreeSet<NodeId> {
        let (me, rights) = (self.id(), self.store.journal().rights());
        let ours = rights.memberships.iter().filter(|(_, membership)| membership.roster.role(me).is_some());
        ours.flat_map(|(_, membership)| membership.roster.members().keys().copied())
            .filter(|member| *member != me)
            .collect()
    }

    /// The node's peers, as far as this process knows.
    #[must_use]
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// What the hub's gate has prepared last.
    pub(crate) fn preparations(&self) -> &gate::Memory {
        &self.preparations
    }

    /// Who looks at which campaign just now.
    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    pub(crate) fn certified(&self) -> Option<Arc<Certified>> {
        self.certified.load_full()
    }

    pub(crate) fn set_certified(&self, certified: Certified) {
        self.certified.store(Some(Arc::new(certified)));
    }

    /// The federation's certificate authority, which only the Academy has.
    pub(crate) fn authority(&self) -> Option<&Arc<Authority>> {
        self.authority.as_ref()
    }

    /// When the node's certificate ends; `None` before a hub has joined.
    #[must_use]
    pub fn certificate_expires(&self) -> Option<OffsetDateTime> {
        self.certified().map(|certified| certified.validity.until)
    }

    /// Whether a later copy of this node was seen, so that this process only reads.
    #[must_use]
    pub fn frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Turns true when this process was found to run on a superseded copy.
    pub(crate) fn freezing(&self) -> watch::Receiver<bool> {
        self.frozen.subscribe()
    }

    fn freeze(&self) {
        self.store.freeze();
        // The words first: whoever is woken by the state reads them.
        self.tell_operator(
            "another copy of this node's folder is running; this one only reads. Stop one of the two, and start this \
             one again if it is the one to keep"
                .to_owned(),
        );
        self.frozen.send_replace(true);
    }

    /// What the operator should know, in words; each once.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A peer says that the Academy has revoked this node.
    pub(crate) fn told_of_revocation(&self, peer: NodeId) {
        self.tell_operator(if self.is_academy(peer) {
            "the Academy has revoked this node: it goes on working alone; ask the Academy why".to_owned()
        } else {
            format!("{} says that the Academy has revoked this node; ask the Academy", self.name_of(peer))
        });
        self.peers.update(peer, |state| state.revoked = true);
    }

    /// A peer says that it has met a later copy of this node. The Academy's word stops this process from writing; another
    /// hub's is for the operator to judge.
    pub(crate) fn told_of_later_copy(&self, peer: NodeId) {
        if self.is_academy(peer) {
            self.freeze();
        } else {
            self.tell_operator(format!(
                "{} says that another copy of this node's folder is running: if so, stop one of the two",
                self.name_of(peer)
            ));
            let words = "it says that another copy of this node's folder is running";
            self.peers.update(peer, |state| state.last_error = Some(words.to_owned()));
        }
    }

    fn is_academy(&self, peer: NodeId) -> bool {
        self.directory().academy().is_some_and(|(id, _)| id == peer)
    }

    pub(crate) fn tell_operator(&self, notice: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if !notices.contains(&notice) {
            tracing::warn!("{notice}");
            notices.push(notice);
        }
    }

    /// Tells when entries, receipts or releases were written. It carries no data: read the store.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Tells when the directory changed. It carries no data: read [`Node::directory`].
    #[must_use]
    pub fn listed(&self) -> watch::Receiver<u64> {
        self.listed.subscribe()
    }

    /// Tells when a campaign began or ended for this node. It carries no data: read [`Node::fellow_members`].
    #[must_use]
    pub fn memberships_changed(&self) -> watch::Receiver<u64> {
        self.shared.subscribe()
    }

    /// Turns true when the node is to end.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Waits until the node is to end.
    pub async fn stopped(&self) {
        raised(&mut self.stopping()).await;
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Makes the code that lets a hub in with a token.
    ///
    /// # Errors
    /// [`Error::NotAnAcademy`] where this node is none, or has no address that hubs can dial.
    pub fn invite_code(&self, token: [u8; 16]) -> Result<InviteCode, Error> {
        match (self.role(), self.federation, &self.settings.address) {
            (Role::Academy, Some(federation), Some(address)) => {
                Ok(InviteCode { address: address.clone(), federation, token: Token::new(token) })
            }
            (Role::Academy | Role::Hub, _, _) => Err(Error::NotAnAcademy),
        }
    }
}
