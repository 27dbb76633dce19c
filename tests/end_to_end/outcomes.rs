//! What a campaign of several hubs achieves, over real processes: in the figures of the hub that leads and in the national
//! report, once.

use std::collections::BTreeMap;

use folkmoot_proto::hub::v1::{Campaign, CampaignRole};

use crate::client::Client;
use crate::federation::{Federation, Hub, every_file, id_of};
use crate::tokens::Tokens;

const QUARTER: &str = "2018-Q3";
const CODES: [&str; 3] = ["organisations_signed_up", "campaign_reach", "asks_won"];

fn counted(hub: &Hub) -> [u64; 3] {
    let figures: BTreeMap<String, u64> = hub.indicators(QUARTER);
    CODES.map(|code| figures[code])
}

fn reached(campaign: &Campaign) -> u64 {
    campaign.reach.iter().map(|month| month.people).sum()
}

/// Luton and Frome do the work of a campaign that Warminster leads; then Warminster hands the lead over.
#[test]
fn a_campaign_s_outcome_counts_at_its_lead_and_once_in_the_national_report() {
    let mut federation = Federation::found();
    let hubs =
        [("H1", "Warminster"), ("H2", "Luton"), ("H3", "Frome")].map(|(folder, name)| federation.hub(folder, name));
    let [lead, luton, frome] = &hubs;
    let campaign = lead.begin("Warm homes", &["Luton", "Frome"], &["--no-relay"]);
    let id = id_of(&campaign);
    for hub in [luton, frome] {
        hub.reads(&campaign, "the campaign has arrived", |campaign| !campaign.title.is_empty());
    }
    let mut tokens = Tokens::new(41);
    let (library, foodbank) = (format!("Library {}", tokens.plant()), format!("Foodbank {}", tokens.plant()));
    luton.edit(&campaign, &["--sign-up", &library, "--date", "2018-07-03"]);
    frome.edit(&campaign, &["--sign-up", &library.to_uppercase(), "--date", "2018-08-30"]);
    frome.edit(&campaign, &["--sign-up", &foodbank, "--date", "2018-09-30"]);
    // Today, and so in no quarter that has ended.
    frome.edit(&campaign, &["--sign-up", "Mosque"]);
    luton.campaign(&["reach", id], &["--month", "2018-08", "--people", "120"]).done();
    frome.campaign(&["reach", id], &["--month", "2018-09", "--people", "80"]).done();
    frome.campaign(&["reach", id], &["--month", "2018-10", "--people", "1000"]).done();
    let ask = ["--ask", "Insulate every flat", "--state", "won", "--date", "2018-09-12"];
    luton.campaign(&["add", id, "ask"], &ask).done();
    luton.campaign(&["add", id, "ask"], &["--ask", "Inspect every flat", "--state", "won"]).done();
    luton
        .campaign(&["edit", id], &["--sign-up", "Bus users", "--date", "last week"])
        .fails(1, &["--date", "2018-10-03"]);
    let all = |campaign: &Campaign| {
        campaign.organisations.len() == 4 && campaign.asks.len() == 2 && reached(campaign) == 1_200
    };
    let read = lead.reads(&campaign, "all that was achieved", all);
    assert!(read.asks.iter().all(|ask| !ask.date.is_empty()), "an ask that is won has a day: {:?}", read.asks);
    for hub in [luton, frome] {
        hub.reads(&campaign, "what others achieved", all);
    }
    let expected = [[2, 200, 1], [0; 3], [0; 3]];
    assert_eq!(hubs.each_ref().map(counted), expected);

    // The days of that quarter were Warminster's, whoever leads since.
    lead.campaign(&["lead", "offer", id, "Luton"], &[]).done();
    luton.reads(&campaign, "the offer", |campaign| campaign.may_take_lead);
    luton.campaign(&["lead", "accept", id], &[]).done();
    lead.reads(&campaign, "the new lead", |campaign| campaign.role() == CampaignRole::Editor);
    assert_eq!(hubs.each_ref().map(counted), expected);
    lead.campaign(&["reach", id], &["--month", "2018-09", "--people", "5"]).done();
    luton.reads(&campaign, "what the former lead counts", |campaign| reached(campaign) == 1_205);
    assert_eq!(hubs.each_ref().map(counted), [[2, 205, 1], [0; 3], [0; 3]]);

    for hub in &hubs {
        hub.approve(QUARTER).done();
        hub.sync();
    }
    let report = federation.report(QUARTER);
    for (code, value) in CODES.into_iter().zip([2, 205, 1]) {
        let line = report.headline(code);
        assert_eq!((&line["value"], &line["hubs"]), (&value.into(), &3.into()), "{line}");
    }
    // Only counts leave: no name is at the Academy, which this campaign passes by.
    assert_eq!(Client::of(&lead.folder).campaign(&campaign).expect("a campaign").organisations.len(), 4);
    federation.academy.take().expect("an Academy").stop();
    every_file(&federation.academy_folder(), &mut |path, bytes| {
        assert_eq!(tokens.found_in(bytes), [""; 0], "in {}", path.display());
    });
}
