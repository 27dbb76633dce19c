//! The document itself. Text indexes count UTF-16 units, as JavaScript clients do.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ChangeHash, LoadOptions, ObjId, ObjType, ROOT, ReadDoc, TextEncoding,
};

use crate::admission::{ChangeFault, check_size};

const SCHEMA: i64 = 1;
const KEYS: [&str; 5] = ["aim", "notes", "organisations", "schema", "title"];
/// The author of the first change, which every node makes alike.
const FIRST_ACTOR: [u8; 16] = *b"folkmoot/first/1";

/// Who edits: one process of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The node's id.
    pub node: [u8; 32],
    /// 64 random bits, drawn at process start or for one export, and never used again by anything else.
    pub incarnation: u64,
}

impl Actor {
    /// The actor as automerge clients are given it: the node's id, then the incarnation, big end first.
    pub fn bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&self.node);
        bytes[32..].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes
    }

    fn id(self) -> ActorId {
        ActorId::from(&self.bytes()[..])
    }
}

/// An organisation on the campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    /// The organisation's name.
    pub organisation: String,
    /// The node id of the hub that brought it, in hexadecimal.
    pub hub: String,
}

/// What a campaign says, read from its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The title.
    pub title: String,
    /// What the campaign wants.
    pub aim: String,
    /// The organisations in the order of signing up; an organisation that two hubs signed up apart is there once.
    pub organisations: Vec<SignUp>,
    /// Notes that all members share.
    pub notes: String,
}

/// A change that a member makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces the title.
    Title(String),
    /// Replaces the aim.
    Aim(String),
    /// Adds an organisation; does nothing where it has signed up already.
    SignUp(String),
    /// Adds to the end of the shared notes.
    AppendNotes(String),
}

impl Edit {
    /// Whether its text keeps to the limits of a campaign.
    ///
    /// # Errors
    /// [`CampaignError::TooLong`], [`CampaignError::Empty`], [`CampaignError::ControlCharacter`].
    pub fn check(&self) -> Result<(), CampaignError> {
        let (field, text, limit, may_be_empty) = match self {
            Edit::Title(text) => ("title", text, MAX_TITLE_CHARACTERS, false),
            Edit::Aim(text) => ("aim", text, MAX_AIM_CHARACTERS, true),
            Edit::SignUp(text) => ("organisation", text, MAX_ORGANISATION_CHARACTERS, false),
            Edit::AppendNotes(text) => ("notes", text, MAX_NOTES_CHARACTERS, false),
        };
        let given = text.chars().count();
        if given > limit {
            return Err(CampaignError::TooLong { field, given, limit });
        }
        if !may_be_empty && text.trim().is_empty() {
            return Err(CampaignError::Empty { field });
        }
        let allowed = |character| field == "notes" && matches!(character, '\n' | '\t');
        match text.chars().position(|character| character.is_control() && !allowed(character)) {
            Some(at) => Err(CampaignError::ControlCharacter { field, at: at + 1 }),
            None => Ok(()),
        }
    }
}

/// The most characters of a title.
pub const MAX_TITLE_CHARACTERS: usize = 200;
/// The most characters of an aim.
pub const MAX_AIM_CHARACTERS: usize = 2_000;
/// The most characters of an organisation's name.
pub const MAX_ORGANISATION_CHARACTERS: usize = 200;
/// The most characters that one edit may add to the notes.
pub const MAX_NOTES_CHARACTERS: usize = 20_000;

