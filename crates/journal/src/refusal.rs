//! Why entries were set aside, or a frame was not taken.

use folkmoot_proto::federation::v1;

use crate::fault::Fault;
use crate::topic::{Cursor, LogId, Topic};

/// The longest detail, in characters, that is kept of what a peer says.
const DETAIL_CHARACTERS: usize = 300;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// Said by a newer node, or not at all.
    Unspecified,
    /// The payload could not be read.
    MalformedPayload,
    /// The payload breaks the form of a release.
    ReleaseForm,
    /// The period had not ended, or does not exist.
    ReleaseCalendar,
    /// Another release of the same period and revision is held already.
    SecondRelease,
    /// The release was made under a policy that the federation does not have.
    ReleasePolicy,
    /// The author may not write this topic.
    NotAuthorised,
    /// The author is not in the directory yet; the frame may be sent again.
    UnknownAuthor,
    /// The author's status ends its log before this entry.
    AfterRevocation,
    /// The signature, the chain or a payload hash does not hold.
    NotGenuine,
    /// Another entry with the same number is held: the log forks.
    Fork,
    /// An entry before this one is missing.
    Gap,
    /// The receiver does not want this topic.
    NotSubscribed,
    /// The sender runs as a superseded copy.
    Frozen,
    /// A funding programme, hub or policy that cannot stand.
    DirectoryRule,
    /// The campaign is not known yet; the frame may be sent again after the one that founds it.
    UnknownCampaign,
    /// The membership does not found this campaign.
    Membership,
    /// The changes do not fit the campaign's document.
    CampaignChanges,
    /// The sender was a member of the campaign and is none any more.
    NoMember,
}

impl RefusalReason {
    /// Every reason, for tables.
    pub const ALL: [RefusalReason; 19] = [
        RefusalReason::Unspecified,
        RefusalReason::MalformedPayload,
        RefusalReason::ReleaseForm,
        RefusalReason::ReleaseCalendar,
        RefusalReason::SecondRelease,
        RefusalReason::ReleasePolicy,
        RefusalReason::NotAuthorised,
        RefusalReason::UnknownAuthor,
        RefusalReason::AfterRevocation,
        RefusalReason::NotGenuine,
        RefusalReason::Fork,
        RefusalReason::Gap,
        RefusalReason::NotSubscribed,
        RefusalReason::Frozen,
        RefusalReason::DirectoryRule,
        RefusalReason::UnknownCampaign,
        RefusalReason::Membership,
        RefusalReason::CampaignChanges,
        RefusalReason::NoMember,
    ];

    /// The number on the wire, which also is what a store writes down.
    pub fn number(self) -> i32 {
        self.to_wire() as i32
    }

    /// Reads the number on the wire; a newer node's reason is [`RefusalReason::Unspecified`].
    pub fn from_number(number: i32) -> Self {
        RefusalReason::ALL.into_iter().find(|reason| reason.number() == number).unwrap_or(RefusalReason::Unspecified)
    }

