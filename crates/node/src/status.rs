//! The one place where failures become gRPC statuses.
//!
//! Every status carries a `google.rpc.ErrorInfo` with a stable reason in the domain `folkmoot`; bad input carries every
//! violation at once, field by field, in a `google.rpc.BadRequest`. Messages are prose that says what to do.

use std::collections::HashMap;
use std::time::Duration;

use folkmoot_disclosure::Refusal;
use folkmoot_store::StoreError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::Error;
use crate::gate::GateError;
use crate::synchronize::SyncError;

/// The domain of every reason.
const DOMAIN: &str = "folkmoot";

/// A status with its reason.
pub(crate) fn reasoned(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// Collects what is wrong with a request, so that the caller learns all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    found: Vec<FieldViolation>,
}

impl Violations {
    /// Notes what is wrong with a field.
    pub(crate) fn add(&mut self, field: impl Into<String>, words: impl Into<String>) {
        self.found.push(FieldViolation::new(field, words));
    }

    /// Goes on where nothing was noted.
    pub(crate) fn check(self) -> Result<(), Status> {
        if self.found.is_empty() { Ok(()) } else { Err(self.refuse()) }
    }

    /// The refusal that says everything noted.
    pub(crate) fn refuse(self) -> Status {
        let sentences: Vec<String> =
            self.found.iter().map(|violation| format!("{}: {}", violation.field, violation.description)).collect();
        let mut details = ErrorDetails::with_error_info("BAD_REQUEST", DOMAIN, HashMap::new());
        details.set_bad_request(self.found);
        Status::with_error_details(Code::InvalidArgument, sentences.join("; "), details)
    }
}

/// The refusal of one field.
pub(crate) fn bad(field: &str, words: impl Into<String>) -> Status {
    let mut violations = Violations::default();
    violations.add(field, words);
    violations.refuse()
}

