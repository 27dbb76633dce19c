//! What can go wrong in the store, in words that say what to do.

use std::fmt;
use std::sync::Arc;

use crate::engine::Role;

/// The database library's own account of a failure, kept for the log. Its type stays inside this crate.
#[derive(Clone)]
pub struct Cause(Arc<rusqlite::Error>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The library's Debug may repeat the SQL text, which never holds values, but says nothing that Display does not.
        write!(f, "Cause({})", self.0)
    }
}

impl std::error::Error for Cause {}

/// What is wrong with one field of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedField {
    /// The field.
    pub field: &'static str,
    /// What is wrong, and what to write instead.
    pub words: String,
}

/// Everything that a store can answer instead of a result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full; nothing of the transaction was written.
    #[error("the disk of the data folder is full: free some space, then try again; nothing was half written")]
    DiskFull {
        /// The transaction's name.
        transaction: &'static str,
        /// The library's account.
        #[source]
        cause: Cause,
    },
    /// Another process holds the database.
    #[error("another process is using the database: end it, then try again")]
    Busy {
        /// The transaction's name.
        transaction: &'static str,
        /// The library's account.
        #[source]
        cause: Cause,
    },
    /// The file cannot be read as a database.
    #[error("the database file is damaged: restore the data folder from a backup; peers hand back what they hold")]
    Damaged {
        /// The transaction's name.
        transaction: &'static str,
        /// The library's account.
        #[source]
        cause: Cause,
    },
    /// The disk or the file system failed.
    #[error(
        "the disk of the data folder fails: check that it is mounted, whole and writable, then start the node again; \
         nothing was half written"
    )]
    Disk {
        /// The transaction's name.
        transaction: &'static str,
        /// The library's account.
        #[source]
        cause: Cause,
    },
    /// Any other failure of the database.
    #[error("the database failed in `{transaction}`")]
    Database {
        /// The transaction's name.
        transaction: &'static str,
        /// The library's account.
        #[source]
        cause: Cause,
    },
    /// The file or its folder could not be opened, made or given its mode.
    #[error("cannot open the database file: check that the data folder exists and belongs to this user")]
    File {
        /// The operating system's account.
        #[source]
        cause: Arc<std::io::Error>,
    },
    /// There is a file already where one should be made.
    #[error("there is a database in this folder already: choose another folder")]
    AlreadyExists,
    /// There is no file where one should be opened.
    #[error("there is no database in this folder: run `init` first")]
    NotFound,
    /// The file belongs to another program.
    #[error("the file is a database of another program: choose another data folder")]
    Foreign,
    /// The file was written by a newer version of this software.
    #[error(
        "the database has version {found}, and this software knows versions up to {known}: install the newer software"
    )]
    Newer {
        /// The file's version.
        found: u32,
        /// The highest version known here.
        known: u32,
    },
    /// A handle was asked for that this node's role does not have.
    #[error("this folder belongs to {}: that is done on {}", .is.noun(), .needed.noun())]
    WrongRole {
        /// The role of this node.
        is: Role,
        /// The role that was needed.
        needed: Role,
    },
    /// A job broke off by a fault of this software; it was rolled back.
    #[error("a fault of this software broke off `{transaction}`; nothing of it was written: please report it")]
    Fault {
        /// The transaction's name.
        transaction: &'static str,
    },
    /// The writer has ended.
    #[error("the store is closed: start the node again")]
    Closed,
    /// What the store holds cannot be read back as what was written.
    #[error("the store holds something that this software cannot read ({what}): restore from a backup, or report it")]
    Inconsistent {
        /// What it was, in words.
        what: String,
    },
    /// The node belongs to no federation yet.
    #[error("this node belongs to no federation yet: run `hub join` with an invite code")]
    NotJoined,
    /// The node belongs to a federation already.
    #[error("this node belongs to a federation already: use a fresh data folder to join another")]
    AlreadyJoined,
    /// The log key was not handed to the store, so that nothing can be signed.
    #[error("the store was opened without the log key, so that nothing can be signed")]
    NoAuthor,
    /// This process runs as a superseded copy and only reads.
    #[error("a later copy of this node has been seen, so that this one only reads: stop one of the two")]
    Frozen,
    /// A directory that was offered does not hold together.
    #[error("the directory that was offered cannot be taken: {reason}")]
    DirectoryRefused {
        /// Why, in words.
        reason: String,
    },
    /// An entry that this node may not or cannot write.
    #[error("the entry cannot be written: {reason}")]
    NotWritten {
        /// Why, in words.
        reason: String,
    },
    /// A log that is being exported holds less than it did when the export began: it turned out to fork.
    #[error("a log turned out to fork while it was being exported: export again")]
    ExportOvertaken,
    /// What a peer sent cannot even be answered.
    #[error("the peer broke the protocol: {reason}")]
    Protocol {
        /// Why, in words.
        reason: String,
    },
    /// A funding programme that the directory does not list, as far as it has come here.
    #[error("no such programme here: {code}; the Academy registers programmes, and a hub learns of them when it syncs")]
    UnknownProgramme {
        /// The programme's code.
        code: String,
    },
    /// A code that this Academy never made.
    #[error("this Academy made no such code: copy the whole line again, or ask for a new code")]
    InviteUnknown,
    /// A code redeemed under another name than it was made for.
    #[error("the code was made for a hub of another name: use the code of this hub, or the name that the code is for")]
    InviteOtherName,
    /// A code that another node redeemed.
    #[error("the code was used already, and lets in one node only: ask the Academy for a new one")]
    InviteUsed,
    /// A code that a later one replaced, or that the Academy took back.
    #[error("the code was replaced by a later one or taken back: ask the Academy for the latest")]
    InviteWithdrawn,
    /// A code that is older than 24 hours.
    #[error("the code has expired, 24 hours after it was made: ask the Academy for a new one")]
    InviteExpired,
    /// A hub of the name has joined.
    #[error("a hub named {name} has joined already: choose another name, or revoke that hub first")]
    HubNameTaken {
        /// The name.
        name: String,
    },
    /// A node of these keys has joined.
    #[error("a node with these keys is in the directory already: make a fresh data folder with `hub init`, then join")]
    KeyInUse,
    /// A hub that is neither in the directory nor invited.
    #[error("no such hub: `academy hub list` shows all of them")]
    NoSuchHub,
    /// A hub that the Academy has cut off.
    #[error("the Academy has revoked this hub, which is for ever: a new node of it needs a new code")]
    HubRevoked,
    /// A hub that was changed since the caller looked.
    #[error("the hub was changed in between: look at it again, then decide")]
    HubChanged,
    /// A programme whose code stands for something else.
    #[error(
        "programme {code} is registered with other days or another title, and a programme never changes: choose another code"
    )]
    ProgrammeChanged {
        /// The code.
        code: String,
    },
    /// A policy that cannot be set.
    #[error("the policy cannot be set: {}", .faults.iter().map(|fault| fault.words.as_str()).collect::<Vec<_>>().join("; "))]
    PolicyRefused {
        /// Everything that is wrong.
        faults: Vec<RefusedField>,
    },
    /// A request id that was used for another code, which cannot be shown again.
    #[error("this request was answered before, and its code is shown only once: ask with a new request id")]
    RequestRepeated,
    /// A listening whose ref belongs to another.
    #[error(
        "a listening with this ref is held with other fields: choose another ref, or correct the held one by an import"
    )]
    ListeningStands,
    /// An edition that was never published, as far as it has come here, or an item of which every edition is retired.
    #[error(
        "no such edition here: {name}; `curriculum list --all` shows every one, and a hub learns of new ones when it syncs"
    )]
    NoSuchEdition {
        /// The item, or the item and the number.
        name: String,
    },
    /// An edition that cannot be published.
    #[error("the edition cannot be published: {reason}")]
    EditionRefused {
        /// Everything that is wrong, field by field, in words.
        reason: String,
    },
    /// A campaign that this hub takes no part in, as far as it has come here.
    #[error(
        "no such campaign here: `campaign list` shows those of this hub, and one that another hub began arrives with a sync"
    )]
    NoSuchCampaign,
    /// A change that the campaign does not have.
    #[error("the campaign has no such change here: `campaign history` shows those it has")]
    NoSuchVersion,
    /// An edit, a change or a new campaign that cannot be taken.
    #[error("the campaign does not take this: {reason}")]
    CampaignRefused {
        /// What is wrong, in words that quote nothing.
        reason: String,
    },
    /// Members of a new campaign that are no hubs which may take part.
    #[error("the directory lists no such enrolled hubs: {members}; check the names, and sync to learn of new ones")]
    UnknownMember {
        /// Their names, or their ids where the directory does not name them.
        members: String,
    },
    /// A decision that the lead of a campaign alone takes.
    #[error("the campaign is led by {lead}, who decides who takes part: ask there")]
    NotTheLead {
        /// The name of the hub that leads.
        lead: String,
    },
    /// An edit by a hub that reads the campaign alone.
    #[error("this hub reads the campaign and does not edit it: ask {lead}, who leads it, to make it an editor")]
    ReadsOnly {
        /// The name of the hub that leads.
        lead: String,
    },
    /// A membership that cannot stand.
    #[error("the campaign's membership stays as it is: {reason}")]
    MembershipRefused {
        /// Why, and what to do.
        reason: String,
    },
    /// The ledger of releases is another than the one that a release was prepared from.
    #[error(
        "releases were approved or came back in between, which changes what can be let out: look again, then decide"
    )]
    LedgerChanged,
    /// Another release of the same period and revision was approved before.
    #[error("release {id} stands, with other figures: look again, and approve the next revision if there is one")]
    ReleaseStands {
        /// The id of the release that stands.
        id: String,
    },
}

