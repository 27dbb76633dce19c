//! Signed append-only logs, and the exchange of them between two nodes as a state machine.
//!
//! Absences that hold here, each for a reason:
//! - no IO, no clock, no randomness: salts, minutes, incarnations and keys are arguments, so that a simulation replays;
//! - no unordered map: two runs over the same input do the same in the same order;
//! - no panic that a peer's bytes can reach: what is wrong in form is a [`Fault`], a [`Refusal`] or a
//!   [`exchange::CloseReason`];
//! - no second way to hash or to sign: BLAKE3, Ed25519 and zstd are named in this crate alone.

pub mod admission;
pub mod author;
pub mod digest;
pub mod directory;
pub mod entry;
pub mod exchange;
pub mod export;
pub mod fault;
pub mod frame;
pub mod id;
pub mod key;
pub mod membership;
pub mod opening;
pub mod payload;
pub mod receipt;
pub mod refusal;
pub mod rights;
pub mod topic;

pub use admission::{Admission, PeerIncarnations};
pub use author::{Author, Genesis, check_genesis, found};
pub use directory::{Applied, Appointment, Directory, HubRecord, HubState, Limit, Member, PeerStatus, Role};
pub use entry::{Body, Entry, Header, PayloadKind, payload_hash};
pub use fault::Fault;
pub use frame::{Unpacked, pack, show, unpack};
pub use id::{CampaignId, FederationId, Hash, Incarnation, NodeId};
pub use key::{Context, LogKey, LogPublicKey, Signature};
pub use membership::{
    MemberRole, Membership, MembershipChange, MembershipRecord, Memberships, Roster, Signed, campaign_id,
};
pub use opening::{KnownLog, earlier_tips};
pub use payload::{
    Checkpoint, Demand, Opening, Payload, encode_appointment, encode_attestation, encode_campaign_changes,
    encode_checkpoint, encode_edition, encode_hub_record, encode_membership, encode_membership_change, encode_opening,
    encode_policy, encode_programme, encode_release, encode_retirement,
};
pub use receipt::{Proof, Receipt};
pub use refusal::{Refusal, RefusalReason};
pub use rights::Rights;
pub use topic::{Cursor, LogId, Topic};
