//! Everything that can fail in a node, in words that say what to do.

use std::{io, net::SocketAddr, path::PathBuf};

use folkmoot_store::StoreError;

use crate::{invite::InviteFault, settings::Problem};

/// Everything that can fail in a node outside its store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder holds a node already.
    #[error("{path} is a node already: serve it, or give `init` another folder")]
    FolderTaken {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds files of something else, or of an `init` that was cut short.
    #[error(
        "{path} holds {found} but no folkmoot.toml: put folkmoot.toml back, or, where an `init` was cut short, \
         delete the folder and start again"
    )]
    FolderHalfMade {
        /// The folder.
        path: PathBuf,
        /// A file found in it.
        found: String,
    },
    /// There is no node in the folder.
    #[error("{path} is not a node: make one with `folkmoot hub init` or `folkmoot academy init`")]
    FolderEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is there, and this user may not look into it.
    #[error("{path} may not be read by this user: run the command as the user who made the node, or as root")]
    FolderClosed {
        /// The folder.
        path: PathBuf,
    },
    /// Others may read a file or folder that they must not.
    #[error("{path} may be read or written by others (mode {mode:o}): run `chmod {wanted:o} {path}`")]
    FolderOpen {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: u32,
    },
    /// A running process holds the folder.
    #[error("{path} is being served: stop that process first")]
    FolderServed {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key or certificate file does not hold what it should.
    #[error("{path} does not hold {what}: put it back from a backup")]
    BrokenFile {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The settings do not hold; every problem is listed.
    #[error("{}", crate::settings::list(.path, .problems))]
    Settings {
        /// The settings file, or the command's own flags.
        path: PathBuf,
        /// Every problem found.
        problems: Vec<Problem>,
    },
    /// The command is for the other kind of node.
    #[error("{path} is {found}, and this is a command for {wanted}")]
    OtherRole {
        /// The folder.
        path: PathBuf,
        /// What the folder holds.
        found: &'static str,
        /// What the command is for.
        wanted: &'static str,
    },
    /// The invite code cannot be read.
    #[error("the invite code is no good: {0}")]
    Invite(InviteFault),
    /// The hub belongs to another federation.
    #[error("this hub belongs to another federation already: make a new folder with `folkmoot hub init` for this code")]
    OtherFederation,
    /// The Academy could not be reached.
    #[error("cannot reach {address}: check the address and that the node there is running")]
    Unreachable {
        /// HOST:PORT.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// This node's certificate ended, and the grace after it too.
    #[error(
        "{address} takes this node's certificate no more: it ended over 30 days ago. Stop the node and join again with \
         the same code"
    )]
    CertificateExpired {
        /// HOST:PORT.
        address: String,
    },
    /// The other node does not take this one's certificate.
    #[error("{address} does not take this node's certificate: check that it is the Academy that this hub joined")]
    CertificateRefused {
        /// HOST:PORT.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Another node answers where a listed one should.
    #[error("the node at {address} is not the one that the directory lists (its key is another): check the address")]
    WrongNode {
        /// HOST:PORT.
        address: String,
    },
    /// The node that answered is not the one that the code names.
    #[error(
        "the node at {address} is not the Academy that made this code ({why}): ask the Academy for its right address \
         or for a new code"
    )]
    WrongAcademy {
        /// HOST:PORT.
        address: String,
        /// What does not match.
        why: &'static str,
    },
    /// The Academy refused.
    #[error("the Academy refused: {message}")]
    Refused {
        /// The Academy's words.
        message: String,
    },
    /// The Academy broke off or answered what it should not.
    #[error("the answer of {address} could not be used ({what}): run the command again")]
    BadAnswer {
        /// HOST:PORT.
        address: String,
        /// What was wrong.
        what: String,
    },
    /// No node runs in the folder.
    #[error("no node is running in {path}: start it with `folkmoot {role} serve --data {path}`")]
    NotServed {
        /// The folder.
        path: PathBuf,
        /// `hub` or `academy`.
        role: &'static str,
    },
    /// The folder's path is too long for a Unix socket, and there is no way round.
    #[error("{path} is too long for a socket (107 bytes at most without /proc): move the folder to a shorter path")]
    SocketPath {
        /// The socket's path.
        path: PathBuf,
    },
    /// The address to listen on is not free or not ours.
    #[error("cannot listen on {address}: choose another with --listen, or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The cryptography library refused.
    #[error("cannot make or use {what}")]
    Cryptography {
        /// What was attempted.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A certificate signing request does not hold.
    #[error("the certificate signing request is no good: {why}")]
    CertificateRequest {
        /// Why.
        why: &'static str,
    },
    /// Only an Academy does this.
    #[error("this node is no Academy, or has no address that hubs can dial: only an Academy makes invite codes")]
    NotAnAcademy,
    /// A hub that does not know its Academy's address, or has not joined.
    #[error(
        "this node does not know where its Academy is: join with the Academy's code, or put `academy = \"HOST:PORT\"` \
         into folkmoot.toml and start it again"
    )]
    AcademyUnknown,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: this node cannot run safely without")]
    Randomness,
    /// The store failed.
    #[error("the node's store cannot go on")]
    Store(#[source] StoreError),
    /// The log level or format could not be set.
    #[error("cannot start: {what}")]
    Start {
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Maps an IO error of a file to an [`Error::File`].
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { action, path, source }
    }

    /// Maps an error of the cryptography libraries.
    pub(crate) fn cryptography<E>(what: &'static str) -> impl FnOnce(E) -> Error
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Error::Cryptography { what, source: Box::new(source) }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Store(error)
    }
}