/// What a campaign document cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// A stored document does not load, or loads as something else than was stored.
    #[error("the stored document is damaged; load it again from the entries of its log")]
    Damaged,
    /// An edit could not be carried out.
    #[error("the edit does not fit the document; read it again and repeat the edit")]
    EditFailed,
    /// A text of an edit is longer than a campaign takes.
    #[error("the {field} has {given} characters; {limit} are the most: shorten it")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// Its length in characters.
        given: usize,
        /// The most characters.
        limit: usize,
    },
    /// A text that must say something is empty or blank.
    #[error("the {field} is empty; give one")]
    Empty {
        /// Which text.
        field: &'static str,
    },
    /// A text holds a control character.
    #[error("the {field} holds a control character at character {at}, counted from 1; take it out{}", if *.field == "notes" { " (new lines and tabs may stay)" } else { "" })]
    ControlCharacter {
        /// Which text.
        field: &'static str,
        /// Its place in the text, in characters from 1.
        at: usize,
    },
}

/// What one entry brings: the changes of one author, which are admitted together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The node id of the entry's author.
    pub author: [u8; 32],
    /// Changes in automerge's binary format.
    pub changes: Vec<Vec<u8>>,
    /// Whether the entry lies behind the end that a revocation gave its log. Such an entry counts only where an entry that
    /// is not late builds on it.
    pub late: bool,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of its changes are part of the document.
    Admitted,
    /// It builds on changes that are not here, or is late and nothing builds on it: offer it again with what comes next.
    Waiting,
    /// It never will be part of the document.
    Refused(Refused),
}

/// Why a submission was refused, and which of its changes is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("change {} of the entry was refused: {fault}", .change + 1)]
pub struct Refused {
    /// The change's place in the submission, from 0.
    pub change: usize,
    /// What is wrong with it.
    pub fault: ChangeFault,
}

/// One campaign document in memory.
pub struct Campaign {
    document: Automerge,
}

impl Campaign {
    /// The document before any member's change: the same bytes on every node.
    pub fn blank() -> Self {
        let mut document =
            Automerge::new_with_encoding(TextEncoding::Utf16CodeUnit).with_actor(ActorId::from(&FIRST_ACTOR[..]));
        document
            .transact_with::<_, _, AutomergeError, _>(
                |_| CommitOptions::default().with_time(0),
                |transaction| {
                    transaction.put(ROOT, "schema", SCHEMA)?;
                    transaction.put(ROOT, "title", "")?;
                    transaction.put(ROOT, "aim", "")?;
                    transaction.put_object(ROOT, "organisations", ObjType::List)?;
                    transaction.put_object(ROOT, "notes", ObjType::Text)?;
                    Ok(())
                },
            )
            .expect("a blank document takes its first change");
        Self { document }
    }

    /// Carries out an edit as `actor` and returns the change's bytes, or nothing where the edit changes nothing.
    ///
    /// # Errors
    /// [`CampaignError::EditFailed`] where the document is not of the known form.
    pub fn edit(&mut self, actor: Actor, edit: &Edit) -> Result<Option<Vec<u8>>, CampaignError> {
        edit.check()?;
        let before = self.document.get_heads();
        self.document.set_actor(actor.id());
        let signed_up = self.view()?.organisations;
        self.document
            .transact_with::<_, _, AutomergeError, _>(
                |_| CommitOptions::default().with_time(0),
                |transaction| match edit {
                    Edit::Title(title) => transaction.put(ROOT, "title", title.as_str()),
                    Edit::Aim(aim) => transaction.put(ROOT, "aim", aim.as_str()),
                    Edit::SignUp(organisation) => {
                        if signed_up.iter().any(|known| known.organisation == *organisation) {
                            return Ok(());
                        }
                        let list = object(transaction, "organisations")?;
                        let at = transaction.length(&list);
                        let entry = transaction.insert_object(&list, at, ObjType::Map)?;
                        transaction.put(&entry, "organisation", organisation.as_str())?;
                        transaction.put(&entry, "hub", hex(&actor.node))
                    }
                    Edit::AppendNotes(text) => {
                        let notes = object(transaction, "notes")?;
                        let at = transaction.length(&notes);
                        transaction.splice_text(&notes, at, 0, text)
                    }
                },
            )
            .map_err(|_| CampaignError::EditFailed)?;
        Ok(self.document.get_changes(&before).into_iter().next().map(|change| change.raw_bytes().to_vec()))
    }