/// The one mapping of what the store answers instead of a result.
pub(crate) fn store(error: StoreError) -> Status {
    if let StoreError::PolicyRefused { faults } = &error {
        let mut violations = Violations::default();
        faults.iter().for_each(|fault| violations.add(format!("policy.{}", fault.field), &fault.words));
        return violations.refuse();
    }
    let (code, reason) = match &error {
        StoreError::DiskFull { .. } => (Code::ResourceExhausted, "DISK_FULL"),
        StoreError::Disk { .. } => (Code::Unavailable, "DISK_FAILED"),
        StoreError::Busy { .. } => (Code::Unavailable, "STORE_BUSY"),
        StoreError::Damaged { .. } => (Code::DataLoss, "STORE_DAMAGED"),
        StoreError::Inconsistent { .. } => (Code::DataLoss, "STORE_INCONSISTENT"),
        StoreError::Database { .. } => (Code::Internal, "STORE_FAILED"),
        StoreError::File { .. } => (Code::Internal, "STORE_FILE"),
        StoreError::Fault { .. } => (Code::Internal, "FAULT"),
        StoreError::NoAuthor => (Code::Internal, "NO_AUTHOR"),
        StoreError::Closed => (Code::Unavailable, "STORE_CLOSED"),
        StoreError::AlreadyExists => (Code::AlreadyExists, "STORE_EXISTS"),
        StoreError::NotFound => (Code::FailedPrecondition, "STORE_MISSING"),
        StoreError::Foreign => (Code::FailedPrecondition, "STORE_FOREIGN"),
        StoreError::Newer { .. } => (Code::FailedPrecondition, "STORE_NEWER"),
        StoreError::WrongRole { .. } => (Code::FailedPrecondition, "OTHER_ROLE"),
        StoreError::NotJoined => (Code::FailedPrecondition, "NOT_JOINED"),
        StoreError::AlreadyJoined => (Code::FailedPrecondition, "ALREADY_JOINED"),
        StoreError::Frozen => (Code::FailedPrecondition, "FROZEN"),
        StoreError::DirectoryRefused { .. } => (Code::FailedPrecondition, "DIRECTORY_REFUSED"),
        StoreError::InviteUnknown => (Code::PermissionDenied, "INVITE_UNKNOWN"),
        StoreError::InviteOtherName => (Code::PermissionDenied, "INVITE_OTHER_NAME"),
        StoreError::InviteUsed => (Code::PermissionDenied, "INVITE_USED"),
        StoreError::InviteWithdrawn => (Code::PermissionDenied, "INVITE_WITHDRAWN"),
        StoreError::InviteExpired => (Code::PermissionDenied, "INVITE_EXPIRED"),
        StoreError::HubNameTaken { .. } => (Code::AlreadyExists, "HUB_NAME_TAKEN"),
        StoreError::KeyInUse => (Code::AlreadyExists, "KEY_IN_USE"),
        StoreError::NoSuchHub => (Code::NotFound, "NO_SUCH_HUB"),
        StoreError::HubRevoked => (Code::FailedPrecondition, "HUB_REVOKED"),
        StoreError::HubChanged => (Code::Aborted, "HUB_CHANGED"),
        StoreError::ExportOvertaken => (Code::Aborted, "EXPORT_OVERTAKEN"),
        StoreError::ProgrammeChanged { .. } => (Code::AlreadyExists, "PROGRAMME_CHANGED"),
        StoreError::RequestRepeated => (Code::AlreadyExists, "REQUEST_REPEATED"),
        StoreError::UnknownProgramme { .. } => (Code::NotFound, "NO_SUCH_PROGRAMME"),
        StoreError::ListeningStands => (Code::AlreadyExists, "LISTENING_STANDS"),
        StoreError::NoSuchEdition { .. } => (Code::NotFound, "NO_SUCH_EDITION"),
        StoreError::EditionRefused { .. } => (Code::InvalidArgument, "EDITION_REFUSED"),
        StoreError::PolicyRefused { .. } => (Code::InvalidArgument, "BAD_REQUEST"),
        StoreError::NoSuchCampaign => (Code::NotFound, "NO_SUCH_CAMPAIGN"),
        StoreError::NoSuchVersion => (Code::NotFound, "NO_SUCH_VERSION"),
        StoreError::CampaignRefused { .. } => (Code::InvalidArgument, "CAMPAIGN_REFUSED"),
        StoreError::UnknownMember { .. } => (Code::FailedPrecondition, "UNKNOWN_MEMBER"),
        StoreError::NotTheLead { .. } => (Code::PermissionDenied, "NOT_THE_LEAD"),
        StoreError::ReadsOnly { .. } => (Code::PermissionDenied, "READS_ONLY"),
        StoreError::MembershipRefused { .. } => (Code::FailedPrecondition, "MEMBERSHIP_REFUSED"),
        StoreError::LedgerChanged => (Code::Aborted, "LEDGER_CHANGED"),
        StoreError::ReleaseStands { .. } => (Code::FailedPrecondition, "RELEASE_STANDS"),
        StoreError::NotWritten { .. } => (Code::FailedPrecondition, "NOT_WRITTEN"),
        StoreError::Protocol { .. } => (Code::InvalidArgument, "PROTOCOL"),
    };
    if matches!(code, Code::Internal | Code::DataLoss | Code::ResourceExhausted | Code::Unavailable) {
        failed(code, reason, &error)
    } else {
        reasoned(code, reason, error.to_string())
    }
}

/// Why disclosure control makes no release.
pub(crate) fn refusal(refusal: Refusal) -> Status {
    let (code, reason) = match &refusal {
        Refusal::PeriodUnfinished { .. } => (Code::FailedPrecondition, "PERIOD_UNFINISHED"),
        Refusal::PeriodUnknown => (Code::NotFound, "NO_SUCH_PERIOD"),
        Refusal::Inconsistent { .. } => return failed(Code::Internal, "FIGURES_INCONSISTENT", &refusal),
    };
    reasoned(code, reason, refusal.to_string())
}

/// Why the hub's gate proposes or approves nothing.
pub(crate) fn gate(error: GateError) -> Status {
    let (code, reason) = match error {
        GateError::Store(error) => return store(error),
        GateError::Refusal(error) => return refusal(error),
        GateError::FiguresChanged => (Code::Aborted, "FIGURES_CHANGED"),
        GateError::AwaitsReportBack { .. } => (Code::FailedPrecondition, "AWAITS_REPORT_BACK"),
    };
    reasoned(code, reason, error.to_string())
}

