//! What the Academy hands out is what others can check, whatever its logs went through.

use folkmoot_journal::export::{Examination, Examined, Manifest, Misfit};

use super::faults::forked;
use super::*;

/// The Academy's export, read back as anybody would, in stretches of a few bytes.
fn examine(academy: &Node) -> Result<Examined, Misfit> {
    let store = academy.store.academy().expect("the Academy's tables");
    let export = store.export().expect("an export");
    let mut examination = Examination::begin(export.manifest.as_bytes(), academy.journal().federation())?;
    for held in &export.logs {
        let (mut bytes, mut after) = (Vec::new(), 0);
        while after < held.seq {
            let (stretch, last) = store.exported_entries(held, after, 300).expect("entries");
            assert!(last > after);
            bytes.extend(stretch);
            after = last;
        }
        assert_eq!(store.exported_entries(held, held.seq, 300).expect("no more"), (Vec::new(), held.seq));
        assert_eq!(examination.wants(), Some(held.entries_file().as_str()));
        examination.take(Some(&bytes))?;
        if let Some(file) = held.fork_file() {
            assert_eq!(examination.wants(), Some(file.as_str()));
            examination.take(Some(&store.exported_fork(held).expect("the proof")))?;
        }
    }
    assert_eq!(examination.wants(), None);
    examination.end()
}

fn fits(academy: &Node) -> Examined {
    let examined = examine(academy).unwrap_or_else(|misfit| panic!("{misfit:?}"));
    assert_eq!(*examined.directory, *academy.journal().directory());
    examined
}

#[test]
fn an_export_of_several_processes_fits() {
    let (academy, hub) = pair();
    hub.append(&["one", "two"]);
    hub.append(&["three"]);
    sync(&hub, &academy);
    hub.start(2_001);
    hub.append(&["four"]);
    sync(&hub, &academy);
    let examined = fits(&academy);
    // The Academy was founded in one process and registered the hub in the next.
    let seqs: Vec<u64> = examined.manifest.logs.iter().map(|held| held.seq).collect();
    assert_eq!(seqs, [1, 2, 4, 2]);
    assert_eq!(examined.entries, 9);
}

#[test]
fn what_was_set_aside_is_said_to_be() {
    let (academy, hub) = pair();
    hub.append(&["accepted"]);
    sync(&hub, &academy);
    let accepted = academy.tips(hub.releases());
    hub.append(&["late"]);
    push(&hub, &academy);
    let last = accepted.into_iter().map(|tip| (hub.releases(), tip)).collect();
    list(&academy, &record(&hub.key, 2, HubState::Revoked, last));
    let noted: Vec<_> = fits(&academy).noted.into_iter().map(|noted| (noted.place.seq, noted.reason)).collect();
    assert_eq!(noted, [(3, RefusalReason::AfterRevocation)]);
}

#[test]
fn a_log_that_forks_is_proved_to() {
    let (academy, hub, copy) = forked();
    push(&hub, &academy);
    let before = academy.store.academy().expect("tables").export().expect("an export");
    push(&academy, &copy);
    push(&copy, &academy);
    let examined = fits(&academy);
    let forked: Vec<_> = examined.manifest.logs.iter().map(|held| (held.seq, held.forked)).collect();
    assert_eq!(forked, [(1, false), (2, false), (2, true)]);
    // An export that began before is told so rather than go on with what is no longer there.
    let store = academy.store.academy().expect("tables");
    let held = before.logs.last().expect("a log");
    assert!(matches!(store.exported_entries(held, 0, 300), Err(StoreError::ExportOvertaken)));
    assert!(matches!(store.exported_fork(held), Err(StoreError::ExportOvertaken)));
}

#[test]
fn a_manifest_is_signed_as_of_one_moment() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    sync(&hub, &academy);
    let export = academy.store.academy().expect("tables").export().expect("an export");
    let (manifest, signature) = Manifest::read(export.manifest.as_bytes()).expect("a manifest");
    assert_eq!((manifest.academy, &manifest.logs), (academy.id, &export.logs));
    assert_eq!(manifest.verify(&signature, &academy.key.public()), Ok(()));
    assert_eq!(manifest.verify(&signature, &hub.key.public()), Err(folkmoot_journal::Fault::Signature));
    assert_eq!(export.figures, []);
    assert!(matches!(hub.store.academy().map(|_| ()), Err(StoreError::WrongRole { .. })));
}