    /// Admits what can be admitted of all submissions at once, and says of each what became of it, in the same order.
    ///
    /// The outcome is the same in whatever order submissions come and however they are spread over calls, as long as those
    /// that wait are offered again. Submissions of one author come in the order in which that author wrote them. What is
    /// held already is passed over as admitted. A bad submission takes no other one down.
    pub fn admit_all(&mut self, submissions: &[Submission]) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::Waiting; submissions.len()];
        loop {
            let mut moved = false;
            for (submission, verdict) in submissions.iter().zip(&mut verdicts) {
                if *verdict == Verdict::Waiting && !submission.late {
                    *verdict = self.admit_one(submission);
                    moved |= *verdict == Verdict::Admitted;
                }
            }
            if !moved {
                return verdicts;
            }
        }
    }

    fn admit_one(&mut self, submission: &Submission) -> Verdict {
        let mut known = BTreeSet::new();
        let mut parsed = Vec::with_capacity(submission.changes.len());
        for (index, bytes) in submission.changes.iter().enumerate() {
            let refused = |fault| Verdict::Refused(Refused { change: index, fault });
            let change = match parse(submission.author, bytes) {
                Ok(change) => change,
                Err(fault) => return refused(fault),
            };
            if !change.deps().iter().all(|hash| known.contains(hash) || self.holds(hash)) {
                return Verdict::Waiting;
            }
            known.insert(change.hash());
            parsed.push(change);
        }
        let heads: Vec<ChangeHash> = known.into_iter().collect();
        let fork = guarded(|| {
            let mut fork = self.document.fork();
            fork.apply_changes(parsed).ok()?;
            let whole = heads.iter().all(|hash| fork.get_change_by_hash(hash).is_some());
            (whole && well_formed(&fork)).then_some(fork)
        });
        match fork {
            None => Verdict::Refused(Refused { change: 0, fault: ChangeFault::Breaking }),
            Some(None) => Verdict::Refused(Refused { change: 0, fault: ChangeFault::Operation }),
            Some(Some(document)) => {
                self.document = document;
                Verdict::Admitted
            }
        }
    }

    /// The whole document as automerge saves it, for a client that edits it elsewhere under an actor of its own.
    pub fn export(&self) -> Vec<u8> {
        self.document.save()
    }

    /// The hashes of the changes that no other change builds on, which tell whether two documents are the same.
    pub fn heads(&self) -> Vec<[u8; 32]> {
        self.document.get_heads().into_iter().map(|head| head.0).collect()
    }

    /// Whether no member has changed anything yet.
    pub fn is_empty(&self) -> bool {
        self.document.get_heads() == Self::blank().document.get_heads()
    }

    /// All changes but the first that every node makes alike, in an order in which they can be admitted, with the node id
    /// of each one's author.
    pub fn changes(&self) -> Vec<([u8; 32], Vec<u8>)> {
        self.document
            .get_changes(&[])
            .into_iter()
            .filter_map(|change| {
                let author = change.actor_id().to_bytes().first_chunk::<32>().copied()?;
                Some((author, change.raw_bytes().to_vec()))
            })
            .collect()
    }

    /// What the campaign says now.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where the document is not of the known form.
    pub fn view(&self) -> Result<View, CampaignError> {
        read(&self.document).ok_or(CampaignError::Damaged)
    }

    /// The whole document as automerge saves it, and its heads, to be given back to [`Campaign::load`].
    pub fn snapshot(&self) -> (Vec<u8>, Vec<[u8; 32]>) {
        (self.document.save(), self.document.get_heads().into_iter().map(|head| head.0).collect())
    }

    /// Loads a snapshot and compares its heads, because a truncated one loads without complaint.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where it does not load, or not as what was saved.
    pub fn load(bytes: &[u8], heads: &[[u8; 32]]) -> Result<Self, CampaignError> {
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let document = guarded(|| Automerge::load_with_options(bytes, options))
            .and_then(Result::ok)
            .filter(well_formed)
            .ok_or(CampaignError::Damaged)?;
        let loaded: BTreeSet<[u8; 32]> = document.get_heads().into_iter().map(|head| head.0).collect();
        if loaded == heads.iter().copied().collect() { Ok(Self { document }) } else { Err(CampaignError::Damaged) }
    }

    fn holds(&self, hash: &ChangeHash) -> bool {
        self.document.get_change_by_hash(hash).is_some()
    }
}

