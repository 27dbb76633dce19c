//! Making the folder of a new node.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use folkmoot_disclosure::Terms;
use folkmoot_journal::{FederationId, NodeId};
use folkmoot_store::{Role, Store};

use crate::{
    Error,
    folder::{self, Folder, FolderLock},
    identity::{Authority, CertificateRequest, Identity},
    node::Clock,
    settings::{LogFormat, LogLevel, PeerAddress, Problem, ReleaseSettings, Settings, parse_listen, parse_name},
};

/// What a new Academy is made of.
#[derive(Debug, Clone)]
pub struct InitAcademy {
    /// The folder to make.
    pub data: PathBuf,
    /// The Academy's name.
    pub name: String,
    /// IP:PORT to listen on; port 0 picks one and keeps it.
    pub listen: String,
    /// HOST:PORT that invite codes carry; the listen address where not given.
    pub address: Option<String>,
}

/// What a new hub is made of.
#[derive(Debug, Clone)]
pub struct InitHub {
    /// The folder to make.
    pub data: PathBuf,
    /// The hub's name, which its invite code is bound to.
    pub name: String,
    /// IP:PORT to listen on; port 0 picks one and keeps it.
    pub listen: String,
    /// HOST:PORT where other nodes may dial; the listen address where not given, unless that is a wildcard.
    pub address: Option<String>,
}

/// What `init` made.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The node's settings.
    pub settings: Settings,
    /// The node's id.
    pub id: NodeId,
    /// The federation's id; a hub has none before it has joined.
    pub federation: Option<FederationId>,
}

/// Makes a new Academy with its federation: keys, certificate authority, genesis entry, certificate.
///
/// # Errors
/// When the settings do not hold, or the folder is not free.
pub fn init_academy(academy: &InitAcademy) -> Result<Initialised, Error> {
    init_academy_at(academy, &Clock::system())
}

pub(crate) fn init_academy_at(academy: &InitAcademy, clock: &Clock) -> Result<Initialised, Error> {
    let InitAcademy { data, name, listen, address } = academy;
    let settings = check(Role::Academy, data, name, listen, address.as_deref())?;
    let (folder, _lock) = Folder::create(data)?;
    let identity = Identity::create(&folder)?;
    let authority = Authority::create(&folder)?;
    let store = Store::create(&folder.database(), Role::Academy, &settings.name, clock.ambient())?;
    let federation = store.journal().found(
        std::sync::Arc::clone(&identity.log_key),
        new_incarnation()?,
        folkmoot_journal::Genesis {
            name: settings.name.clone(),
            log_key: identity.log_key.public(),
            ca_certificate: authority.certificate().to_vec(),
            tls_key: identity.tls_public_key().0.to_vec(),
        },
    )?;
    let request = CertificateRequest::parse(&identity.certificate_request()?)?;
    let certificate = authority.issue(&request, identity.id(), clock.now())?;
    folder::write(&folder.certificate(), &certificate)?;
    finish(&folder, settings, identity.id(), Some(federation))
}

/// Makes a new hub, which belongs to no federation yet.
///
/// # Errors
/// When the settings do not hold, or the folder is not free.
pub fn init_hub(hub: &InitHub) -> Result<Initialised, Error> {
    init_hub_at(hub, &Clock::system())
}

pub(crate) fn init_hub_at(hub: &InitHub, clock: &Clock) -> Result<Initialised, Error> {
    let InitHub { data, name, listen, address } = hub;
    let settings = check(Role::Hub, data, name, listen, address.as_deref())?;
    let (folder, _lock): (Folder, FolderLock) = Folder::create(data)?;
    let identity = Identity::create(&folder)?;
    drop(Store::create(&folder.database(), Role::Hub, &settings.name, clock.ambient())?);
    finish(&folder, settings, identity.id(), None)
}

/// Draws the random name of a process's lifetime.
pub(crate) fn new_incarnation() -> Result<folkmoot_journal::Incarnation, Error> {
    getrandom::u64().map(folkmoot_journal::Incarnation).map_err(|_| Error::Randomness)
}

fn finish(
    folder: &Folder,
    settings: Settings,
    id: NodeId,
    federation: Option<FederationId>,
) -> Result<Initialised, Error> {
    // Last: a folder with its settings is whole.
    folder::write(&folder.settings(), settings.to_file().as_bytes())?;
    Ok(Initialised { folder: folder.path().to_owned(), settings, id, federation })
}

fn check(role: Role, data: &Path, name: &str, listen: &str, address: Option<&str>) -> Result<Settings, Error> {
    let mut problems = Vec::new();
    let mut note = |what| problems.push(Problem { line: None, what });
    let name = parse_name(name).map_err(&mut note).ok();
    let listen = parse_listen(listen).map_err(&mut note).ok();
    let given = address.map(|address| PeerAddress::parse(address).map_err(&mut note));
    if role == Role::Academy && given.is_none() && listen.is_some_and(|listen| listen.ip().is_unspecified()) {
        note(
            "--address is missing: codes must carry an address that hubs can dial, and --listen names none".to_owned(),
        );
    }
    let (Some(name), Some(listen), true) = (name, listen, problems.is_empty()) else {
        return Err(Error::Settings { path: data.to_owned(), problems });
    };
    let listen = resolve(listen)?;
    let address = match given {
        Some(address) => address.ok(),
        None if listen.ip().is_unspecified() => None,
        None => PeerAddress::parse(&listen.to_string()).ok(),
    };
    Ok(Settings {
        disclosure: Terms::FLOOR,
        role,
        name,
        listen,
        address,
        academy: None,
        log: LogLevel::default(),
        log_format: LogFormat::default(),
        release: ReleaseSettings::default(),
    })
}

/// Ports below those that systems hand out for outgoing connections.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 22_768;

/// Turns port 0 into a free port, so that codes and peers can carry it.
///
/// A port is free only until somebody takes it, and a new node may be served much later. So the search begins where the
/// process's own number says: nodes made one after another get different ports, even before any of them is served.
fn resolve(listen: SocketAddr) -> Result<SocketAddr, Error> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    if listen.port() != 0 {
        return Ok(listen);
    }
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    // Odd and no multiple of 1423, so that it has no factor in common with the number of ports.
    let start = std::process::id().wrapping_mul(7919).wrapping_add(made) % u32::from(PORTS);
    let candidates = (0..PORTS).map(|step| {
        let offset = (start + u32::from(step)) % u32::from(PORTS);
        FIRST_PORT + u16::try_from(offset).unwrap_or(0)
    });
    for port in candidates.chain([0]) {
        let address = SocketAddr::new(listen.ip(), port);
        match TcpListener::bind(address).and_then(|listener| listener.local_addr()) {
            Ok(address) => return Ok(address),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && port != 0 => {}
            Err(source) => return Err(Error::Listen { address: listen, source }),
        }
    }
    Ok(listen)
}
