//! Serving a node: settings and folder checked whole, then built, run and drained.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use folkmoot_journal::Author;
use folkmoot_store::{Role, Store};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    Error, exchange,
    folder::{self, Folder, FolderLock},
    gate,
    identity::{Authority, CertificateRequest, Identity},
    import,
    init::new_incarnation,
    limits, listener,
    node::{Certified, Clock, Node, Parts, TRIAL_NOTICE},
    presence, renewal, routes,
    settings::{Overrides, Problem, Settings, role_code},
    socket, telemetry,
    tls::DateRule,
};

/// How long calls and writes under way may take once the node is told to stop.
const DRAIN: Duration = Duration::from_millis(1500);
/// Connections whose handshake is done and that wait to be served.
const ACCEPTED: usize = 16;
const WORKERS: usize = 2;
const BLOCKING_THREADS: usize = 64;

/// Runs the node in a folder until the process is told to stop (SIGTERM, or Ctrl-C), and drains it.
/// `on_ready` is given the line that says so, once, when the node answers.
///
/// # Errors
/// When the settings or the folder do not hold, an address is not free, or the store fails.
pub fn run(data: &Path, overrides: &Overrides, on_ready: impl FnOnce(&str)) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|source| Error::Start { what: "the runtime", source: Box::new(source) })?;
    let ended = runtime.block_on(serve(data, overrides, on_ready));
    // What still blocks is a read, or a write whose caller is gone; the store is whole at every moment.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended
}

/// The same as [`run`], on a runtime of the caller's.
///
/// # Errors
/// As [`run`].
pub async fn serve(data: &Path, overrides: &Overrides, on_ready: impl FnOnce(&str)) -> Result<(), Error> {
    let signals = |kind| signal(kind).map_err(|source| Error::Start { what: "signals", source: Box::new(source) });
    let (mut terminate, mut interrupt) = (signals(SignalKind::terminate())?, signals(SignalKind::interrupt())?);
    let (folder, settings) = prepare(data, overrides)?;
    telemetry::start(&settings)?;
    telemetry::hush_panics();
    let mut running = start(folder, settings, Clock::system()).await?;
    on_ready(&running.ready_line());
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        failed = running.failed() => Some(failed),
    };
    running.stop().await;
    failed.map_or(Ok(()), Err)
}

/// A node with everything that it runs.
pub(crate) struct Running {
    node: Arc<Node>,
    tasks: JoinSet<Result<(), Error>>,
    /// Where the TLS port listens, if it does.
    listening: Option<SocketAddr>,
    // Let go last: until then nobody else may serve the folder.
    _lock: FolderLock,
}

impl Running {
    #[cfg(test)]
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// `ready: hub Warminster on 127.0.0.1:41234`.
    pub(crate) fn ready_line(&self) -> String {
        let settings = self.node.settings();
        let who = format!("ready: {} {}", role_code(settings.role), settings.name);
        match (self.listening, self.node.federation()) {
            (Some(address), _) => format!("{who} on {address}"),
            (None, None) => format!("{who}, which has not joined a federation yet"),
            (None, Some(_)) => format!("{who}, which lost its certificate: stop it and join again with the same code"),
        }
    }

    /// Waits until a part of the node ends that should not.
    async fn failed(&mut self) -> Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(task)) => {
                let source = Box::new(io::Error::other(telemetry::end_of(&task)));
                Error::Start { what: "a part of the node, which ended badly", source }
            }
            Some(Ok(Ok(()))) | None => {
                Error::Start { what: "a part of the node", source: Box::new(io::Error::other("it ended early")) }
            }
        }
    }

    /// Stops accepting, closes streams, lets calls and writes under way finish, and removes the socket.
    pub(crate) async fn stop(mut self) {
        tracing::info!("stopping");
        self.node.stop();
        let until = Instant::now() + DRAIN;
        while let Ok(Some(_)) = timeout_at(until, self.tasks.join_next()).await {}
        self.tasks.shutdown().await;
        // A socket that cannot be removed is replaced at the next start.
        let _ = std::fs::remove_file(self.node.folder().socket());
        tracing::info!("stopped");
    }
}

/// Reads and checks everything that the node is told.
pub(crate) fn prepare(data: &Path, overrides: &Overrides) -> Result<(Folder, Settings), Error> {
    let folder = Folder::open(data)?;
    let settings = Settings::read(&folder.settings(), overrides)?;
    Ok((folder, settings))
}

/// Starts the node.
pub(crate) async fn start(folder: Folder, settings: Settings, clock: Clock) -> Result<Running, Error> {
    let lock = folder.lock()?;
    import::clear(folder.path());
    let identity = Identity::open(&folder)?;
    let store = Store::open(&folder.database(), clock.ambient())?;
    check_made_as(&folder, &settings, &store)?;
    let parts = assemble(folder, settings, identity, store, clock)?;
    let sockets = (
        socket::bind(&parts.folder)?,
        match &parts.certified {
            Some(_) => Some(bind(&parts.settings).await?),
            None => None,
        },
    );
    let node = Node::new(parts);
    match node.role() {
        Role::Hub => tracing::warn!(target: telemetry::ALWAYS, "{TRIAL_NOTICE}"),
        Role::Academy => {}
    }
    let listening = sockets.1.as_ref().and_then(|port| port.local_addr().ok());
    Ok(Running { tasks: spawn(&node, sockets).await, node, listening, _lock: lock })
}