    /// The reason's name in texts that programs read, such as `RELEASE_FORM`.
    pub fn code(self) -> &'static str {
        let name = self.to_wire().as_str_name();
        name.strip_prefix("REASON_").unwrap_or(name)
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        RefusalReason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What an operator is told.
    pub fn words(self) -> &'static str {
        match self {
            RefusalReason::Unspecified => "refused for a reason that this software does not know; upgrade it",
            RefusalReason::MalformedPayload => "the payload could not be read",
            RefusalReason::ReleaseForm => "the release breaks the form of a release",
            RefusalReason::ReleaseCalendar => "the release's period had not ended or does not exist",
            RefusalReason::SecondRelease => "another release of the same period and revision is held already",
            RefusalReason::ReleasePolicy => "the release was made under a policy that the federation does not have",
            RefusalReason::NotAuthorised => "the author may not write there",
            RefusalReason::UnknownAuthor => "the author is not in the directory yet; it will be offered again",
            RefusalReason::AfterRevocation => "the author was revoked, or edits no longer, before this entry",
            RefusalReason::NotGenuine => "the signature, the chain or a payload hash does not hold",
            RefusalReason::Fork => "the log forks here: two entries bear one number; both are kept as evidence",
            RefusalReason::Gap => "an entry before this one is missing; it will be offered again",
            RefusalReason::NotSubscribed => "the receiver does not want this topic",
            RefusalReason::Frozen => "the sender runs as a superseded copy; stop one of the two",
            RefusalReason::DirectoryRule => "the directory entry cannot stand",
            RefusalReason::UnknownCampaign => "the campaign is not known here yet; it will be offered again",
            RefusalReason::Membership => "the membership does not found this campaign",
            RefusalReason::CampaignChanges => "the changes do not fit the campaign's document",
            RefusalReason::NoMember => "the sender takes part in the campaign no longer",
        }
    }

    /// Whether what was refused may be taken when it is offered again, without anything changing at the sender.
    pub fn is_passing(self) -> bool {
        match self {
            RefusalReason::UnknownAuthor | RefusalReason::Gap | RefusalReason::UnknownCampaign => true,
            RefusalReason::Unspecified
            | RefusalReason::MalformedPayload
            | RefusalReason::ReleaseForm
            | RefusalReason::ReleaseCalendar
            | RefusalReason::SecondRelease
            | RefusalReason::ReleasePolicy
            | RefusalReason::NotAuthorised
            | RefusalReason::AfterRevocation
            | RefusalReason::NotGenuine
            | RefusalReason::Fork
            | RefusalReason::NotSubscribed
            | RefusalReason::Frozen
            | RefusalReason::DirectoryRule
            | RefusalReason::Membership
            | RefusalReason::CampaignChanges
            | RefusalReason::NoMember => false,
        }
    }

    fn to_wire(self) -> v1::refusal::Reason {
        use v1::refusal::Reason;
        match self {
            RefusalReason::Unspecified => Reason::Unspecified,
            RefusalReason::MalformedPayload => Reason::MalformedPayload,
            RefusalReason::ReleaseForm => Reason::ReleaseForm,
            RefusalReason::ReleaseCalendar => Reason::ReleaseCalendar,
            RefusalReason::SecondRelease => Reason::SecondRelease,
            RefusalReason::ReleasePolicy => Reason::ReleasePolicy,
            RefusalReason::NotAuthorised => Reason::NotAuthorised,
            RefusalReason::UnknownAuthor => Reason::UnknownAuthor,
            RefusalReason::AfterRevocation => Reason::AfterRevocation,
            RefusalReason::NotGenuine => Reason::NotGenuine,
            RefusalReason::Fork => Reason::Fork,
            RefusalReason::Gap => Reason::Gap,
            RefusalReason::NotSubscribed => Reason::NotSubscribed,
            RefusalReason::Frozen => Reason::Frozen,
            RefusalReason::DirectoryRule => Reason::DirectoryRule,
            RefusalReason::UnknownCampaign => Reason::UnknownCampaign,
            RefusalReason::Membership => Reason::Membership,
            RefusalReason::CampaignChanges => Reason::CampaignChanges,
            RefusalReason::NoMember => Reason::NoMember,
        }
    }
}

/// Says that entries of one log were set aside, or not taken at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The topic of the log.
    pub topic: Topic,
    /// The first entry that this is about.
    pub entry: Cursor,
    /// Why.
    pub reason: RefusalReason,
    /// A sentence of the refusing software's own; never text of a person.
    pub detail: String,
    /// Whether the entry is held, set aside, rather than not taken.
    pub set_aside: bool,
}

impl Refusal {
    /// The log that this is about.
    pub fn log(&self) -> LogId {
        self.entry.log(self.topic)
    }

    /// The message.
    pub fn to_wire(&self) -> v1::Refusal {
        v1::Refusal {
            topic: self.topic.to_bytes().to_vec(),
            entry: Some(self.entry.to_wire()),
            reason: self.reason.number(),
            detail: self.detail.clone(),
            set_aside: self.set_aside,
        }
    }

    /// Reads a message; what is too long or unprintable in the detail is left out.
    pub fn from_wire(wire: &v1::Refusal) -> Result<Self, Fault> {
        Ok(Refusal {
            topic: Topic::from_slice(&wire.topic)?,
            entry: Cursor::from_wire(wire.entry.as_ref().ok_or(Fault::Form("a refusal names no entry"))?)?,
            reason: RefusalReason::from_number(wire.reason),
            detail: wire.detail.chars().filter(|c| !c.is_control()).take(DETAIL_CHARACTERS).collect(),
            set_aside: wire.set_aside,
        })
    }
}