impl StoreError {
    /// Gives a database failure the name of the transaction that it happened in.
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        if let Self::DiskFull { transaction, .. }
        | Self::Disk { transaction, .. }
        | Self::Busy { transaction, .. }
        | Self::Damaged { transaction, .. }
        | Self::Database { transaction, .. } = &mut self
        {
            *transaction = name;
        }
        self
    }

    /// Whether the disk or the file failed, rather than the one thing that was tried.
    pub(crate) fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. } | Self::Disk { .. } | Self::Busy { .. } | Self::Damaged { .. } | Self::File { .. }
        )
    }

    /// Something stored that does not read back.
    pub(crate) fn inconsistent(what: impl Into<String>) -> Self {
        Self::Inconsistent { what: what.into() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let code = error.sqlite_error_code();
        let cause = Cause(Arc::new(error));
        let transaction = "";
        if code == Some(ErrorCode::DiskFull) {
            Self::DiskFull { transaction, cause }
        } else if matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) {
            Self::Busy { transaction, cause }
        } else if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            Self::Damaged { transaction, cause }
        } else if matches!(
            code,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied
            )
        ) {
            Self::Disk { transaction, cause }
        } else {
            Self::Database { transaction, cause }
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::File { cause: Arc::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn failures_of_the_disk_are_told_from_failures_of_one_thing_tried() {
        for (code, of_the_file, words) in [
            (ffi::SQLITE_FULL, true, "is full"),
            (ffi::SQLITE_IOERR_FSYNC, true, "the disk of the data folder fails"),
            (ffi::SQLITE_IOERR_READ, true, "the disk of the data folder fails"),
            (ffi::SQLITE_CANTOPEN, true, "the disk of the data folder fails"),
            (ffi::SQLITE_READONLY, true, "the disk of the data folder fails"),
            (ffi::SQLITE_BUSY, true, "another process"),
            (ffi::SQLITE_CORRUPT, true, "damaged"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, false, "failed in `test`"),
        ] {
            let error = StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).named("test");
            assert_eq!(error.is_of_the_file(), of_the_file, "{code}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
