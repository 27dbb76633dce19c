//! Who takes part in a campaign, changed over real processes.

use std::fs;

use folkmoot_proto::hub::v1::CampaignRole;

use crate::client::Client;
use crate::federation::{Federation, Hub, every_file, id_of};
use crate::tokens::Tokens;

fn member(hub: &Hub, command: &str, campaign: &str, other: &str) {
    hub.campaign(&["member", command, id_of(campaign), other], &[]).done();
}

/// With the Academy as the relay; without it, hub to hub; and with it again.
#[test]
fn a_hub_is_taken_in_gets_all_and_is_taken_out_and_gets_nothing_more() {
    let mut federation = Federation::found();
    let [one, other, late] =
        [("H1", "Warminster"), ("H2", "Luton"), ("H3", "Frome")].map(|(folder, name)| federation.hub(folder, name));
    let campaign = one.begin("Parks", &["Luton"], &[]);
    one.edit(&campaign, &["--notes-append", "From the beginning."]);
    other.reads(&campaign, "the campaign has arrived", |campaign| campaign.notes.contains("From the beginning."));
    assert_eq!(Client::of(&late.folder).campaigns(), []);

    member(&one, "add", &campaign, "Frome");
    late.reads(&campaign, "all of it", |campaign| campaign.notes.contains("From the beginning."));
    late.edit(&campaign, &["--notes-append", "From Frome."]);
    for hub in [&one, &other] {
        hub.reads(&campaign, "the edit of the hub that was taken in", |campaign| {
            campaign.notes.contains("From Frome.")
        });
    }

    federation.academy.take().expect("an Academy").stop();
    one.campaign(&["lead", "offer", id_of(&campaign), "Luton"], &[]).done();
    other.reads(&campaign, "the offer, hub to hub", |campaign| campaign.may_take_lead);
    other.campaign(&["lead", "accept", id_of(&campaign)], &[]).done();
    one.reads(&campaign, "the new lead", |campaign| campaign.role() == CampaignRole::Editor);
    member(&other, "remove", &campaign, "Frome");
    let mut tokens = Tokens::new(31);
    let word = tokens.plant();
    other.edit(&campaign, &["--notes-append", &word]);
    one.reads(&campaign, "what came after", |campaign| campaign.notes.contains(&word) && campaign.members.len() == 2);

    federation.serve_academy();
    for hub in [&one, &other] {
        hub.sync();
    }
    late.edit(&campaign, &["--notes-append", "Too late."]);
    late.reads(&campaign, "it is told", |campaign| !campaign.left_out_by.is_empty());
    let shown = late.campaign(&["show", id_of(&campaign)], &[]).done();
    assert!(shown.contains("taken out of the campaign"), "{shown}");
    late.sync();
    for hub in [&one, &other] {
        let read = Client::of(&hub.folder).campaign(&campaign).expect("a campaign");
        assert!(read.notes.contains("From Frome.") && !read.notes.contains("Too late."), "{}", read.notes);
    }
    one.campaign(&["member", "add", id_of(&campaign), "Frome"], &[]).fails(1, &["Luton"]);
    every_file(&late.stop(), &mut |path, bytes| {
        assert_eq!(tokens.found_in(bytes), [""; 0], "in {}", path.display());
    });
}

#[test]
fn the_academy_appoints_another_lead_where_the_lead_is_gone() {
    let federation = Federation::found();
    let one = federation.hub("H1", "Warminster");
    let other = federation.hub("H2", "Luton");
    let campaign = one.begin("Quiet streets", &["Luton"], &["--no-relay"]);
    other.reads(&campaign, "the campaign has arrived", |_| true);
    one.stop();
    other.campaign(&["lead", "accept", id_of(&campaign)], &[]).fails(1, &["appoints"]);
    let whole = id_of(&campaign);
    federation.academy(&["appoint", whole, "Luton"], &[]).done();
    other.sync();
    other.reads(&campaign, "the appointment", |campaign| campaign.may_take_lead);
    other.campaign(&["lead", "accept", whole], &[]).done();
    member(&other, "remove", &campaign, "Warminster");
    let listed = other.campaign(&["member", "list", whole], &[]).done();
    assert!(listed.contains("Luton (lead)"), "{listed}");
}

