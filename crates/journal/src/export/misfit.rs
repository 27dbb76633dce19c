//! What does not fit in an export, where, what that means and what to do.

use folkmoot_domain::calendar::Period;

use crate::refusal::RefusalReason;
use crate::topic::LogId;

/// The first thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The file that it is in.
    pub file: String,
    /// The entry; none where it is about the file as a whole.
    pub place: Option<Box<Place>>,
    /// What is wrong.
    pub problem: Problem,
}

impl Misfit {
    pub(super) fn of_file(file: &str, problem: Problem) -> Misfit {
        Misfit { file: file.to_owned(), place: None, problem }
    }

    pub(super) fn of_entry(file: &str, place: Place, problem: Problem) -> Misfit {
        Misfit { file: file.to_owned(), place: Some(Box::new(place)), problem }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The log.
    pub log: LogId,
    /// Its number in the log.
    pub seq: u64,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The manifest cannot be read.
    Manifest(String),
    /// The Academy's signature does not hold over the manifest.
    ManifestSignature,
    /// The manifest speaks of another federation than the reader asked about.
    OtherFederationAsked,
    /// The genesis entry is not the one that the federation id names.
    Genesis(String),
    /// A file that the manifest names is not there.
    FileMissing,
    /// The bytes of an entry cannot be read.
    Unreadable(String),
    /// An entry of another log stands in this one's file.
    OtherLog,
    /// The entry was written for another federation.
    OtherFederation,
    /// The entry is not there, and a later one stands in its place.
    Dropped {
        /// The number of the entry that stands in its place.
        stands: u64,
    },
    /// The entry stands where another should.
    Reordered {
        /// The number that the entry in this place should have.
        expected: u64,
    },
    /// The log ends before the entry up to which the Academy signed that it holds it.
    CutShort {
        /// The last entry that the Academy signed for.
        tip: u64,
    },
    /// The entry lies past the last that the Academy signed for.
    Beyond {
        /// The last entry that the Academy signed for.
        tip: u64,
    },
    /// The last entry is another than the one that the Academy signed for.
    OtherTip,
    /// The payload is not the one that was signed.
    Payload,
    /// The payload is not there.
    PayloadMissing,
    /// The header is not the one that the author's next signature covers.
    Changed,
    /// The entry does not follow the one before it.
    Chain,
    /// The signature does not hold under the author's key.
    Signature,
    /// No signature covers the entry.
    Unsigned,
    /// Nothing proves that the log forks.
    ForkUnproved,
    /// The directory does not list the hub of the log.
    UnknownHub,
    /// The payload says something that cannot stand, and yet was not set aside.
    Faulty(String),
    /// A second release of one hub, period and revision, and yet not set aside.
    SecondRelease {
        /// The period.
        period: Period,
        /// The revision.
        revision: u32,
        /// The entry that holds the first.
        first: Box<Place>,
    },
    /// The Academy set the entry aside, and it is in order.
    SetAside(RefusalReason),
}

impl Problem {
    /// A word that programs know the problem by.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::Manifest(_) => "manifest",
            Problem::ManifestSignature => "manifest_signature",
            Problem::OtherFederationAsked => "other_federation_asked",
            Problem::Genesis(_) => "genesis",
            Problem::FileMissing => "file_missing",
            Problem::Unreadable(_) => "unreadable",
            Problem::OtherLog => "other_log",
            Problem::OtherFederation => "other_federation",
            Problem::Dropped { .. } => "dropped",
            Problem::Reordered { .. } => "reordered",
            Problem::CutShort { .. } => "cut_short",
            Problem::Beyond { .. } => "beyond",
            Problem::OtherTip => "other_tip",
            Problem::Payload => "payload",
            Problem::PayloadMissing => "payload_missing",
            Problem::Changed => "changed",
            Problem::Chain => "chain",
            Problem::Signature => "signature",
            Problem::Unsigned => "unsigned",
            Problem::ForkUnproved => "fork_unproved",
            Problem::UnknownHub => "unknown_hub",
            Problem::Faulty(_) => "faulty",
            Problem::SecondRelease { .. } => "second_release",
            Problem::SetAside(_) => "set_aside",
        }
    }

    /// What is wrong, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Problem::Manifest(words) => format!("the manifest cannot be read: {words}"),
            Problem::ManifestSignature => "the Academy's signature under the manifest does not hold".to_owned(),
            Problem::OtherFederationAsked => "the export is of another federation than the one asked about".to_owned(),
            Problem::Genesis(words) => {
                format!("the directory does not begin with the genesis entry that the federation id names: {words}")
            }
            Problem::FileMissing => "the manifest names this file, and it is not there".to_owned(),
            Problem::Unreadable(words) => format!("the entry cannot be read: {words}"),
            Problem::OtherLog => "the entry belongs to another log".to_owned(),
            Problem::OtherFederation => "the entry was written for another federation".to_owned(),
            Problem::Dropped { stands } => {
                format!("the entry was dropped: entry {stands} stands in its place")
            }
            Problem::Reordered { expected } => {
                format!("the entries are out of order: it stands where entry {expected} should")
            }
            Problem::CutShort { tip } => format!(
                "the entry was dropped: the log ends before it, and the Academy has signed that it holds entries up to \
                 {tip}"
            ),
            Problem::Beyond { tip: 0 } => "the entry was added: the Academy has signed that none counts".to_owned(),
            Problem::Beyond { tip } => {
                format!("the entry was added: the Academy has signed that it holds entries up to {tip}")
            }
            Problem::OtherTip => "the entry is another than the one that the Academy has signed for".to_owned(),
            Problem::Payload => "what the entry says was changed: it is not what its author signed".to_owned(),
            Problem::PayloadMissing => "what the entry says was taken out".to_owned(),
            Problem::Changed => "the entry's header was changed: it is not the one that its author signed".to_owned(),
            Problem::Chain => "the entry does not follow the one before it".to_owned(),
            Problem::Signature => {
                "the signature does not hold: the entry was changed, or signed with another key than the directory lists \
                 for its author"
                    .to_owned()
            }
            Problem::Unsigned => "no signature of its author covers the entry".to_owned(),
            Problem::ForkUnproved => {
                "the Academy says that the log forks here, and no two signed entries with this number prove it".to_owned()
            }
            Problem::UnknownHub => "the directory lists no such hub".to_owned(),
            Problem::Faulty(words) => format!("the Academy counts the entry, and it cannot stand: {words}"),
            Problem::SecondRelease { period, revision, first } => {
                format!(
                    "it is a second release of {period}, revision {revision}: entry {} of the log {} is the first, and \
                     the Academy has not set this one aside",
                    first.seq, first.log.incarnation
                )
            }
            Problem::SetAside(reason) => format!(
                "the Academy does not count the entry ({}), and it is in order",
                reason.words()
            ),
        }
    }

    /// What that means for the figures.
    pub fn meaning(&self) -> &'static str {
        match self {
            Problem::Manifest(_) | Problem::ManifestSignature => {
                "nothing says any more which releases the Academy held, so none could be known to be missing"
            }
            Problem::OtherFederationAsked | Problem::OtherFederation | Problem::Genesis(_) => {
                "the keys are not those of the federation in question, so nothing that they signed says anything of it"
            }
            Problem::FileMissing | Problem::Dropped { .. } | Problem::CutShort { .. } | Problem::PayloadMissing => {
                "something is missing, so figures made from the rest may be too low or too high"
            }
            Problem::Unreadable(_)
            | Problem::OtherLog
            | Problem::Reordered { .. }
            | Problem::Beyond { .. }
            | Problem::OtherTip
            | Problem::Payload
            | Problem::Changed
            | Problem::Chain
            | Problem::Signature
            | Problem::Unsigned => {
                "these are not the bytes that the author signed and the Academy held, so figures made from them say \
                 nothing"
            }
            Problem::ForkUnproved => "releases after this entry are left out without a reason that holds",
            Problem::UnknownHub => "nobody can tell whose releases these are, so they must not count",
            Problem::Faulty(_) => "a release counts that breaks the rules of the federation",
            Problem::SecondRelease { .. } => {
                "which of the two counts is not settled, so the figures of the period are not"
            }
            Problem::SetAside(_) => {
                "a release is left out that should count, so the figures of its period may be wrong"
            }
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Problem::OtherFederationAsked => {
                "compare the federation id with the one that the Academy publishes, and get the export of that federation"
            }
            Problem::Manifest(_)
            | Problem::ManifestSignature
            | Problem::Genesis(_)
            | Problem::OtherFederation
            | Problem::FileMissing
            | Problem::Unreadable(_)
            | Problem::OtherLog
            | Problem::Dropped { .. }
            | Problem::Reordered { .. }
            | Problem::CutShort { .. }
            | Problem::Beyond { .. }
            | Problem::OtherTip
            | Problem::Payload
            | Problem::PayloadMissing
            | Problem::Changed
            | Problem::Chain
            | Problem::Signature
            | Problem::Unsigned
            | Problem::ForkUnproved
            | Problem::UnknownHub => {
                "do not use the figures; get a fresh export from the Academy, and where that does not fit either, have \
                 the Academy restore its folder from a backup"
            }
            Problem::Faulty(_) | Problem::SecondRelease { .. } | Problem::SetAside(_) => {
                "do not use the figures of its period; check with the same version of the software that the Academy runs, \
                 and ask the Academy and the hub about this entry"
            }
        }
    }
}
