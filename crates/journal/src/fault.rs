//! What can be wrong with bytes that another node made.

use crate::refusal::RefusalReason;

/// Why an entry, frame, payload or receipt is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something breaks the layout of the protocol.
    #[error("malformed: {0}")]
    Form(&'static str),
    /// Something is larger than the protocol allows.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// The entry format is newer than this software; upgrade it.
    #[error("entry format {0} is newer than this software; upgrade it")]
    UnknownFormat(u32),
    /// A signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// An entry does not follow the one before it.
    #[error("the chain of entries does not hold")]
    Chain,
    /// A payload is not the one that the header names.
    #[error("a payload is not the one that its header names")]
    PayloadHash,
    /// The entry belongs to another federation.
    #[error("the entry belongs to another federation")]
    OtherFederation,
    /// The genesis entry is not the one that the federation id names.
    #[error("the genesis entry is not the one that the federation id names: {0}")]
    Genesis(&'static str),
    /// A payload of a known kind cannot be read.
    #[error("the payload cannot be read: {0}")]
    Payload(&'static str),
    /// A directory payload that cannot stand.
    #[error("the directory entry cannot stand: {0}")]
    Directory(&'static str),
    /// A disclosure policy that cannot stand.
    #[error("the policy cannot stand: {0}")]
    Policy(String),
    /// A membership that founds no campaign.
    #[error("the membership does not found this campaign: {0}")]
    Membership(&'static str),
}

impl Fault {
    /// The reason that a refusal of the faulty thing carries.
    pub fn reason(&self) -> RefusalReason {
        match self {
            Fault::Form(_)
            | Fault::TooLarge(_)
            | Fault::UnknownFormat(_)
            | Fault::Signature
            | Fault::Chain
            | Fault::PayloadHash
            | Fault::OtherFederation
            | Fault::Genesis(_) => RefusalReason::NotGenuine,
            Fault::Payload(_) => RefusalReason::MalformedPayload,
            Fault::Directory(_) | Fault::Policy(_) => RefusalReason::DirectoryRule,
            Fault::Membership(_) => RefusalReason::Membership,
        }
    }
}
