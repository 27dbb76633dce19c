//! Changes that `@automerge/automerge` 3.5.0 made, as bytes: what comes naturally there is admitted and reads well.
//!
//! Each line of `javascript.txt` has a name, the code within `change(d => …)`, and the change. They build on the blank
//! document, or on the change `aim` or `push`, under an actor that the document's export could have given.

use std::sync::Arc;

use super::*;

const EXPORTED: Actor = Actor { node: [1; 32], incarnation: 42 };

fn made(name: &str) -> Vec<u8> {
    let line = |line: &&str| line.split('\t').next() == Some(name);
    let line = include_str!("javascript.txt").lines().find(line).expect("a change of this name");
    let hex = line.split('\t').nth(2).expect("three columns").as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// What is compared: the strings, the notes, and who signed up whom.
#[derive(Debug, Default, PartialEq)]
struct Said {
    title: String,
    aim: String,
    notes: String,
    organisations: Vec<(String, String)>,
}

fn said(campaign: &Campaign) -> Said {
    let View { title, aim, notes, organisations, .. } = Arc::unwrap_or_clone(campaign.view().expect("a campaign"));
    let organisations = organisations.into_iter().map(|it| (it.organisation, it.hub)).collect();
    Said { title, aim, notes: notes.text, organisations }
}

/// Whatever hub the entries name: who made them is known.
fn signed_up(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|organisation| (organisation.to_string(), "01".repeat(32))).collect()
}

fn check(changes: &[&str], expected: &Said) {
    let mut campaign = Campaign::blank();
    for name in changes {
        assert_eq!(admit(&mut campaign, EXPORTED.node, &[made(name)]), Verdict::Admitted, "{name}");
    }
    assert_eq!(said(&campaign), *expected, "{changes:?}");
    let mut again = Campaign::blank();
    let together: Vec<Vec<u8>> = changes.iter().map(|name| made(name)).collect();
    assert_eq!(admit(&mut again, EXPORTED.node, &together), Verdict::Admitted, "{changes:?} in one entry");
    assert_eq!(said(&again.copy()), *expected, "{changes:?} in one entry");
}

#[test]
fn notes_edited_with_emoji_in_javascript_read_whole() {
    check(&["splice"], &Said { notes: "Tea 🫖 at the 👩‍👩‍👧 hub\n".into(), ..Said::default() });
    check(&["updateText"], &Said { notes: "new text".into(), ..Said::default() });
}

#[test]
fn an_aim_assigned_in_javascript_is_a_text_that_can_be_edited_and_replaced() {
    check(&["aim"], &Said { aim: "Wi-Fi for all 🚌".into(), ..Said::default() });
    check(&["aim", "aim_edited"], &Said { aim: "Broadband for all 🚌".into(), ..Said::default() });
    check(&["aim", "aim_again"], &Said { aim: "Other".into(), ..Said::default() });
}

#[test]
fn organisations_pushed_in_javascript_sign_up() {
    let with = |names: &[&str]| Said { organisations: signed_up(names), ..Said::default() };
    check(&["push"], &with(&["Library"]));
    check(&["push_immutable"], &with(&["Choir"]));
    check(&["push", "rename"], &with(&["The Library"]));
    check(&["push", "unshift2"], &with(&["A", "C", "Library"]));
    check(&["push", "deleteAt"], &with(&[]));
}

#[test]
fn one_change_in_javascript_may_do_several_things() {
    check(
        &["both"],
        &Said { title: "T".into(), notes: "x".into(), organisations: signed_up(&["E"]), ..Said::default() },
    );
}

#[test]
fn what_a_campaign_does_not_know_is_refused_from_javascript_too() {
    let cases = [
        (&["assign_notes"][..], ChangeFault::Operation),
        (&["new_key"], ChangeFault::Operation),
        (&["delete_title"], ChangeFault::Operation),
        (&["push", "replace_entry"], ChangeFault::Operation),
        (&["mark"], ChangeFault::Operation),
        (&["message"], ChangeFault::Message),
    ];
    for (changes, fault) in cases {
        let mut campaign = Campaign::blank();
        let verdicts: Vec<Verdict> =
            changes.iter().map(|name| admit(&mut campaign, EXPORTED.node, &[made(name)])).collect();
        assert_eq!(verdicts.last(), Some(&Verdict::Refused(Refused { change: 0, fault })), "{changes:?}");
    }
}

#[test]
fn a_hub_edits_on_where_javascript_left_off() {
    let mut campaign = Campaign::blank();
    for name in ["aim", "aim_edited"] {
        assert_eq!(admit(&mut campaign, EXPORTED.node, &[made(name)]), Verdict::Admitted);
    }
    edited(&mut campaign, LUTON, Edit::Aim("A databank".into()));
    edited(&mut campaign, LUTON, Edit::SignUp { organisation: "Library".into(), date: None });
    assert_eq!(campaign.copy().view().map(|view| view.aim.clone()), Ok("A databank".into()));
}