/// A failure of this node. It is logged here with all its causes, and nowhere else; the caller gets what to do.
pub(crate) fn failed(code: Code, reason: &'static str, error: &(dyn std::error::Error + 'static)) -> Status {
    let causes: Vec<String> =
        std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string).collect();
    tracing::error!(reason, %error, causes = causes.join(": "), "a call failed");
    reasoned(code, reason, error.to_string())
}

/// Another node's words, as an operator may see them: no control characters, and not endless.
pub(crate) fn words_of(status: &Status) -> String {
    const LONGEST: usize = 500;
    status.message().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

/// Why a node cannot catch up.
pub(crate) fn synchronize(error: SyncError) -> Status {
    let (code, reason) = match &error {
        SyncError::NotJoined => (Code::FailedPrecondition, "NOT_JOINED"),
        SyncError::NoCertificate => (Code::FailedPrecondition, "NO_CERTIFICATE"),
        SyncError::NoAddress => (Code::FailedPrecondition, "NO_ACADEMY_ADDRESS"),
        SyncError::Revoked => (Code::FailedPrecondition, "REVOKED"),
        SyncError::Frozen => (Code::FailedPrecondition, "FROZEN"),
        SyncError::Stopping => (Code::Unavailable, "STOPPING"),
        SyncError::Store(_) => return failed(Code::Internal, "STORE_FAILED", &error),
    };
    reasoned(code, reason, error.to_string())
}

/// The caller's time ended before the node had caught up: what still waits, and what the node is doing about it.
pub(crate) fn timed_out(wait: Duration, entries: u64, releases: u64, activity: &str) -> Status {
    let metadata = HashMap::from([
        ("entries_waiting".to_owned(), entries.to_string()),
        ("releases_waiting".to_owned(), releases.to_string()),
    ]);
    let details = ErrorDetails::with_error_info("SYNCHRONIZE_TIMED_OUT", DOMAIN, metadata);
    let counted = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let waits = match (entries, releases) {
        (0, 0) => "nothing of ours waits, and the Academy has not said yet that both hold the same".to_owned(),
        (entries, releases) => format!(
            "{} and {} still wait",
            counted(entries, "entry", "entries"),
            counted(releases, "release", "releases")
        ),
    };
    let message =
        format!("not caught up after {} s: {waits} ({activity}); the node goes on trying by itself", wait.as_secs());
    Status::with_error_details(Code::DeadlineExceeded, message, details)
}

/// Why a node cannot do what its operator asks. What concerns the command line alone never gets here.
pub(crate) fn node(error: Error) -> Status {
    match error {
        Error::Store(error) => store(error),
        Error::NotAnAcademy => reasoned(Code::FailedPrecondition, "NOT_AN_ACADEMY", error.to_string()),
        Error::AcademyUnknown => reasoned(Code::FailedPrecondition, "NO_ACADEMY_ADDRESS", error.to_string()),
        Error::CertificateRequest { .. } => reasoned(Code::InvalidArgument, "CERTIFICATE_REQUEST", error.to_string()),
        Error::OtherRole { .. } => reasoned(Code::FailedPrecondition, "OTHER_ROLE", error.to_string()),
        Error::OtherFederation => reasoned(Code::FailedPrecondition, "OTHER_FEDERATION", error.to_string()),
        Error::Unreachable { .. } => reasoned(Code::Unavailable, "UNREACHABLE", error.to_string()),
        Error::CertificateExpired { .. } | Error::CertificateRefused { .. } | Error::WrongNode { .. } => {
            reasoned(Code::FailedPrecondition, "CERTIFICATE", error.to_string())
        }
        Error::FolderTaken { .. }
        | Error::FolderHalfMade { .. }
        | Error::FolderEmpty { .. }
        | Error::FolderClosed { .. }
        | Error::FolderOpen { .. }
        | Error::FolderServed { .. }
        | Error::File { .. }
        | Error::BrokenFile { .. }
        | Error::Settings { .. }
        | Error::Invite(_)
        | Error::WrongAcademy { .. }
        | Error::Refused { .. }
        | Error::BadAnswer { .. }
        | Error::NotServed { .. }
        | Error::SocketPath { .. }
        | Error::Listen { .. }
        | Error::Cryptography { .. }
        | Error::Randomness
        | Error::Start { .. } => failed(Code::Internal, "NODE_FAILED", &error),
    }
}