/// The role and the name of a node never change: its log key and its invite code stand for them.
fn check_made_as(folder: &Folder, settings: &Settings, store: &Store) -> Result<(), Error> {
    let mut problems = Vec::new();
    if store.role() != settings.role {
        let what = format!("`role` was {} when the folder was made, and cannot change", role_code(store.role()));
        problems.push(Problem { line: None, what });
    }
    if *store.name() != settings.name {
        let what = format!("`name` was \"{}\" when the folder was made, and cannot change", store.name());
        problems.push(Problem { line: None, what });
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Settings { path: folder.settings(), problems }),
    }
}

fn assemble(
    folder: Folder,
    settings: Settings,
    identity: Identity,
    store: Store,
    clock: Clock,
) -> Result<Parts, Error> {
    let incarnation = new_incarnation()?;
    let federation = store.journal().federation();
    if let Some(federation) = federation {
        store.set_author(Author { key: Arc::clone(&identity.log_key), incarnation, federation });
        match settings.role {
            Role::Hub => store.campaigns()?.count_outcomes()?,
            Role::Academy => {}
        }
    }
    let authority = match (settings.role, store.journal().directory().academy()) {
        (Role::Academy, Some((_, genesis))) => {
            Some(Arc::new(Authority::open(&folder, genesis.ca_certificate.clone())?))
        }
        (Role::Academy | Role::Hub, _) => None,
    };
    let dates = authority.as_deref().map(|authority| DateRule::new(authority, clock.clone()));
    if let Some(authority) = authority.as_deref().filter(|_| !folder.certificate().exists()) {
        let request = CertificateRequest::parse(&identity.certificate_request()?)?;
        folder::write(&folder.certificate(), &authority.issue(&request, identity.id(), clock.now())?)?;
    }
    let certified = match federation {
        // A hub whose join was cut short has none: it joins again.
        Some(_) if folder.certificate().exists() => {
            Some(Certified::new(&identity, folder::read(&folder.certificate())?, dates)?)
        }
        Some(_) | None => None,
    };
    Ok(Parts { store, folder, settings, identity, incarnation, federation, clock, certified, authority })
}

async fn bind(settings: &Settings) -> Result<TcpListener, Error> {
    let address = settings.listen;
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

async fn spawn(
    node: &Arc<Node>,
    (socket, port): (tokio::net::UnixListener, Option<TcpListener>),
) -> JoinSet<Result<(), Error>> {
    let mut tasks = JoinSet::new();
    let served = |what| move |source: tonic::transport::Error| Error::Start { what, source: Box::new(source) };
    let (sender, accepted) = mpsc::channel(ACCEPTED);
    tasks.spawn(until_the_end(socket::accept(Arc::clone(node), socket, sender)));
    let routes = routes::socket_routes(node).await;
    let stop = {
        let node = Arc::clone(node);
        async move { node.stopped().await }
    };
    tasks.spawn(async move {
        let serving = limits::socket_server().add_routes(routes);
        let incoming = ReceiverStream::new(accepted);
        serving.serve_with_incoming_shutdown(incoming, stop).await.map_err(served("the socket"))
    });
    tasks.spawn(until_the_end(presence::keep_saying(Arc::clone(node))));
    match node.role() {
        Role::Hub => drop(tasks.spawn(until_the_end(gate::job::keep_approving(Arc::clone(node))))),
        Role::Academy => {}
    }
    if let Some(port) = port {
        let (sender, accepted) = mpsc::channel(ACCEPTED);
        tasks.spawn(until_the_end(listener::accept(Arc::clone(node), port, sender)));
        let routes = routes::peer_routes(node, node.authority().cloned()).await;
        let stop = {
            let node = Arc::clone(node);
            async move { node.stopped().await }
        };
        tasks.spawn(async move {
            let serving = limits::port_server().add_routes(routes);
            let incoming = ReceiverStream::new(accepted);
            serving.serve_with_incoming_shutdown(incoming, stop).await.map_err(served("the TLS port"))
        });
        let dialling = Arc::clone(node);
        tasks.spawn(async move {
            exchange::keep_dialling(Arc::clone(&dialling)).await;
            // A node that dials nobody has nothing to do here.
            dialling.stopped().await;
            Ok(())
        });
        tasks.spawn(until_the_end(renewal::keep_renewing(Arc::clone(node))));
    }
    tasks
}

async fn until_the_end(part: impl Future<Output = ()>) -> Result<(), Error> {
    part.await;
    Ok(())
}