fn parse(author: [u8; 32], bytes: &[u8]) -> Result<Change, ChangeFault> {
    check_size(bytes)?;
    let change = guarded(|| Change::from_bytes(bytes.to_vec()))
        .ok_or(ChangeFault::Breaking)
        .and_then(|parsed| parsed.map_err(|_| ChangeFault::Malformed))?;
    let actor = change.actor_id().to_bytes();
    if actor.len() != 40 || !actor.starts_with(&author) {
        return Err(ChangeFault::ForeignActor);
    }
    if change.message().is_some_and(|message| !message.is_empty()) {
        return Err(ChangeFault::Message);
    }
    Ok(change)
}

/// Runs code of the CRDT library on bytes from outside; `None` where it panicked.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn object(document: &impl ReadDoc, key: &str) -> Result<ObjId, AutomergeError> {
    document.get(ROOT, key)?.map(|(_, id)| id).ok_or(AutomergeError::InvalidObjId(key.to_owned()))
}

fn well_formed(document: &Automerge) -> bool {
    document.keys(ROOT).eq(KEYS) && read(document).is_some()
}

fn read(document: &Automerge) -> Option<View> {
    let text = |id: &ObjId, key: &str| -> Option<String> { document.get(id, key).ok()??.0.as_str().map(str::to_owned) };
    let schema = document.get(ROOT, "schema").ok()??.0.as_i64()?;
    if schema != SCHEMA {
        return None;
    }
    let typed = |key: &str, kind: ObjType| -> Option<ObjId> {
        let (value, id) = document.get(ROOT, key).ok()??;
        (value.to_objtype() == Some(kind)).then_some(id)
    };
    let (list, notes) = (typed("organisations", ObjType::List)?, typed("notes", ObjType::Text)?);
    let mut organisations: Vec<SignUp> = Vec::new();
    for at in 0..document.length(&list) {
        let (_, entry) = document.get(&list, at).ok()??;
        let (organisation, hub) = (text(&entry, "organisation")?, text(&entry, "hub")?);
        if !organisations.iter().any(|known| known.organisation == organisation) {
            organisations.push(SignUp { organisation, hub });
        }
    }
    Some(View {
        title: text(&ROOT, "title")?,
        aim: text(&ROOT, "aim")?,
        organisations,
        notes: document.text(&notes).ok()?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const WARMINSTER: Actor = Actor { node: [1; 32], incarnation: 7 };
    const LUTON: Actor = Actor { node: [2; 32], incarnation: 9 };

    fn admit(campaign: &mut Campaign, author: [u8; 32], changes: &[Vec<u8>]) -> Verdict {
        campaign.admit_all(&[Submission { author, changes: changes.to_vec(), late: false }]).remove(0)
    }

    fn edited(campaign: &mut Campaign, actor: Actor, edit: Edit) -> Vec<u8> {
        campaign.edit(actor, &edit).expect("an edit that fits").expect("an edit that changes something")
    }

    fn started() -> Campaign {
        let mut campaign = Campaign::blank();
        edited(&mut campaign, WARMINSTER, Edit::Title("Wi-Fi for all 🚌".into()));
        campaign
    }

    #[test]
    fn every_node_makes_the_same_blank_document() {
        assert_eq!(Campaign::blank().snapshot(), Campaign::blank().snapshot());
    }

    #[test]
    fn two_hubs_edit_apart_and_merge() {
        let mut ours = started();
        let mut theirs = Campaign::blank();
        for (author, change) in ours.changes() {
            assert_eq!(admit(&mut theirs, author, &[change]), Verdict::Admitted);
        }
        let from_ours = vec![
            edited(&mut ours, WARMINSTER, Edit::AppendNotes("Met the council. ".into())),
            edited(&mut ours, WARMINSTER, Edit::SignUp("Library".into())),
        ];
        let from_theirs = vec![
            edited(&mut theirs, LUTON, Edit::AppendNotes("Leaflets 🖨 printed. ".into())),
            edited(&mut theirs, LUTON, Edit::SignUp("Library".into())),
            edited(&mut theirs, LUTON, Edit::Aim("A databank".into())),
        ];
        assert_eq!(admit(&mut ours, LUTON.node, &from_theirs), Verdict::Admitted);
        assert_eq!(admit(&mut theirs, WARMINSTER.node, &from_ours), Verdict::Admitted);
        let view = ours.view().expect("a campaign");
        assert_eq!(view, theirs.view().expect("a campaign"));
        assert_eq!(view.organisations.len(), 1);
        assert!(view.notes.contains("council") && view.notes.contains("🖨"));
        assert_eq!(ours.edit(LUTON, &Edit::SignUp("Library".into())), Ok(None));
    }

    #[test]
    fn changes_that_may_not_enter_are_refused_and_leave_the_document_alone() {
        let mut writer = started();
        let first: Vec<u8> = writer.changes().remove(0).1;
        let second = edited(&mut writer, WARMINSTER, Edit::Aim("x".into()));
        let foreign_key = {
            let mut other = Automerge::load(&Campaign::blank().snapshot().0).expect("a blank document");
            other.set_actor(LUTON.id());
            other
                .transact::<_, _, AutomergeError>(|transaction| transaction.put(ROOT, "phone", "07700 900000"))
                .expect("a change");
            other.get_last_local_change().expect("a change").raw_bytes().to_vec()
        };
        let with_message = {
            let mut other = Automerge::load(&Campaign::blank().snapshot().0).expect("a blank document");
            other.set_actor(LUTON.id());
            other
                .transact_with::<_, _, AutomergeError, _>(
                    |_| CommitOptions::default().with_message("for Mary"),
                    |transaction| transaction.put(ROOT, "aim", "y"),
                )
                .expect("a change");
            other.get_last_local_change().expect("a change").raw_bytes().to_vec()
        };
        let mut cut = first.clone();
        cut.truncate(first.len() - 3);
        let cases = [
            (
                "another hub's actor",
                LUTON.node,
                first.clone(),
                Verdict::Refused(Refused { change: 0, fault: ChangeFault::ForeignActor }),
            ),
            ("its dependency is missing", WARMINSTER.node, second, Verdict::Waiting),
            ("cut short", WARMINSTER.node, cut, Verdict::Refused(Refused { change: 0, fault: ChangeFault::Malformed })),
            (
                "too large",
                WARMINSTER.node,
                vec![0; crate::MAX_CHANGE_BYTES + 1],
                Verdict::Refused(Refused { change: 0, fault: ChangeFault::TooLarge }),
            ),
            (
                "a field that campaigns do not have",
                LUTON.node,
                foreign_key,
                Verdict::Refused(Refused { change: 0, fault: ChangeFault::Operation }),
            ),
            (
                "a commit message",
                LUTON.node,
                with_message,
                Verdict::Refused(Refused { change: 0, fault: ChangeFault::Message }),
            ),
        ];
        for (case, author, change, expected) in cases {
            let mut campaign = Campaign::blank();
            assert_eq!(admit(&mut campaign, author, &[change]), expected, "{case}");
            assert_eq!(campaign.snapshot(), Campaign::blank().snapshot(), "{case}");
        }
    }

    #[test]
    fn a_bomb_of_a_million_operations_is_refused_before_it_is_parsed() {
        // An action column of one run: 1 Mi times "insert".
        let mut column = vec![0x80, 0x80, 0xc0, 0x00, 0x01];
        let mut content = vec![0, 16];
        content.extend_from_slice(&[1; 16]);
        content.extend_from_slice(&[1, 1, 0, 0, 0]); // seq, start op, time, message, other actors
        content.extend_from_slice(&[1, 0x42, column.len() as u8]);
        content.append(&mut column);
        let mut change = vec![0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1, content.len() as u8];
        change.append(&mut content);
        assert!(change.len() < 112);
        assert_eq!(
            admit(&mut Campaign::blank(), [1; 32], &[change]),
            Verdict::Refused(Refused { change: 0, fault: ChangeFault::TooManyOperations })
        );
    }

    #[test]
    fn a_truncated_or_foreign_snapshot_does_not_load() {
        let campaign = started();
        let (bytes, heads) = campaign.snapshot();
        assert_eq!(
            Campaign::load(&bytes, &heads).expect("a snapshot").view().expect("a campaign"),
            campaign.view().expect("a campaign")
        );
        assert!(Campaign::load(&bytes[..bytes.len() - 1], &heads).is_err());
        assert!(Campaign::load(&Campaign::blank().snapshot().0, &heads).is_err());
        assert!(Campaign::load(b"not a document", &[]).is_err());
    }

    /// Writes the checksum anew, so that only what the change says can be at fault: the first four bytes of SHA-256 over
    /// the chunk from its type on.
    fn mend_checksum(change: &mut [u8]) {
        let digest = Sha256::digest(&change[8..]);
        change[4..8].copy_from_slice(&digest[..4]);
    }

    fn long_note() -> Vec<u8> {
        edited(&mut Campaign::blank(), WARMINSTER, Edit::AppendNotes("a longer note, to have bytes".into()))
    }

    #[test]
    fn a_mended_checksum_is_the_one_that_the_library_writes() {
        let mut change = long_note();
        let written = change.clone();
        change[4..8].fill(0);
        mend_checksum(&mut change);
        assert_eq!(change, written);
    }

    #[test]
    fn a_change_that_panics_the_library_is_refused_and_named() {
        let mut panics = 0;
        let sound = long_note();
        for at in 8..sound.len() {
            let mut change = sound.clone();
            change[at] = 0;
            mend_checksum(&mut change);
            let mut campaign = Campaign::blank();
            if admit(&mut campaign, WARMINSTER.node, &[change])
                == (Verdict::Refused(Refused { change: 0, fault: ChangeFault::Breaking }))
            {
                panics += 1;
                assert_eq!(campaign.snapshot(), Campaign::blank().snapshot(), "byte {at}");
            }
        }
        assert!(panics > 0, "no byte of this change panics the library any more: find another");
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(2_000))]

        #[test]
        fn a_mutated_change_with_a_mended_checksum_is_refused_or_leaves_a_whole_campaign(
            at in 8usize..4096,
            byte in 0u8..=255,
        ) {
            let mut change = long_note();
            let at = 8 + at % (change.len() - 8);
            change[at] = byte;
            mend_checksum(&mut change);
            let mut campaign = Campaign::blank();
            let before = campaign.snapshot();
            match admit(&mut campaign, WARMINSTER.node, &[change]) {
                Verdict::Waiting | Verdict::Refused(_) => proptest::prop_assert_eq!(campaign.snapshot(), before),
                Verdict::Admitted => {
                    let (bytes, heads) = campaign.snapshot();
                    let again = Campaign::load(&bytes, &heads).expect("what was admitted loads again");
                    proptest::prop_assert_eq!(again.view().expect("a campaign"), campaign.view().expect("a campaign"));
                }
            }
        }
    }
}