/// What slipped in is taken out, and then forgotten on every disk; a member that was away brings nothing back.
#[test]
fn what_is_erased_is_on_no_disk_any_more() {
    let mut federation = Federation::found();
    let [one, other, away] =
        [("H1", "Warminster"), ("H2", "Luton"), ("H3", "Frome")].map(|(folder, name)| federation.hub(folder, name));
    let campaign = one.begin("Parks", &["Luton", "Frome"], &[]);
    let mut tokens = Tokens::new(32);
    let word = tokens.plant();
    other.reads(&campaign, "the campaign has arrived", |_| true);
    other.edit(&campaign, &["--aim", &format!("Ask {word}")]);
    other.edit(&campaign, &["--aim", "Ask the council"]);
    for hub in [&one, &away] {
        hub.reads(&campaign, "both edits", |campaign| campaign.aim == "Ask the council");
        hub.sync();
    }
    // It writes on where nobody hears it.
    federation.academy.take().expect("an Academy").stop();
    let [one, other] = [one, other].map(Hub::stop);
    away.edit(&campaign, &["--notes-append", "Written away."]);
    let away = away.stop();
    federation.serve_academy();
    let [one, other] = [one, other].map(Hub::serve);
    one.campaign(&["erase", id_of(&campaign)], &[]).done();
    one.sync();
    other.sync();
    let erasure = |hub: &Hub| hub.campaign(&["show", id_of(&campaign)], &["--erasure", "--format", "json"]).json(0);
    let dropped = |hub: &Hub, name: &str| {
        let said = erasure(hub);
        let members = said["members"].as_array().expect("members").clone();
        members.iter().any(|member| member["hub"] == name && member["dropped"] == true)
    };
    crate::restore::wait_until("the other has dropped it, and says so", || dropped(&one, "Luton"));
    assert!(dropped(&one, "Warminster") && !dropped(&one, "Frome"), "{}", erasure(&one));

    let away = Hub::serve(away);
    away.sync();
    crate::restore::wait_until("whoever was away as well", || dropped(&one, "Frome"));
    away.reads(&campaign, "the document as it was", |campaign| campaign.aim == "Ask the council");
    assert!(dropped(&one, "National Academy"), "{}", erasure(&one));
    // While it runs, too: neither in the database nor in what was written before it.
    for file in ["node.db", "node.db-wal"] {
        let bytes = fs::read(federation.academy_folder().join(file)).expect("a file of the database");
        assert_eq!(tokens.found_in(&bytes), [""; 0], "in the Academy's {file}");
    }
    for hub in [&other, &away] {
        hub.sync();
        crate::restore::wait_until("every member knows of the Academy", || dropped(hub, "National Academy"));
    }
    let unsent = || away.campaign(&["unsent", id_of(&campaign)], &["--format", "json"]).json(0);
    assert_eq!(unsent()["edits"], serde_json::json!([{ "what": "notes", "said": "Written away.\n" }]));
    let shown = away.campaign(&["unsent", id_of(&campaign)], &[]).done();
    assert!(shown.contains("Written away."), "{shown}");
    away.sync();
    for hub in [&one, &other, &away] {
        assert_eq!(Client::of(&hub.folder).campaign(&campaign).expect("a campaign").notes, "", "never merged");
    }
    away.campaign(&["unsent", id_of(&campaign), "--discard"], &[]).done();
    assert_eq!(unsent()["edits"], serde_json::json!([]));
    let folders = [one, other, away].map(Hub::stop);
    federation.academy.take().expect("an Academy").stop();
    for folder in folders.iter().chain([&federation.academy_folder()]) {
        every_file(folder, &mut |path, bytes| {
            assert_eq!(tokens.found_in(bytes), [""; 0], "in {}", path.display());
            assert_eq!(tokens.found_compressed_in(bytes), 0, "in {}", path.display());
        });
    }
}
