//! Disclosure policies over real processes: set by the Academy, applied by hubs, tightened by both and loosened by nobody.

use std::fs;

use serde_json::{Value, json};

use crate::command::{Outcome, folkmoot, text};
use crate::federation::{Federation, Hub};
use crate::restore::wait_until;
use crate::served::{Role, Served, log_of};

fn set(federation: &Federation, flags: &[&str]) -> Outcome {
    federation.academy(&["policy", "set"], flags)
}

fn terms(threshold: u32, special: u32, largest: u32, two_largest: u32) -> Value {
    json!({
        "threshold": threshold,
        "special_threshold": special,
        "largest_percent": largest,
        "two_largest_percent": two_largest,
    })
}

fn known(hub: &Hub) -> Value {
    folkmoot(&["hub", "policy", "--data", text(&hub.folder), "--format", "json"]).json(0)
}

#[test]
fn a_policy_reaches_every_hub_and_only_ever_tightens() {
    let mut federation = Federation::found();
    let hub = federation.hub("H1", "Warminster");
    hub.sync();
    let floors = terms(8, 10, 50, 90);
    let before = known(&hub);
    assert_eq!(
        before["policies"],
        json!([{ "version": 1, "from": null, "to": null, "terms": floors, "applied": floors }])
    );

    let second = set(&federation, &["--threshold", "10", "--largest", "45%", "--format", "json"]).json(0);
    assert_eq!((&second["version"], &second["terms"]), (&json!(2), &terms(10, 10, 45, 90)));
    let from = second["from"].as_str().expect("a quarter").to_owned();
    wait_until("the policy has come", || known(&hub)["policies"].as_array().is_some_and(|all| all.len() == 2));
    let policies = known(&hub)["policies"].clone();
    assert_eq!((&policies[1]["from"], &policies[1]["terms"]), (&json!(from), &terms(10, 10, 45, 90)));
    assert_eq!((&policies[0]["to"].is_string(), &policies[0]["terms"]), (&true, &floors));

    // Everything wrong at once, in the words of the command line.
    let lax = ["--threshold", "7", "--special-threshold", "9", "--two-largest", "95", "--from", "2020-Q1"];
    let words = set(&federation, &lax).fails(1, &["4 things are wrong", "laxer than policy 2", "2020-Q1 has begun"]);
    for flag in ["--threshold: ", "--special-threshold: ", "--two-largest: ", "--from: "] {
        assert!(words.contains(flag), "{words}");
    }
    set(&federation, &["--threshold", "9"]).fails(1, &["threshold 9 is laxer than policy 2: 10 or more"]);
    assert!(set(&federation, &["--from", &from]).done().contains("Policy 2 "), "the very same is no fault");
    set(&federation, &["--threshold", "few"]).fails(2, &["--threshold"]);
    set(&federation, &[]).fails(2, &["--threshold"]);
    let listed = federation.academy(&["policy", "list"], &[]).done();
    assert!(listed.contains("the beginning: the floors") && listed.contains(&from), "{listed}");
    let all = federation.academy(&["policy", "list"], &["--format", "json"]).json(0);
    assert_eq!(all["policies"].as_array().map(Vec::len), Some(2));

    // The hub's own terms hold with the Academy away, and never loosen anything.
    federation.academy.take().expect("an Academy").stop();
    let folder = hub.stop();
    let path = folder.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    let write = |table: &str| fs::write(&path, format!("{settings}\n[disclosure]\n{table}\n")).expect("settings");
    write("threshold = 5\nlargest_percent = 60");
    let refused = Served::start_with(Role::Hub, &folder, &[]).expect_err("refused");
    refused.fails(1, &["folkmoot.toml", "threshold 5 is laxer than the floor: 8 or more", "largest share 60 %"]);
    fs::remove_file(log_of(&folder)).expect("a log");
    write("threshold = 9\ntwo_largest_percent = 80");
    let hub = Hub::serve(folder);
    let after = known(&hub);
    assert_eq!(after["own"], terms(9, 10, 50, 80));
    assert_eq!(after["policies"][0]["applied"], terms(9, 10, 50, 80));
    assert_eq!(after["policies"][1]["applied"], terms(10, 10, 45, 80));
    let shown = folkmoot(&["hub", "policy", "--data", text(&hub.folder)]).done();
    assert!(shown.contains("9 (policy: 8)") && shown.contains(&format!("from {from} on")), "{shown}");
    federation.serve_academy();
    let elsewhere = folkmoot(&["academy", "policy", "list", "--data", text(&hub.folder)]);
    elsewhere.fails(1, &["Academy"]);
}
