//! Joining: what goes wrong says what to do, and what is harmless does no harm.

use std::fs;

use crate::client::Client;
use crate::command::{folkmoot, text};
use crate::federation::{Federation, Hub, copy_folder, sync};

#[test]
fn codes_that_do_not_fit_are_refused_in_words() {
    let federation = Federation::found();
    let first = federation.init_hub("H1", "First");
    let code = federation.invite("First", &[]);

    // Another name than the code's.
    let other = federation.init_hub("H2", "Second");
    folkmoot(&["hub", "join", "--data", text(&other), &code]).fails(1, &["another name"]);
    // A code that was mistyped, or is none.
    let mut mistyped = code.clone().into_bytes();
    let middle = mistyped.len() / 2;
    mistyped[middle] = if mistyped[middle] == b'a' { b'b' } else { b'a' };
    let mistyped = String::from_utf8(mistyped).expect("ASCII");
    for wrong in [mistyped.as_str(), "nonsense", ""] {
        let outcome = folkmoot(&["hub", "join", "--data", text(&first), wrong]);
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
        assert!(outcome.err.contains("code"), "{outcome}");
    }

    // The refusals above have not spent it.
    folkmoot(&["hub", "join", "--data", text(&first), &code]).done();
    let hub = Hub::serve(first);
    hub.sync();

    // Used, by a folder with other keys.
    let thief = federation.init_hub("H3", "First");
    folkmoot(&["hub", "join", "--data", text(&thief), &code]).fails(1, &["used"]);

    // Foreign: another federation's, where the hub has joined one already.
    let foreign = Federation::found();
    let foreign_code = foreign.invite("First", &[]);
    let folder = hub.stop();
    folkmoot(&["hub", "join", "--data", text(&folder), &foreign_code]).fails(1, &["federation"]);
    let hub = Hub::serve(folder);
    hub.sync();
}

#[test]
fn a_code_of_another_academy_at_the_same_address_is_refused() {
    let mut federation = Federation::found();
    let code = federation.invite("Hub", &[]);
    let hub = federation.init_hub("H", "Hub");
    let listens = federation.academy.take().map(|academy| {
        let listens = academy.listens();
        academy.stop();
        listens
    });
    fs::remove_dir_all(federation.academy_folder()).expect("the Academy's folder");
    let folder = federation.academy_folder();
    let listens = listens.expect("an Academy");
    folkmoot(&["academy", "init", "--data", text(&folder), "--name", "Another", "--listen", &listens]).done();
    federation.serve_academy();
    folkmoot(&["hub", "join", "--data", text(&hub), &code]).fails(1, &["federation"]);
    // And where nobody answers.
    federation.academy.take().expect("an Academy").stop();
    folkmoot(&["hub", "join", "--data", text(&hub), &code]).fails(1, &[&listens]);
}

#[test]
fn joining_again_is_harmless_and_recovers_a_lost_reply() {
    let federation = Federation::found();
    let folder = federation.init_hub("H", "Hub");
    let code = federation.invite("Hub", &[]);
    // The reply is lost: the folder lies as it was before, and the Academy has spent the code on its keys.
    let before = federation.path("before");
    copy_folder(&folder, &before);
    folkmoot(&["hub", "join", "--data", text(&folder), &code]).done();
    let id = |folder: &std::path::Path| {
        let hub = Hub::serve(folder.to_path_buf());
        hub.sync();
        let id = Client::of(folder).status().node_id;
        hub.stop();
        id
    };
    let first = id(&folder);
    folkmoot(&["hub", "join", "--data", text(&folder), &code]).done();
    assert_eq!(id(&folder), first);
    crate::federation::put_back(&before, &folder);
    folkmoot(&["hub", "join", "--data", text(&folder), &code]).done();
    assert_eq!(id(&folder), first, "the same node");
    let listed = federation.academy(&["hub", "list"], &[]).done();
    assert_eq!(listed.matches("127.0.0.1:").count(), 1, "one hub: {listed}");
}

#[test]
fn a_hub_that_serves_or_has_not_joined_is_told_what_to_do() {
    let federation = Federation::found();
    let folder = federation.init_hub("H", "Hub");
    let code = federation.invite("Hub", &[]);
    // Not joined: either it does not serve and says how to join, or it serves alone and the exchange says so.
    match crate::served::Served::start_with(crate::served::Role::Hub, &folder, &[]) {
        Ok(node) => {
            let outcome = sync(&folder);
            assert!(outcome.code != Some(0) && outcome.err.contains("join"), "{outcome}");
            node.stop();
        }
        Err(outcome) => {
            outcome.fails(1, &["join"]);
        }
    }
    folkmoot(&["hub", "join", "--data", text(&folder), &code]).done();
    let hub = Hub::serve(folder);
    folkmoot(&["hub", "join", "--data", text(&hub.folder), &code]).fails(1, &[]);
    hub.sync();
}
