//! Tests over the whole crate.

use sha2::{Digest, Sha256};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ROOT};

use crate::*;

mod order;

/// A blank document in the library's own hands, for what the interface does not offer.
fn blank_document(actor: Actor) -> Automerge {
    let options = automerge::LoadOptions::new().text_encoding(automerge::TextEncoding::Utf16CodeUnit);
    Automerge::load_with_options(&Campaign::blank().export(), options)
        .expect("a blank document")
        .with_actor(ActorId::from(&actor.bytes()[..]))
}

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
        other.set_actor(ActorId::from(&LUTON.bytes()[..]));
        other
            .transact::<_, _, AutomergeError>(|transaction| transaction.put(ROOT, "phone", "07700 900000"))
            .expect("a change");
        other.get_last_local_change().expect("a change").raw_bytes().to_vec()
    };
    let with_message = {
        let mut other = Automerge::load(&Campaign::blank().snapshot().0).expect("a blank document");
        other.set_actor(ActorId::from(&LUTON.bytes()[..]));
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
            vec![0; MAX_CHANGE_BYTES + 1],
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
fn changes_on_which_the_library_panics_are_refused_before_it_sees_them() {
    let mut panics = 0;
    let sound = long_note();
    for at in 8..sound.len() {
        let mut change = sound.clone();
        change[at] = if sound[at] == 0 { 1 } else { 0 };
        mend_checksum(&mut change);
        let bare = std::panic::catch_unwind(|| {
            let mut document = Automerge::load(&Campaign::blank().export()).expect("a blank document");
            let _ = document.apply_changes([automerge::Change::from_bytes(change.clone()).ok()?]);
            Some(document.save())
        });
        panics += usize::from(bare.is_err());
        let verdict = admit(&mut Campaign::blank(), WARMINSTER.node, &[change]);
        assert_ne!(verdict, Verdict::Refused(Refused { change: 0, fault: ChangeFault::Breaking }), "byte {at}");
        assert!(bare.is_ok() || matches!(verdict, Verdict::Refused(_)), "byte {at}: {verdict:?}");
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
