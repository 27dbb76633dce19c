//! Disclosure policies.

use folkmoot_disclosure::{GivenTerms, Policies, Policy, PolicyRecord, Terms};
use folkmoot_domain::calendar::Quarter;
use folkmoot_journal::{PayloadKind, Topic, encode_policy};
use rusqlite::{Connection, OptionalExtension, params};

use super::{AcademyStore, day};
use crate::engine::UnixMillis;
use crate::error::{RefusedField, StoreError};
use crate::journal::{append_in, policy_entries};

/// How many quarters ahead a policy may begin. What is set is never taken back, so that a mistyped year would bind for ever.
const QUARTERS_AHEAD: i32 = 20;

/// A policy to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyDraft {
    /// The first quarter in which it holds; the next where not given.
    pub from: Option<Quarter>,
    /// The terms that are to change.
    pub given: GivenTerms,
}

/// A policy that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPolicy {
    /// The policy.
    pub policy: Policy,
    /// The first quarter in which it holds; `None` of the floors.
    pub from: Option<Quarter>,
    /// When it was made, to the minute; `None` of the floors.
    pub made_at: Option<UnixMillis>,
    /// Whether a later one begins as early, so that no period is under this one.
    pub replaced: bool,
}

impl AcademyStore {
    /// Sets the next policy. The very same as the latest is no fault, and a repeated `request_id` returns what the first
    /// request set; an empty one is none.
    ///
    /// # Errors
    /// [`StoreError::PolicyRefused`] with everything that is wrong; failures of the database.
    pub fn create_policy(&self, draft: PolicyDraft, request_id: &str) -> Result<KnownPolicy, StoreError> {
        // Ids of requests for other things may be the same.
        let request = if request_id.is_empty() { None } else { Some(format!("policies/{request_id}")) };
        let version = self.store.write("academy create policy", move |tx| {
            if let Some(request) = &request
                && let Some(version) = made_by(tx, request)?
            {
                return Ok(version);
            }
            let now = Quarter::of(day(tx.now()));
            let from = draft.from.unwrap_or(now.next());
            let policies = tx.working.directory().policies().clone();
            let terms = draft.given.over(&policies.latest().terms());
            let same = |record: &&PolicyRecord| record.from == from && record.terms == terms;
            let version = match policies.standing().last().filter(same) {
                Some(latest) => latest.version,
                None => {
                    check(&policies, from, &terms, now)?;
                    let none_left = || StoreError::inconsistent("more policies than can be counted");
                    let version = policies.next_version().ok_or_else(none_left)?;
                    let record = PolicyRecord { version, from, terms };
                    append_in(tx, Topic::Directory, PayloadKind::PolicyRecord, encode_policy(&record))?;
                    version
                }
            };
            if let Some(request) = &request {
                tx.execute("INSERT INTO request (id, made) VALUES (?1, ?2)", params![request, version.to_string()])?;
            }
            Ok(version)
        })?;
        let found = self.policies()?.into_iter().find(|known| known.policy.version() == version);
        found.ok_or_else(|| StoreError::inconsistent("the policy that was set"))
    }

    /// Every policy that stands, by version, the floors first.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn policies(&self) -> Result<Vec<KnownPolicy>, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        self.store.read("academy policies", move |connection| {
            let policies = directory.policies();
            let schedule = policies.schedule();
            let entries = policy_entries(connection)?;
            let made = policies.standing().into_iter().filter_map(|record| {
                let of_record = entries.iter().filter(|entry| entry.record == record);
                Some(KnownPolicy {
                    policy: policies.of_version(record.version)?,
                    from: Some(record.from),
                    made_at: of_record.map(|entry| entry.written_at).min(),
                    replaced: !schedule.iter().any(|one| one.policy.version() == record.version),
                })
            });
            let floor = KnownPolicy { policy: Policy::floor(), from: None, made_at: None, replaced: false };
            Ok(std::iter::once(floor).chain(made).collect())
        })
    }
}

/// Finds everything that is wrong with a policy that begins in the quarter `from`, made in the quarter `now`.
fn check(policies: &Policies, from: Quarter, terms: &Terms, now: Quarter) -> Result<(), StoreError> {
    let of_terms = policies.faults_of_next(terms).into_iter().map(|fault| RefusedField {
        field: fault.term().map_or("version", |term| term.code()),
        words: fault.to_string(),
    });
    let mut faults: Vec<RefusedField> = of_terms.collect();
    let mut begins = |words: String| faults.push(RefusedField { field: "first_quarter", words });
    if from <= now {
        begins(format!(
            "{from} has begun: a policy holds from a quarter to come, {} or later, so that no quarter changes under way \
             and hubs know it before they release",
            now.next()
        ));
    } else if from.index() - now.index() > QUARTERS_AHEAD {
        begins(format!("{from} is more than five years ahead; a policy is never taken back"));
    } else {
        let then = policies.in_force(from.span());
        if then.terms() == *terms {
            begins(format!("policy {} has the same terms by {from}: nothing would change", then.version()));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(StoreError::PolicyRefused { faults }) }
}

/// The version of the policy that an earlier request of this id set.
fn made_by(connection: &Connection, request: &str) -> Result<Option<u32>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT made FROM request WHERE id = ?1")?;
    let made: Option<String> = statement.query_row([request], |row| row.get(0)).optional()?;
    let unreadable = || StoreError::inconsistent("the policy that a request set");
    made.map(|version| version.parse().map_err(|_| unreadable())).transpose()
}
